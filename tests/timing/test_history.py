"""`results/timing_history.csv`: what a run adds, what it replaces, and what is said about a damaged file."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.storage import write_table
from benchmark.timing.history import commit, extend, machine, ratios, read_history
from tests.report.synthetic import timing


def test_a_run_is_appended_and_measured_again_it_takes_its_own_place(tmp_path: Path) -> None:
    path = tmp_path / "timing_history.csv"
    for ours, cpu, revision in ((1.1, "a", "one"), (1.2, "a", "two"), (1.3, "b", "two"), (1.4, "a", "one")):
        write_table(path, extend(read_history(path), timing(ours, cpu), revision, "2026-01-01"))
    table = read_history(path)
    assert len(table) == 3 * len(list(ratios(timing(1)["ratios"])))
    assert not table.duplicated(["ratio", "commit", "machine"]).any()
    found = table[table["ratio"] == "over_limit.extraction_one_mask.ours"]
    assert found["median"].tolist() == [1.2, 1.3, 1.4]  # the first run went, its successor stands last
    assert found["commit"].tolist() == ["two", "two", "one"]
    assert set(found["machine"]) == {"a, 2 cores, 1 thread", "b, 2 cores, 1 thread"}


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "timing_history.csv"
    write_table(path, extend(read_history(path), timing(1.1), "one", "2026-01-01"))
    before = path.read_bytes()
    write_table(path, extend(read_history(path), timing(1.1), "one", "2026-01-01"))
    assert path.read_bytes() == before


def test_a_commit_of_digits_alone_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "timing_history.csv"
    write_table(path, extend(read_history(path), timing(1.1), "0012345678", "2026-01-01"))
    assert set(read_history(path)["commit"]) == {"0012345678"}


def test_the_commit_is_short_and_marked_where_sources_were_edited() -> None:
    full = "0123456789abcdef0123456789abcdef01234567"
    assert commit({"revision": full, "dirty": []}) == "0123456789"
    assert commit({"revision": full, "dirty": ["benchmark/cli.py"]}) == "0123456789+"
    assert commit({"revision": None, "dirty": []}) == "unversioned"


def test_a_gpu_is_the_machine_where_it_was_used() -> None:
    record = {"cpu": "a", "cores": 8, "threads": 8, "gpus": [{"name": "H", "driver": "1"}], "device": "cpu"}
    assert machine(record) == "a, 8 cores, 8 threads"
    assert machine(record | {"device": "cuda"}) == "H, cuda"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("1.1", "fast", 1), "is damaged in line 2"),
        (lambda text: text.replace("1.1", "", 1), "is damaged in line 2"),
        (lambda text: text.replace("1.1", "inf", 1), "is damaged in line 2"),
        (lambda text: text + text.splitlines()[1][:40] + "\n", "is damaged in line 9"),
        (lambda text: f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n", "is damaged or no history"),
        (lambda text: text.replace("machine", "where"), "is damaged or no history"),
        (lambda text: "", "is damaged or no history"),
        (lambda text: "\0\xff" * 20, "is damaged or no history"),
    ],
)
def test_a_damaged_history_is_named_with_the_remedy(tmp_path: Path, damage: object, said: str) -> None:
    path = tmp_path / "timing_history.csv"
    write_table(path, extend(read_history(path), timing(1.1), "one", "2026-01-01"))
    path.write_text(damage(path.read_text()))  # type: ignore[operator]
    with pytest.raises(BenchmarkError, match=said) as error:
        read_history(path)
    assert str(path) in str(error.value)
    assert "git checkout" in str(error.value)
    assert "\n" not in str(error.value)
