"""The stage `dataset`: beside the datasets lie the parameters they were made from, for stages that inherit them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BenchmarkError
from benchmark.params import Params, load_params
from benchmark.stages import dataset
from benchmark.stages.names import PARAMETERS

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _without_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dataset, "write", lambda *_: None)
    for kind in {type(source) for source in _every_source().values()}:
        monkeypatch.setattr(kind, "fetch_together", lambda _: None)


def _every_source() -> dict[str, Any]:
    profiles = [load_params(path) for path in (ROOT / "params.yaml", *ROOT.glob("*/params.yaml"))]
    return {f"{params.profile}_{name}": source for params in profiles for name, source in params.datasets.items()}


def recorded(datasets: Mapping[str, Any]) -> bytes:
    params = load_params(ROOT / "params.yaml").model_copy(update={"datasets": datasets})
    dataset.run(params)
    return (params.data / "datasets" / PARAMETERS).read_bytes()


@pytest.mark.filterwarnings("ignore:Pydantic serializer")
def test_an_edit_of_any_parameter_of_any_dataset_changes_what_is_recorded() -> None:
    datasets = _every_source()
    before = recorded(datasets)
    assert recorded(dict(datasets)) == before
    for name, source in datasets.items():
        for field in type(source).model_fields:
            edited = source.model_copy(update={field: f"another {getattr(source, field)}"})
            assert recorded(datasets | {name: edited}) != before, (name, field)


def test_so_does_a_dataset_more_or_less_or_another_order() -> None:
    datasets = _every_source()
    names = list(datasets)
    others = (names[1:], names[::-1], [*names[:-1], "new"])
    kinds = {recorded({name: datasets.get(name, datasets[names[0]]) for name in order}) for order in (names, *others)}
    assert len(kinds) == 1 + len(others)


def test_nothing_is_recorded_where_a_dataset_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = recorded(_every_source())

    def fail(params: Params, name: str) -> None:
        raise BenchmarkError("no rows")

    monkeypatch.setattr(dataset, "write", fail)
    with pytest.raises(BenchmarkError, match=r"no rows \(and 6 more datasets failed\)"):
        dataset.run(load_params(ROOT / "params.yaml"))
    assert Path("data/datasets", PARAMETERS).read_bytes() == before
