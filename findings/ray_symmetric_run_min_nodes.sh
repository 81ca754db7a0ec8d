#!/usr/bin/env bash
# ray symmetric-run --min-nodes N: gives up where more than N nodes are there.
#
# Guessed first: it waits until at least N nodes have joined, then runs the command.
# Behaviour: it asks every five seconds whether exactly N have (nodes that died count as well). With N + 1 it says "Timed
# out waiting for other nodes to start." after half a minute, and the command never runs.
# What follows for a user: give the number of nodes that will join, not the number that you could do with.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet ray==2.60.0
PATH="$folder/venv/bin:$PATH" RAY_USAGE_STATS_ENABLED=0 python - "$folder" <<'PYTHON'
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

folder = Path(sys.argv[1])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:  # an address that is not the loopback's; nothing is sent
    route.connect(("192.0.2.1", 9))
    host = route.getsockname()[0]
with socket.socket() as free:
    free.bind((host, 0))
    port = free.getsockname()[1]
address = f"{host}:{port}"
small = ["--num-cpus", "1", "--object-store-memory", str(100 * 1024**2)]
print("ray", version("ray"))
head = subprocess.Popen(
    ["ray", "symmetric-run", "--address", address, "--min-nodes", "2", *small, "--include-dashboard=false", "--",
     "touch", str(folder / "ran")],
    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
)
while True:
    with socket.socket() as probe:
        if probe.connect_ex((host, port)) == 0:
            break
    time.sleep(0.1)
others = [subprocess.Popen(["ray", "start", "--address", address, *small], stdout=subprocess.DEVNULL) for _ in range(2)]
output, _ = head.communicate(timeout=300)
for other in others:
    other.wait(60)
print("\n".join(line for line in output.splitlines() if "nodes" in line))
print("--min-nodes 2, three nodes: exit status", head.returncode, "| the command ran:", (folder / "ran").exists())
assert "3/2 nodes started" in output and not (folder / "ran").exists() and head.returncode != 0, "the behaviour changed"
PYTHON
