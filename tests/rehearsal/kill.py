"""A stage killed at random moments and started again, until it ends: are its bytes those of a run in one piece?

python -m tests.rehearsal.kill [--kills 20] [--seed 0]
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.rehearsal.rehearsal import Rehearsal
from tests.rehearsal.scale import SMALL

CELL = ("llama_3b", "gsm8k")
OUTS = {"extract": "activations", "quality": "quality"}
SCALE = replace(
    SMALL,
    datasets=("gsm8k",),
    pool=60,
    sections={
        "extraction": {"token_budget": 512, "shard": 2},
        "quality": {"token_budget": 512, "shard": 2, "sets": 4, "set_sizes": [2]},
    },
)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, by its path in `folder`."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def shards(rehearsal: Rehearsal, stage: str) -> int:
    """Finished shards of the stage that lie on disk."""
    return len(list((rehearsal.checkout / ".work" / "paper" / stage).rglob("*.npz")))


def killed_run(rehearsal: Rehearsal, stage: str, kills: int, generator: np.random.Generator, seconds: float) -> int:
    """Runs the stage with up to `kills` SIGKILLs at random moments of a whole run; returns how many struck.

    Raises `AssertionError` where a kill costs a finished shard, or the last run fails.
    """
    struck = 0
    for _ in range(kills):
        before = shards(rehearsal, stage)
        process = subprocess.Popen(
            rehearsal.command(stage, *CELL),
            cwd=rehearsal.checkout,
            env=rehearsal.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=float(generator.uniform(0.1, 1.0) * seconds))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            struck += 1
            ended = any((rehearsal.checkout / "paper/data" / OUTS[stage]).rglob("*.npz"))
            assert ended or shards(rehearsal, stage) >= before, "a finished shard was lost"
            continue
        assert process.returncode == 0, f"{stage} ended with {process.returncode}"
        shutil.rmtree(rehearsal.checkout / "paper/data" / OUTS[stage], ignore_errors=True)  # and once more
    rehearsal.run(stage, *CELL)
    return struck


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="for all stages together")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory(prefix="kill-") as folder, Rehearsal(Path(folder), SCALE) as rehearsal:
        rehearsal.run("model", CELL[0])
        rehearsal.run("dataset", CELL[1])
        for stage, out in OUTS.items():
            data = rehearsal.checkout / "paper" / "data" / out
            start = time.perf_counter()
            rehearsal.run(stage, *CELL)
            seconds = time.perf_counter() - start
            whole = digests(data)
            shutil.rmtree(data)
            struck = killed_run(rehearsal, stage, options.kills // len(OUTS), generator, seconds)
            same = digests(data) == whole
            print(f"{stage}: {struck} kills, {len(whole)} files, {'identical' if same else 'DIFFERENT'}", flush=True)
            if not same:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
