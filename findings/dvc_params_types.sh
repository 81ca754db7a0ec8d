#!/usr/bin/env bash
# DVC: a parameter that changes its type but not its number is not a change; a parameter that is .nan is always changed.
#
# Guessed first: params.yaml is compared as YAML writes it. `seed: 1` edited to `true`, or `dropout: 0` to `false`, makes the
# stage stale, and `dvc params diff` shows it; a stage whose parameters nobody touched is up to date.
# Behaviour: values are compared with Python's ==. So 1, 1.0 and true are one value, inside lists too: `dvc status` reports
# nothing, `dvc repro` keeps outputs of the old value and dvc.lock names the old one. (`dvc params diff` compares lists as
# text: it shows the edited list, which `dvc status` calls up to date, and not the two numbers.) And since NaN is not equal
# to itself, a stage with a parameter `.nan` is "modified" after every `dvc repro`: a check that asks for a clean `dvc status`
# never passes.
# What follows for a user: a program that branches on the type (a share or a count, a switch or a number) must be run with
# --force after such an edit; write `null` or a word in place of .nan.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dvc==3.67.1
export PATH="$folder/venv/bin:$PATH" DVC_NO_ANALYTICS=1 DVC_SITE_CACHE_DIR="$folder/site"
mkdir "$folder/project" && cd "$folder/project"
git init --quiet && git config user.name someone && git config user.email someone@example.org
dvc init --quiet
echo "dvc $(dvc --version)"

cat > dvc.yaml <<'YAML'
stages:
  train:
    cmd: grep -v missing params.yaml > used
    params: [neighbours, dropout, layers]
    outs: [used]
  mark:
    cmd: date +%N > marked
    params: [missing]
    outs: [marked]
YAML
printf 'neighbours: 1\ndropout: 0\nlayers: [1, 2]\nmissing: none\n' > params.yaml
dvc repro --quiet
git add . && git commit --quiet --message first

printf 'neighbours: 1.0\ndropout: false\nlayers: [true, 2.0]\nmissing: none\n' > params.yaml
echo "types changed: $(dvc status)"
dvc params diff --md
! dvc params diff | grep --quiet -e neighbours -e dropout || { echo "the behaviour changed: the difference is shown"; exit 1; }
dvc repro --quiet
echo "used by the last run: $(tr '\n' ' ' < used)"
grep --quiet 'neighbours: 1$' used || { echo "the behaviour changed: the stage ran"; exit 1; }

printf 'neighbours: 2\ndropout: 0\nlayers: [1, 2]\nmissing: .nan\n' > params.yaml
dvc repro --quiet
echo "with .nan, after dvc repro: $(dvc status | tr -s '[:space:]' ' ')"
grep --quiet 'neighbours: 2$' used || { echo "a changed number no longer runs the stage"; exit 1; }
dvc status mark | grep --quiet missing || { echo "the behaviour changed: .nan is up to date"; exit 1; }
