#!/usr/bin/env bash
# uv: `uv pip compile --generate-hashes` passes over a hash that the .in file states, and keeps one that the lock states.
#
# Guessed first: a `--hash` in the .in file is carried into the lock, or compiling fails where the index has another one;
# and a lock that is compiled again gets the hashes that the index lists now.
# Behaviour: a hash in the .in file counts for nothing: the lock lists the index's, without a word about the difference. A
# hash in the lock stays as it is while its version does, though no file of the index has it: a tampered or incomplete one
# outlives every compilation but `--upgrade`. pip stops at it later; where the list is incomplete (a local wheel for one
# Python, say), only the other Pythons do.
# What follows for a user: remove the hashes from the lock before compiling again, and put in those of the .in file oneself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv==0.13.9
cd "$folder"
uv=venv/bin/uv
"$uv" --version
compile=("$uv" pip compile --quiet --no-config --no-header --no-annotate --generate-hashes)
wrong=--hash=sha256:$(printf '%064d' 0)

echo "six==1.17.0 $wrong" > stated.in
"${compile[@]}" stated.in -o stated.lock
echo "stated in the .in file:" && cat stated.lock
grep -q -- --hash stated.lock
! grep -q -- "$wrong" stated.lock || { echo "the behaviour changed: the hash of the .in file is in the lock" >&2; exit 1; }

echo "six==1.17.0" > kept.in
echo "six==1.17.0 $wrong" > kept.lock
"${compile[@]}" kept.in -o kept.lock
echo "stated in the lock:" && cat kept.lock
[ "$(grep -c -- --hash kept.lock)" = 1 ] && grep -q -- "$wrong" kept.lock \
  || { echo "the behaviour changed: the hashes were asked for anew" >&2; exit 1; }
