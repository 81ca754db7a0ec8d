"""A killed run loses one shard at most, ends with the same arrays, and never takes another key's shard."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from benchmark.models.budget import Budget
from benchmark.shards import compute_shards, concatenate, discard

WORKER = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    import numpy as np
    from benchmark.shards import compute_shards, concatenate

    done = 0
    def compute(part):
        global done
        if done == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        print(part.start, flush=True)
        return {"x": np.random.default_rng(part.start).normal(size=len(part))}

    arrays = concatenate(compute_shards(10, 3, compute, Path(sys.argv[1]), {"seed": 1}, "work"), ["x"])
    print("sum", arrays["x"].sum().hex())
    """
)


def _run(folder: Path, kill_after: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WORKER, str(folder), str(kill_after)], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_run_killed_at_every_shard_ends_like_one_that_was_not(tmp_path: Path) -> None:
    whole = _run(tmp_path / "whole", kill_after=99)
    assert whole.stdout.split() == ["0", "3", "6", "9", *whole.stdout.split()[-2:]]
    computed: list[str] = []
    for _ in range(4):  # each run is killed after one shard
        killed = _run(tmp_path / "killed", kill_after=1)
        if killed.returncode == -signal.SIGKILL:
            computed += killed.stdout.split()
    last = _run(tmp_path / "killed", kill_after=99)
    assert computed == ["0", "3", "6"]
    assert last.stdout.split() == whole.stdout.split()[-2:]  # the fourth run finished: nothing is computed again
    assert "resumed 10 of 10" in last.stderr


def test_a_changed_key_computes_anew_and_a_damaged_shard_too(tmp_path: Path) -> None:
    calls: list[range] = []

    def compute(part: range) -> dict[str, np.ndarray]:
        calls.append(part)
        return {"x": np.array(part), "axis": np.array(["a"])}

    first = compute_shards(4, 2, compute, tmp_path, {"p": 1}, "work")
    compute_shards(4, 2, compute, tmp_path, {"p": 1}, "work")
    assert len(calls) == 2
    compute_shards(4, 2, compute, tmp_path, {"p": 2}, "work")
    assert len(calls) == 4
    damaged = min(tmp_path.rglob("*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:20])
    for value in (1, 2):
        compute_shards(4, 2, compute, tmp_path, {"p": value}, "work")
    assert len(calls) == 5
    joined = concatenate(first, ["x"])
    np.testing.assert_array_equal(joined["x"], np.arange(4))
    np.testing.assert_array_equal(joined["axis"], ["a"])
    discard(tmp_path, {"p": 1})
    assert len(list(tmp_path.iterdir())) == 1


def test_a_budget_that_was_halved_is_so_after_an_interruption(tmp_path: Path) -> None:
    """Memory runs out in the second shard: the third is computed with what is left, in one run as in two."""

    def run(folder: Path, stop: int) -> list[int]:
        budget = Budget(64)

        def compute(part: range) -> dict[str, np.ndarray]:
            if part.start == stop:
                raise KeyboardInterrupt
            if part.start == 2:
                budget.tokens //= 2
            return {"x": np.array([budget.tokens])}

        shards = compute_shards(6, 2, compute, folder, {"p": 1}, "work", budget)
        assert all(shard.keys() == {"x"} for shard in shards)
        assert budget.tokens == 32
        return [int(shard["x"][0]) for shard in shards]

    whole = run(tmp_path / "whole", stop=99)
    assert whole == [64, 32, 32]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "again", stop=4)
    assert run(tmp_path / "again", stop=99) == whole
