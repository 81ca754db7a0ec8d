from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pytest
from huggingface_hub import constants
from pydantic import ValidationError

from benchmark.errors import BenchmarkError
from benchmark.sources.datasets.hub import HubDataset
from benchmark.sources.datasets.local import LocalDataset
from benchmark.tasks.dataset import Dataset
from tests.hub_server import HubServer, Repository
from tests.hub_server.datasets import FEATURES, PLACE, ROWS, dataset_repository, make_rows, to_parquet


def source(repository: Repository, template: str, **more: Any) -> HubDataset:
    _, config, _, split = PLACE[template]
    settings: dict[str, Any] = {"config": config, "query_split": split, "pool": 20, "queries": 8} | more
    return HubDataset(
        source="hub", template=template, repository=repository.name, revision=repository.revision, **settings
    )


@pytest.mark.slow
@pytest.mark.parametrize("template", ROWS)
def test_the_ten_datasets_come_from_the_hub(hub: HubServer, template: str, tmp_path: Path) -> None:
    repository = hub.publish(dataset_repository(template, parts=2))
    dataset = source(repository, template).build("d")
    assert (len(dataset.pool), len(dataset.queries)) == (20, 8)
    assert all(example.id.startswith("train-") for example in dataset.pool)
    assert not {e.input for e in dataset.pool} & {e.input for e in dataset.queries}
    assert dataset.source["licence"] == "cc-by-sa-4.0"
    assert {file["sha256"] for name, file in dataset.source["files"].items()} == {
        repository.etags[name] for name in repository.files if name.endswith(".parquet")
    }
    dataset.write(tmp_path)
    assert Dataset.read(tmp_path) == dataset


def test_draws_depend_on_the_seed_and_nothing_else(hub: HubServer) -> None:
    repository = hub.publish(dataset_repository("arc"))
    first = source(repository, "arc").build("d")
    assert source(repository, "arc").build("other").pool == first.pool
    other = source(repository, "arc", seed=5).build("d")
    assert other.pool != first.pool
    assert other.queries != first.queries
    smaller = source(repository, "arc", pool=5).build("d")
    assert smaller.pool == first.pool[:5]  # what a plan with fewer candidates would take


def test_the_whole_pool_is_every_distinct_labelled_row(hub: HubServer) -> None:
    repository = hub.publish(dataset_repository("sst2", pool=40))
    dataset = source(repository, "sst2", pool=None, queries=None).build("d")
    assert len(dataset.pool) == 37
    assert dataset.source["passed_over"]["pool"] == {"repeated": 2, "unlabelled": 1}


def test_the_odd_cases_of_the_ten_are_drawn_too(hub: HubServer) -> None:
    arc = source(hub.publish(dataset_repository("arc")), "arc", pool=None).build("d")
    assert {len(example.choices) for example in arc.pool} == {3, 4, 5}
    boolq = source(hub.publish(dataset_repository("boolq")), "boolq", pool=None).build("d")
    assert any(example.input.startswith("Question:") for example in boolq.pool)
    assert max(len(example.input) for example in boolq.pool) > 2000
    assert any(not example.input.isascii() for example in boolq.pool)


def test_long_rows_are_passed_over_where_a_limit_is_set(hub: HubServer) -> None:
    repository = hub.publish(dataset_repository("boolq"))
    dataset = source(repository, "boolq", pool=None, max_characters=1000).build("d")
    assert max(len(example.input) for example in dataset.pool) <= 1000
    assert dataset.source["passed_over"]["pool"]["too_long"] == 1


def test_a_query_never_asks_what_a_candidate_shows(hub: HubServer) -> None:
    repository = dataset_repository("sst2")
    folder = "data"
    shared = make_rows("sst2", 12, 0)[:9]
    repository.files[f"{folder}/validation-00000-of-00001.parquet"] = to_parquet(
        shared + make_rows("sst2", 12, 1), FEATURES["sst2"]
    )
    hub.publish(repository)
    dataset = source(repository, "sst2", pool=None, queries=None).build("d")
    assert dataset.source["passed_over"]["queries"]["in_pool"] >= 9
    assert not {e.input for e in dataset.pool} & {e.input for e in dataset.queries}


