"""Stages and the whole pipeline, killed at random moments and started again until they end: the bytes of one piece?

python -m tests.rehearsal.kill [--kills 20] [--seed 0]

A kill is SIGKILL for every process of a run at once, as a machine that goes down does it. Its moment is drawn anew
until it strikes a run at work.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import yaml

from benchmark.parts import KEY
from tests.rehearsal.rehearsal import REPRODUCE, Rehearsal
from tests.rehearsal.scale import CLAIM, SECTIONS, SMALL

CELL = ("llama_3b", "gsm8k")
STAGES = {"extract": "activations", "quality": "quality", "select": "selection"}
BEFORE = {"select": ("embed", "prompt", "answer")}
"""What a stage reads besides the outs of those that were killed before it."""
PIPELINE = "pipeline"
CLOCKED = ("results/timing*", "results/figures/timing*", "results/provenance.json", "results/report.html")
"""What holds the time of day, or shows what took how long."""
OF_DVC = ("dvc.lock", ".dvc/tmp/*")
CLOCKED_STAGES = {"timing", "report", "gate"}
RUNS = 10
"""Runs for each kill that shall strike, before the test gives up."""
SCALE = replace(
    SMALL,
    datasets=("gsm8k",),
    pool=60,
    sections=SECTIONS
    | {
        "extraction": {"token_budget": 512, "shard": 2},
        "quality": {"token_budget": 512, "shard": 2, "sets": 4, "set_sizes": [2]},
    },
    claim=CLAIM,
)


@dataclass(frozen=True)
class Target:
    """Something to kill: `command` runs it, `outs` are what it leaves.

    `finished` counts what no kill may cost: the shards of a stage, the stages of the pipeline.
    """

    name: str
    command: list[str]
    outs: Callable[[], dict[str, str]]
    reset: Callable[[], None]
    finished: Callable[[], int]


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, by its path in `folder`."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def stage(rehearsal: Rehearsal, name: str) -> Target:
    out = rehearsal.checkout / "paper" / "data" / STAGES[name]
    work = rehearsal.checkout / ".work" / "paper" / name
    return Target(
        name,
        rehearsal.command(name, CELL[0]),
        outs=lambda: digests(out),
        reset=lambda: shutil.rmtree(out),
        # once the part stands, its shards go
        finished=lambda: 10**6 if any(out.rglob(KEY)) else len(list(work.rglob("[!.]*.npz"))),
    )


def pipeline(rehearsal: Rehearsal) -> Target:
    """Everything, from the first fetch on."""
    paper = rehearsal.checkout / "paper"

    def lock() -> dict[str, Any]:
        stages: dict[str, Any] = yaml.safe_load((paper / "dvc.lock").read_text(encoding="utf-8"))["stages"]
        return stages

    def outs() -> dict[str, str]:
        passed_over = (*CLOCKED, *OF_DVC)
        found = {
            path: digest
            for path, digest in digests(paper).items()
            if not any(fnmatch(path, pattern) for pattern in passed_over)
        }
        return found | {name: str(entry) for name, entry in lock().items() if name not in CLOCKED_STAGES}

    def reset() -> None:
        for path in ("paper/data", "paper/results", ".work", ".dvc/cache", ".dvc/tmp", "../home"):
            shutil.rmtree(rehearsal.checkout / path, ignore_errors=True)
        (paper / "dvc.lock").unlink()

    return Target(
        PIPELINE,
        ["sh", "-c", REPRODUCE],
        outs=outs,
        reset=reset,
        finished=lambda: len(lock()) if (paper / "dvc.lock").is_file() else 0,
    )


def kill_all(spared: set[int]) -> int:
    """SIGKILL for every process that stems from this one, but the spared; returns how many there were."""
    killed = 0
    while doomed := [p for p in psutil.Process().children(recursive=True) if p.pid not in spared]:
        for process in doomed:
            process.kill()
        psutil.wait_procs(doomed)
        killed += len(doomed)
    return killed


def run_once(rehearsal: Rehearsal, target: Target, seconds: float | None, spared: set[int]) -> bool:
    """Runs the target, at most so many seconds; whether it ended by itself, as it has to (else `AssertionError`)."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            target.command, cwd=rehearsal.checkout, env=rehearsal.environment, stdout=said, stderr=said
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            kill_all(spared)
            return False
        said.seek(0)
        output = said.read()
    assert code == 0, f"{target.name} ended with {code}:\n{output}"
    return True


def torture(rehearsal: Rehearsal, target: Target, kills: int, generator: np.random.Generator) -> str:
    """Kills the target so often, lets it end and says so. Raises `AssertionError` for other bytes or a lost shard."""
    spared = {process.pid for process in psutil.Process().children(recursive=True)}
    start = time.perf_counter()
    run_once(rehearsal, target, None, spared)
    seconds = time.perf_counter() - start
    whole = target.outs()
    assert whole
    target.reset()
    struck = ended = 0
    while struck < kills:
        assert struck + ended < RUNS * kills, f"{target.name}: only {struck} of {struck + ended} kills struck"
        before = target.finished()
        if run_once(rehearsal, target, float(generator.uniform(0, seconds)), spared):
            assert target.outs() == whole, f"{target.name}: other bytes after {struck} kills"
            target.reset()
            ended += 1
        else:
            assert target.finished() >= before, f"{target.name}: a finished shard or stage was lost"
            struck += 1
    run_once(rehearsal, target, None, spared)
    assert target.outs() == whole, f"{target.name}: other bytes after {struck} kills"
    late = f"{ended} came too late"
    return f"{target.name}: {struck} kills struck, {late}, {len(whole)} outs identical ({seconds:.0f} s a run)"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.rehearsal.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="that strike, for stages and pipeline together")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    adopt_orphans = ctypes.CDLL(None).prctl(
        36, 1, 0, 0, 0
    )  # PR_SET_CHILD_SUBREAPER: none escapes by its parent's death
    assert adopt_orphans == 0
    names = [*STAGES, PIPELINE]
    shares = {name: len(range(index, options.kills, len(names))) for index, name in enumerate(names)}
    with tempfile.TemporaryDirectory(prefix="kill-") as folder, Rehearsal(Path(folder), SCALE) as rehearsal:
        rehearsal.run("model", CELL[0])
        rehearsal.run("dataset")
        try:
            for name in names:
                for earlier in BEFORE.get(name, ()):
                    rehearsal.run(earlier, CELL[0])
                target = pipeline(rehearsal) if name == PIPELINE else stage(rehearsal, name)
                print(torture(rehearsal, target, shares[name], generator), flush=True)
        except AssertionError as error:
            print(error, file=sys.stderr)
            return 1
    print(f"{options.kills} kills struck, and every run ended with the bytes of one that nobody killed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
