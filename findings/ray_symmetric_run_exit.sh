#!/usr/bin/env bash
# ray symmetric-run: ends with 0 where Ray did not start and the command never ran.
#
# Guessed first: `ray symmetric-run ... -- COMMAND` passes COMMAND's exit status on, and fails where Ray cannot be started.
# Behaviour: the first is so. But where `ray start` fails (a port that another process has, say), it prints "Failed to
# start Ray", stops what there is, and ends with 0.
# What follows for a user: a Slurm job whose last step it is counts as COMPLETED. Let the command leave a file, and look.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ray==2.60.0
PATH="$folder/venv/bin:$PATH" RAY_USAGE_STATS_ENABLED=0 python - "$folder" <<'PYTHON'
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

folder = Path(sys.argv[1])


def run(port: int, *command: str) -> subprocess.CompletedProcess[str]:
    start = ["ray", "symmetric-run", "--address", f"127.0.0.1:{port}", "--num-cpus", "1", "--include-dashboard=false"]
    return subprocess.run([*start, "--", *command], capture_output=True, text=True, timeout=300)


print("ray", version("ray"))
with socket.socket() as taken:
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    done = run(port, "touch", str(folder / "ran"))
said = [line for line in done.stderr.splitlines() if line.startswith("Failed to start Ray")]
print("the port is taken: exit status", done.returncode, "| the command ran:", (folder / "ran").exists(), "|", said)
other = run(port, "sh", "-c", "exit 3")
print("the port is free, the command ends with 3: exit status", other.returncode)
assert other.returncode == 3
assert said and not (folder / "ran").exists() and done.returncode == 0, "the behaviour changed"
PYTHON
