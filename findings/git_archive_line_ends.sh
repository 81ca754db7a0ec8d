#!/usr/bin/env bash
# git: `git archive COMMIT` gives other bytes for the same commit, by the settings of whoever calls it.
#
# Guessed first: a tar file of a commit depends on the commit alone, for it reads objects and no working tree; tar.umask
# may change the modes, which its manual says.
# Behaviour (git 2.39.5, a bare repository too): with `core.autocrlf=true`, a user's setting that installers of git for
# Windows propose, text files inside the tar have CRLF: file contents, sizes and every digest differ. `git archive` writes
# what a checkout would write.
# What follows for a user: `git -c core.autocrlf=false -c core.eol=lf archive`, where the bytes matter, or `* -text` in
# .gitattributes; checksums of contents do not protect, if they are made from the archive.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git --version
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init -q "$folder/one"
cd "$folder/one"
printf 'a line\nanother\n' > text.txt
git add text.txt
git -c user.name=n -c user.email=e@x commit -qm text
git clone -q --bare . "$folder/bare"
plain=$(git -C "$folder/bare" archive HEAD | tar -xO text.txt | sha256sum | cut -c 1-16)
stored=$(git show HEAD:text.txt | sha256sum | cut -c 1-16)
crlf=$(git -C "$folder/bare" -c core.autocrlf=true archive HEAD | tar -xO text.txt | sha256sum | cut -c 1-16)
echo "stored $stored, archived $plain, archived with core.autocrlf=true $crlf"
git -C "$folder/bare" -c core.autocrlf=true archive HEAD | tar -xO text.txt | od -c | head -2
test "$stored" = "$plain" && test "$plain" != "$crlf" || { echo "the behaviour changed" >&2; exit 1; }
