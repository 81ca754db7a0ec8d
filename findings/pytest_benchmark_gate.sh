#!/usr/bin/env bash
# pytest-benchmark: the gate `--benchmark-compare-fail` passes what it has nothing to compare with.
#
# Guessed first: a benchmark without a counterpart makes the gate fail, or a warning names it; and where nothing was timed, since
# pytest-xdist runs the tests, the gate fails as it does without a saved file (exit status 4).
# Behaviour: only names that both runs have are compared. A case that became 100 times slower and was renamed passes with exit
# status 0, without a warning, also where it is the only case. Under `-n 2` nothing is timed and nothing compared: exit status 0.
# With the name kept and one process, the same slowdown fails.
# What follows for a user: a gate in CI must run without xdist, and must itself fail where a saved name has no counterpart.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pytest==9.2.0 pytest-benchmark==5.3.1 pytest-xdist==3.8.0
export PATH="$folder/venv/bin:$PATH"
cd "$folder"
pytest --version
python -c "from importlib.metadata import version; print('pytest-benchmark', version('pytest-benchmark'))"

write() { printf 'def test_%s(benchmark):\n    benchmark(lambda: sum(range(%s)))\n' "$1" "$2" > test_speed.py; }
gate() {
  set +e
  pytest -p no:cacheprovider --benchmark-max-time=0.2 --benchmark-compare --benchmark-compare-fail=median:50% $2 > log 2>&1
  status=$?
  set -e
  echo "$1: exit status $status"
}

write loop 1000
pytest -q -p no:cacheprovider --benchmark-max-time=0.2 --benchmark-autosave > /dev/null 2>&1
write loop 100000
gate "100 times slower" ""
test $status != 0 || { echo "the gate no longer finds a slowdown"; exit 1; }
gate "100 times slower, two workers" "-n 2"
test $status = 0 || { echo "the behaviour changed"; exit 1; }
write renamed_loop 100000
gate "100 times slower, renamed" ""
test $status = 0 || { echo "the behaviour changed"; exit 1; }
! grep -i warning log || { echo "the behaviour changed: there is a warning"; exit 1; }