def test_too_few_rows_are_an_error_that_counts(hub: HubServer) -> None:
    repository = hub.publish(dataset_repository("arc", pool=10))
    with pytest.raises(BenchmarkError, match=r"train gives 7 usable examples of 10 rows \(2 repeated, 1 unlabelled\)"):
        source(repository, "arc").build("d")


def test_an_unlabelled_split_is_an_error(hub: HubServer) -> None:
    repository = dataset_repository("sst2")
    rows = [row | {"label": -1} for row in make_rows("sst2", 12, 1)]
    repository.files["data/validation-00000-of-00001.parquet"] = to_parquet(rows, FEATURES["sst2"])
    hub.publish(repository)
    with pytest.raises(BenchmarkError, match=r"validation gives 0 usable .*\(12 unlabelled\).*choose a labelled split"):
        source(repository, "sst2").build("d")


def test_changed_columns_are_named(hub: HubServer) -> None:
    repository = dataset_repository("gsm8k")
    renamed = [{"problem": row["question"], "answer": row["answer"]} for row in make_rows("gsm8k", 40, 0)]
    repository.files["main/train-00000-of-00001.parquet"] = to_parquet(renamed)
    hub.publish(repository)
    with pytest.raises(BenchmarkError, match=r"has no column 'question' \(it has 'problem', 'answer'\)"):
        source(repository, "gsm8k").build("d")
    with pytest.raises(BenchmarkError, match="template 'gsm8k' has no column 'problem'"):
        source(repository, "gsm8k", columns={"problem": "question"}).build("d")


def test_columns_of_another_type_are_an_error_with_the_row(hub: HubServer) -> None:
    repository = dataset_repository("squad")
    flat = [row | {"answers": "1000"} for row in make_rows("squad", 40, 0)]
    repository.files["plain_text/train-00000-of-00001.parquet"] = to_parquet(flat)
    hub.publish(repository)
    with pytest.raises(BenchmarkError, match=r"row \d+: column 'answers' does not hold the field 'text': '1000'"):
        source(repository, "squad").build("d")


@pytest.mark.parametrize(
    ("template", "change", "line"),
    [
        (
            "arc",
            {"answerKey": "F"},
            r"dataset d, train: .*train-00000-of-00001\.parquet, row \d+: the answer 'F' is outside the choices",
        ),
        (
            "gsm8k",
            {"answer": "It depends."},
            r"dataset d, train: .*train-00000-of-00001\.parquet, row \d+: its answer has no number",
        ),
    ],
)
def test_bad_rows_are_named(hub: HubServer, template: str, change: dict[str, Any], line: str) -> None:
    repository = dataset_repository(template)
    train = next(name for name in repository.files if "/train-" in name)
    rows = [row | change for row in make_rows(template, 40, 0)]
    repository.files[train] = to_parquet(rows, FEATURES[template])
    hub.publish(repository)
    with pytest.raises(BenchmarkError, match=line):
        source(repository, template).build("d")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"config": "none"}, "no configuration 'none': it has ARC-Challenge"),
        ({"query_split": "dev"}, "no split 'dev': it has train, test"),
        ({"template": "none"}, "unknown template 'none'"),
        ({"metric": "none"}, "unknown metric 'none'"),
    ],
)
def test_wrong_parameters_are_named(hub: HubServer, change: dict[str, Any], line: str) -> None:
    repository = hub.publish(dataset_repository("arc"))
    settings = source(repository, "arc").model_copy(update=change)
    with pytest.raises(BenchmarkError, match=line):
        settings.build("d")


