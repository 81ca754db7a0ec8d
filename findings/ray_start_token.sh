#!/usr/bin/env bash
# ray start: whether a cluster asks for a token depends on what ran on that machine before.
#
# Guessed first: `ray start --head` gives an open cluster, as ever, unless RAY_AUTH_MODE=token says otherwise.
# Behaviour: `ray.init()` of a local Ray writes ~/.ray/auth_token. From then on `ray start --head` with the same command and
# environment asks for that token, and a node or user with another home folder is refused.
# What follows for a user: set RAY_AUTH_MODE on every node, and for `token` the same RAY_AUTH_TOKEN.
# (It ends with `ray stop`, which stops every Ray of this user on the machine.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ray==2.60.0
unset RAY_ADDRESS RAY_AUTH_MODE RAY_AUTH_TOKEN RAY_AUTH_TOKEN_PATH
PATH="$folder/venv/bin:$PATH" RAY_USAGE_STATS_ENABLED=0 python - "$folder" <<'PYTHON'
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

mine, other = (Path(sys.argv[1], name) for name in ("mine", "other"))
mine.mkdir()
other.mkdir()


def run(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    settings = {**os.environ, "HOME": str(home)}
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=300)


def joins(home: Path) -> bool:
    code = "import ray; ray.init(address='auto', logging_level='ERROR'); print('nodes', len(ray.nodes()))"
    return "nodes 1" in run(home, sys.executable, "-c", code).stdout


print("ray", version("ray"))
start = ["ray", "start", "--head", "--num-cpus", "1", "--port", "0", "--include-dashboard=false"]
found = []
for moment in ("before", "after"):
    run(mine, *start)
    token = (mine / ".ray/auth_token").exists()
    found.append((token, joins(mine), joins(other)))
    print(f"{moment} a local ray.init(): a token is there: {token}, its user joins: {found[-1][1]}, another: {found[-1][2]}")
    run(mine, "ray", "stop", "--force")
    run(mine, sys.executable, "-c", "import ray; ray.init(num_cpus=1)")
assert found == [(False, True, True), (True, True, False)], "the behaviour changed"
PYTHON
