"""Local files as users write them: typed by what they hold, and refused with the line that is wrong."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import datasets
import pytest

from benchmark.errors import BenchmarkError
from benchmark.tasks.reading import read_rows
from tests.hub_server.datasets import to_parquet


def rows_of(path: Path, text: str, encoding: str = "utf-8") -> list[dict[str, Any]]:
    path.write_bytes(text.encode(encoding))
    return list(read_rows([path], str(path.parent / "cache")))


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-20", ""], [1, -20, None]),
        (["1", "2.50"], ["1", "2.50"]),  # 2.5 would be another text
        (["007", "1e5"], ["007", "1e5"]),
        (["True", "false", ""], [True, False, None]),
        (["1", "true"], ["1", "true"]),
        (["NA", "None", "null"], ["NA", "None", "null"]),
        (["2021-03-04", "2021-03-05"], ["2021-03-04", "2021-03-05"]),
        (['"[""red"", ""dark, blue""]"', '"[]"'], [["red", "dark, blue"], []]),
        (['"two\nlines"', "naïve 東京"], ["two\nlines", "naïve 東京"]),
        (["", ""], [None, None]),
    ],
)
def test_a_column_of_a_csv_is_what_all_its_cells_can_be(tmp_path: Path, cells: list[str], values: list[Any]) -> None:
    text = "question,answer\r\n" + "".join(f"q,{cell}\r\n" for cell in cells)
    for encoding in ("utf-8", "utf-8-sig"):  # as spreadsheets write it
        rows = rows_of(tmp_path / "rows.csv", text, encoding)
        assert [row["answer"] for row in rows] == values
        assert {row["question"] for row in rows} == {"q"}


def test_json_lines_keep_their_types(tmp_path: Path) -> None:
    written: list[dict[str, Any]] = [
        {"question": "When?", "answer": "2021-03-04 10:00:00", "choices": ["a", "b"], "n": 1},
        {"question": "東京?", "answer": None, "choices": ["a"], "more": True},
    ]
    rows = rows_of(tmp_path / "rows.jsonl", "\n\n".join(map(json.dumps, written)) + "\n")
    names = ("question", "answer", "choices", "n", "more")
    assert rows == [{name: row.get(name) for name in names} for row in written]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.jsonl", '{"a": 1}\n{"a"', r"a\.jsonl cannot be read: line 2 is no JSON"),
        ("a.jsonl", '{"a": 1}\n[1]\n', r"a\.jsonl cannot be read: line 2 is no JSON object"),
        ("a.jsonl", '{"a": 1}\n{"a": "x"}\n', r"a\.jsonl cannot be read: .*'x' with type str"),
        ("a.csv", "a,b\n1,2\n1,2,3\n", r"a\.csv cannot be read: line 3 has not as many cells as the head"),
        ("a.csv", "a,b\n1,2\n1\n", r"a\.csv cannot be read: line 3 has not as many cells as the head"),
        ("a.csv", 'a,b\n1,"2\n', r"a\.csv cannot be read: after line \d, unexpected end of data"),
        ("a.parquet", "PAR1", r"a\.parquet cannot be read"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, name: str, text: str, line: str) -> None:
    with pytest.raises(BenchmarkError, match=line):
        rows_of(tmp_path / name, text)


def test_another_encoding_is_told(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl"):
        with pytest.raises(BenchmarkError, match="cannot be read: 'utf-8' codec can't decode"):
            rows_of(tmp_path / name, 'a,b\n{"a": "café"}\n', "latin-1")


def test_files_of_two_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="differ in format"):
        read_rows([tmp_path / "a.csv", tmp_path / "b.jsonl"], str(tmp_path))


def test_several_files_follow_one_another(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n1\n2\n")
    (tmp_path / "b.csv").write_text("n\n3\n")
    assert [row["n"] for row in read_rows([tmp_path / "a.csv", tmp_path / "b.csv"], "")] == [1, 2, 3]


def test_a_full_disk_for_what_is_unpacked_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(to_parquet([{"a": 1}]))

    def full(*_: object, **__: object) -> None:
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise datasets.exceptions.DatasetGenerationError("An error occurred") from error

    monkeypatch.setattr(datasets.Dataset, "from_parquet", full)
    with pytest.raises(BenchmarkError, match=r"disk of .* is full, to which a\.parquet is unpacked.*TMPDIR"):
        read_rows([tmp_path / "a.parquet"], str(tmp_path / "cache"))