def test_files_are_found_without_a_card(hub: HubServer) -> None:
    repository = dataset_repository("gsm8k")
    del repository.files["README.md"]
    hub.publish(repository)
    dataset = source(repository, "gsm8k").build("d")
    assert len(dataset.pool) == 20
    assert dataset.source["licence"] is None


def test_a_missing_part_is_an_error(hub: HubServer) -> None:
    repository = dataset_repository("arc", parts=3)
    del repository.files["ARC-Challenge/train-00001-of-00003.parquet"]
    hub.publish(repository)
    with pytest.raises(BenchmarkError, match="split 'train' has 2 of 3 files"):
        source(repository, "arc").build("d")


def test_scripts_are_never_run(hub: HubServer) -> None:
    repository = hub.publish(Repository("dataset", "allenai/ai2_arc", {"ai2_arc.py": b"raise SystemExit('ran')"}))
    with pytest.raises(BenchmarkError, match=r"holds no Parquet files \(scripts are never run\)"):
        source(repository, "arc").build("d")
    assert not any(path.endswith(".py") for path in hub.paths())


def test_a_file_that_is_no_parquet(hub: HubServer) -> None:
    repository = dataset_repository("arc")
    repository.files["ARC-Challenge/train-00000-of-00001.parquet"] = b"PAR1 but no more"
    hub.publish(repository)
    with pytest.raises(BenchmarkError, match=r"train-00000-of-00001\.parquet cannot be read"):
        source(repository, "arc").build("d")


def test_offline_gives_the_same_dataset(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = hub.publish(dataset_repository("arc"))
    online = source(repository, "arc").build("d")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    before = len(hub.requests)
    assert source(repository, "arc").build("d") == online
    assert len(hub.requests) == before


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_local_files_in_every_format(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame(make_rows("gsm8k", 40, 0)).rename(columns={"question": "problem"})
    path = tmp_path / f"rows{suffix}"
    writers: dict[str, Any] = {
        ".jsonl": lambda: frame.to_json(path, orient="records", lines=True, force_ascii=False),
        ".csv": lambda: frame.to_csv(path, index=False),
        ".parquet": lambda: datasets.Dataset.from_pandas(frame).to_parquet(str(path)),
    }
    writers[suffix]()
    local = LocalDataset(
        source="local",
        template="gsm8k",
        pool_files=(str(path),),
        query_files=(str(path),),
        columns={"question": "problem"},
        pool=20,
        queries=10,
        licence="ours",
    )
    dataset = local.build("mine")
    assert (len(dataset.pool), len(dataset.queries)) == (20, 10)
    assert not {e.input for e in dataset.pool} & {e.input for e in dataset.queries}
    assert dataset.source["licence"] == "ours"


def test_a_local_file_of_multiple_choice_questions(tmp_path: Path) -> None:
    rows = [
        {"question": f"Which is {index}?", "choices": [str(index), "x", "y"][: 2 + index % 2], "answer": 0}
        for index in range(12)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = (str(path),)
    local = LocalDataset(
        source="local", template="multiple_choice", pool_files=files, query_files=files, pool=8, queries=None
    )
    dataset = local.build("mine")
    assert len(dataset.queries) == 4
    assert {len(example.choices) for example in dataset.pool} == {2, 3}


def test_local_files_that_are_not_there_or_damaged(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    local = LocalDataset(source="local", template="gsm8k", pool_files=(str(path),), query_files=(str(path),))
    with pytest.raises(BenchmarkError, match=r"rows\.jsonl is missing"):
        local.build("mine")
    path.write_text('{"question": "How many?", "answer"')
    with pytest.raises(BenchmarkError, match=r"rows\.jsonl cannot be read"):
        local.build("mine")


def test_parameters_refuse_what_cannot_work() -> None:
    with pytest.raises(ValidationError, match="needs either `template` or `prompt`"):
        LocalDataset(source="local", pool_files=("a.csv",))
    with pytest.raises(ValidationError, match="revision"):
        HubDataset(source="hub", template="arc", repository="allenai/ai2_arc", revision="main")
