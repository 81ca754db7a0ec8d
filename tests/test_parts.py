"""`benchmark.parts`: the same bytes however work is spread or interrupted; only what changed is computed again."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from benchmark import parts
from benchmark.errors import BenchmarkError
from benchmark.params import Params, load_params
from benchmark.parts import Arrays, Shard, Work, compute_parts, concatenate, ranges

ROOT = Path(__file__).parents[1]
MODEL = "tiny_llama"


@dataclass
class Numbers(Work):
    """Random numbers, ten a dataset in shards of three; what was computed is noted in `calls/`."""

    made_from: dict[str, str] = field(default_factory=dict)
    spoil: Callable[[str, Shard, Any], None] = lambda *_: None

    stage = "quality"
    folder = "quality"

    @property
    def token_budget(self) -> int:
        return 64

    def inputs(self, dataset: str) -> dict[str, Any]:
        return {"dataset": self.made_from.get(dataset, "")}

    def shards(self, dataset: str, done: Mapping[str, Arrays]) -> Sequence[Shard]:
        return ranges(10, 3, "rows_")

    def compute(self, loaded: Any, dataset: str, shard: Shard, budget: Any) -> Arrays:
        assert loaded == "model"
        self.spoil(dataset, shard, budget)
        Path("calls").mkdir(exist_ok=True)
        Path("calls", f"{dataset} {shard.name} {time.time_ns()}").touch()
        rows = shard.what["rows"]
        seed = [rows.start, *dataset.encode(), *self.made_from.get(dataset, "").encode()]
        return {"x": np.random.default_rng(seed).normal(size=rows.stop - rows.start), "axis": np.array(["a"])}

    def write(self, dataset: str, shards: Mapping[str, Arrays], folder: Path) -> None:
        from benchmark.storage import write_arrays

        write_arrays(folder / "x.npz", **concatenate([*shards.values()], ["x"]))

    def datasets(self) -> Sequence[str]:
        return ["one", "two"]


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    params = load_params(ROOT / "params.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBS", "1")
    monkeypatch.setattr("benchmark.stages.computing.load", lambda *_: "model")
    return params


def calls() -> list[str]:
    """Dataset and shard of what was computed since the last call, sorted."""
    found = sorted(Path("calls").glob("*")) if Path("calls").is_dir() else []
    for path in found:
        path.unlink()
    return [" ".join(path.name.split(" ")[:2]) for path in found]


def contents(folder: Path = Path("data")) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_any_number_of_workers_gives_the_same_bytes(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    compute_parts(Numbers(params, MODEL))
    whole = contents()
    assert {Path(path).name for path in whole} == {"x.npz", "key.json", "record.json"}
    for jobs in ("2", "3"):
        monkeypatch.setenv("JOBS", jobs)
        shutil.rmtree("data")
        compute_parts(Numbers(params, MODEL))
        assert contents() == whole


def test_what_is_finished_is_not_computed_again_and_loads_no_model(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute_parts(Numbers(params, MODEL))
    assert len(calls()) == 8
    monkeypatch.setattr("benchmark.stages.computing.load", lambda *_: pytest.fail("a model is loaded"))
    record = Path("data/quality", MODEL, "one", "record.json")
    record.write_text(json.dumps({"device": "NVIDIA H100", "python": "3.12"}))  # it was computed elsewhere
    compute_parts(Numbers(params, MODEL))
    assert not calls()


def _code(work: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "code_digest", lambda *_: "another")


def _parameter(work: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = work.params.model_dump()
    changed["quality"]["token_budget"] += 1
    work.params = Params.model_validate(changed)


def _other_parameter(work: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = work.params.model_dump()
    changed["claim"]["bound"] = 0.5
    work.params = Params.model_validate(changed)


def _input(work: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    work.made_from["two"] = "another dataset"


def _damaged(work: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    (work.place("one") / "x.npz").write_bytes(b"half")


def _removed(work: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    (work.place("one") / "x.npz").unlink()


def _broken_key(work: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    (work.place("two") / "key.json").write_text("{")


@pytest.mark.parametrize(
    ("change", "again", "message"),
    [
        (_code, ["one", "two"], "code changed"),
        (_parameter, ["one", "two"], "parameters changed"),
        (_other_parameter, [], ""),
        (_input, ["two"], "inputs changed"),
        (_damaged, ["one"], "it is not whole"),
        (_removed, ["one"], "it is not whole"),
        (_broken_key, ["two"], "it is not whole"),
    ],
)
def test_only_what_changed_is_computed_again_and_the_reason_is_said(
    change: Callable[..., None],
    again: list[str],
    message: str,
    params: Params,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    work = Numbers(params, MODEL)
    compute_parts(work)
    calls()
    change(work, monkeypatch)
    compute_parts(work)
    assert sorted({call.split()[0] for call in calls()}) == again
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"quality {MODEL} {dataset} is computed again: {message}" for dataset in again]


def test_a_dataset_that_fails_is_named_and_the_other_is_kept(params: Params) -> None:
    def spoil(dataset: str, shard: Shard, budget: Any) -> None:
        if dataset == "one" and shard.name.endswith("3"):
            raise BenchmarkError("candidate c3 is too long")

    with pytest.raises(
        BenchmarkError, match=f"quality {MODEL} one: candidate c3 is too long; what is finished is kept"
    ):
        compute_parts(Numbers(params, MODEL, spoil=spoil))
    assert sorted(path.parent.name for path in Path("data").rglob("key.json")) == ["two"]
    calls()
    compute_parts(Numbers(params, MODEL))
    assert calls() == ["one rows_00000003"], "its other shards were kept, too"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_full_disk_in_a_worker_is_one_line_and_loses_nothing(
    jobs: str, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def full(descriptor: int) -> None:
        if "two" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setenv("JOBS", jobs)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BenchmarkError, match=r"two: cannot write .*No space left on device") as error:
        compute_parts(Numbers(params, MODEL))
    assert "\n" not in str(error.value)
    assert sorted(path.parent.name for path in Path("data").rglob("key.json")) == ["one"]
    monkeypatch.setattr(os, "fsync", real)
    compute_parts(Numbers(params, MODEL))
    assert not list(Path("data").rglob(".*"))


def test_a_part_that_cannot_be_written_leaves_the_earlier_one(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Numbers(params, MODEL)
    compute_parts(work)
    before = contents()
    work.made_from["one"] = "another dataset"

    def fail(*_: Any) -> None:
        raise BenchmarkError("cannot write x.npz: No space left on device")

    monkeypatch.setattr(Numbers, "write", fail)
    with pytest.raises(BenchmarkError, match="one: cannot write"):
        compute_parts(work)
    assert contents() == before


def test_a_budget_that_was_halved_is_so_for_its_shard_alone_and_recorded(params: Params) -> None:
    seen: list[int] = []

    def spoil(dataset: str, shard: Shard, budget: Any) -> None:
        seen.append(budget.tokens)
        if (dataset, shard.name) == ("one", "rows_00000003"):
            budget.tokens //= 2

    compute_parts(Numbers(params, MODEL, spoil=spoil))
    assert seen == [64] * 8
    records = [json.loads((Numbers(params, MODEL).place(name) / "record.json").read_text()) for name in ("one", "two")]
    assert [record["smaller_batches"] for record in records] == [{"rows_00000003": 32}, {}]
    assert records[0].keys() == {"device", "python", "packages", "smaller_batches"}


KILLED = textwrap.dedent(
    """
    import os, signal, sys, time
    from pathlib import Path
    from benchmark.params import load_params
    import benchmark.stages.computing

    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    from benchmark.parts import compute_parts
    from tests.test_parts import MODEL, ROOT, Numbers

    benchmark.stages.computing.load = lambda *_: "model"
    def slowly(dataset, shard, budget):
        Path("worker").write_text(str(os.getpid()))
        time.sleep(0.3 if len(list(Path("calls").glob("*"))) < 2 else 600)  # two workers end 3 of the 4 shards at most
    compute_parts(Numbers(load_params(ROOT / "params.yaml"), MODEL, spoil=slowly))
    """
)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_stage_that_is_stopped_leaves_no_worker_and_goes_on_where_it_was(
    jobs: str, how: signal.Signals, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "JOBS": jobs}
    process = subprocess.Popen([sys.executable, "-c", KILLED], env=settings, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    shelf = Path(".work")
    while len(list(shelf.rglob("*.npz"))) < 2:
        assert time.monotonic() < limit
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(how)
    process.wait(30)
    assert not psutil.wait_procs(children, timeout=10)[1]
    done = len(list(shelf.rglob("[!.]*.npz")))
    calls()
    compute_parts(Numbers(params, MODEL))
    assert len(calls()) == 8 - done
    assert len(list(Path("data").rglob("key.json"))) == 2


def test_a_damaged_shard_is_computed_again(params: Params) -> None:
    def spoil(dataset: str, shard: Shard, budget: Any) -> None:
        if shard.name.endswith("9"):
            raise BenchmarkError("stop")

    with pytest.raises(BenchmarkError):
        compute_parts(Numbers(params, MODEL, spoil=spoil))
    calls()
    shard = min(Path(".work").rglob("*.npz"))
    shard.write_bytes(shard.read_bytes()[:20])
    compute_parts(Numbers(params, MODEL))
    assert len(calls()) == 3
