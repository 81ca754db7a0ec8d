"""Files as users write them: values as they stand there, and what is wrong named by file and row."""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import io
import json
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.tasks.formats import Reading, delimited, read_rows
from benchmark.tasks.rows import Rows
from benchmark.tasks.values import spell
from tests.hub_server.datasets import to_parquet


def rows_of(path: Path, text: str, written_in: str = "utf-8", **options: Any) -> Rows:
    path.write_bytes(text.encode(written_in))
    return read_rows([path], Reading(**options))


def column(rows: Rows, name: str) -> list[Any]:
    return [rows.row(index, [name])[name] for index in range(len(rows))]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-20", ""], ["1", "-20", None]),
        (["1", "2.50", "1e5", "007", "-0"], ["1", "2.50", "1e5", "007", "-0"]),
        (["True", "true", "NA", "NaN", "null"], ["True", "true", "NA", "NaN", "null"]),
        (['"[""red"", ""dark, blue""]"', '"[]"', ""], [["red", "dark, blue"], [], None]),
        (['"[1]"', "[an aside]"], ["[1]", "[an aside]"]),
        (
            ['"two\nlines"', "naïve 東京", "next\u2028line", "x\x85y"],
            ["two\nlines", "naïve 東京", "next\u2028line", "x\x85y"],
        ),
        ([f'"{"x" * 200_000}"', '5"'], ["x" * 200_000, '5"']),
        (['""""', '""', '"a""b"', '"""a"""', '"x,""\n"""'], ['"', None, 'a"b', '"a"', 'x,"\n"']),
        (["null", "None", "0x1F", "1_000"], ["null", "None", "0x1F", "1_000"]),
    ],
)
def test_a_cell_of_a_csv_is_what_stands_in_it(tmp_path: Path, cells: list[str], values: list[Any]) -> None:
    text = "question,answer\r\n" + "".join(f"q,{cell}\r\n" for cell in cells)
    for encoding in ("utf-8", "utf-8-sig"):  # as spreadsheets write it
        rows = rows_of(tmp_path / "rows.csv", text, encoding)
        assert column(rows, "answer") == values
        assert set(column(rows, "question")) == {"q"}


QUOTED = st.lists(st.sampled_from(['"', ",", "\n", "\r", "a", " ", ";", "é"]), max_size=6).map("".join)


@given(text=st.lists(QUOTED, min_size=1, max_size=4).map("\n".join), block=st.sampled_from([1, 3, 5, delimited.BLOCK]))
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
def test_quotes_are_read_as_pythons_csv_reads_them_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, block: int
) -> None:
    """Whatever stands where, two columns by two: the cells of `csv`, which refuses what is not well-formed."""
    monkeypatch.setattr(delimited, "BLOCK", block)
    try:
        cells = [row for row in csv.reader(io.StringIO(f"x,y\n{text}", newline=""), strict=True) if row]
    except csv.Error:
        cells = None
    whole = cells is not None and all(len(row) == 2 for row in cells)
    try:
        rows = rows_of(tmp_path / "a.csv", f"x,y\n{text}")
    except BenchmarkError:
        assert not whole
        return
    assert cells is not None
    assert [[rows.row(n, [name])[name] or "" for name in ("x", "y")] for n in range(len(rows))] == cells[1:]


CELL = st.text(st.sampled_from('",\n\ra é'), max_size=40)


@given(
    cells=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    block=st.sampled_from([1, 7, 63, 64, 100, delimited.BLOCK]),
)
@settings(max_examples=200, suppress_health_check=list(HealthCheck))
def test_what_pythons_csv_writes_is_read_wherever_a_block_or_a_word_of_64_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cells: list[tuple[str, str]], quoting: Any, block: int
) -> None:
    monkeypatch.setattr(delimited, "BLOCK", block)
    buffer = io.StringIO()
    csv.writer(buffer, quoting=quoting).writerows([("x", "y"), *cells, ('5" tv', "6")])
    rows = rows_of(tmp_path / "a.csv", buffer.getvalue() + 'a 5" tv,6"\n')
    read = [(rows.row(n, ["x"])["x"] or "", rows.row(n, ["y"])["y"] or "") for n in range(len(rows))]
    assert read == [*cells, ('5" tv', "6"), ('a 5" tv', '6"')]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_every_end_of_line_is_one_and_no_other_character_is(tmp_path: Path, name: str, end: str) -> None:
    texts = ["a\u2028b", "c\u2029d", "e\x85f", "g\x0bh"]
    lines = ["q", *texts] if name == "a.csv" else [json.dumps({"q": text}, ensure_ascii=False) for text in texts]
    assert column(rows_of(tmp_path / name, end.join(lines)), "q") == texts


def test_json_lines_keep_their_values(tmp_path: Path) -> None:
    lines = [
        '{"when": "2021-03-04 10:00:00", "n": 7, "choices": ["a", 1.50], "odd": [1]}',
        "",
        '{"when": null, "n": 2.50, "more": true, "odd": "x"}',
        '{"n": 1e5, "odd": 123456789012345678901234567890}',
        '{"n": -0}',
    ]
    rows = rows_of(tmp_path / "rows.jsonl", "\n".join(lines))
    assert [spell(value) for value in column(rows, "n")] == ["7", "2.50", "1e5", "-0"]
    assert column(rows, "choices") == [["a", "1.50"], None, None, None]
    assert column(rows, "more") == [None, True, None, None]
    assert rows.place(1).endswith("rows.jsonl, line 3")


def test_a_column_that_occurs_late_is_found(tmp_path: Path) -> None:
    lines = [json.dumps({"q": str(index)} | ({"late": 1} if index == 1500 else {})) for index in range(1600)]
    rows = rows_of(tmp_path / "a.jsonl", "\n".join(lines))
    rows.require(["q", "late"], "")
    with pytest.raises(BenchmarkError, match=r"a\.jsonl has no column 'never' \(it has 'q', 'late'\)"):
        rows.require(["never"], "")
    lines[1200] = '{"q": }'
    with pytest.raises(BenchmarkError, match=r"a\.jsonl, line 1201 is not JSON"):
        rows_of(tmp_path / "a.jsonl", "\n".join(lines)).require(["never"], "")


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.jsonl", '{"a": 1}\n{"a"', r"a\.jsonl cannot be read: line 2 is not JSON"),
        ("a.jsonl", '{"a": 1}\n[1]\n', r"a\.jsonl cannot be read: line 2 is not a JSON object"),
        ("a.jsonl", '{"a": 1, "a": 2}\n', r"a\.jsonl cannot be read: line 1 holds the name 'a' twice in one object"),
        ("a.csv", "a,b\n1,2\n1,2,3\n", r"a\.csv cannot be read: row 3 has 3 cells, and the header 2"),
        ("a.csv", "a,b\n1,2\n1\n", r"a\.csv cannot be read: row 3 has 1 cells, and the header 2"),
        ("a.csv", 'a,b\n1,"2\n', r"a\.csv cannot be read: after line \d, unexpected end of data"),
        ("a.csv", 'a,b\n1,"He said "hi" to us"\n', r"a\.csv cannot be read: after line 2, .* expected after"),
        ("a.csv", "question,answer,answer\n1,2,3\n", r"a\.csv .*names the column 'answer' twice"),
        ("a.csv", 'a,b\n1,"5 tv\n2,"6 tv\n', r"a\.csv cannot be read: after line 3, ',' expected after"),
        ("a.csv", 'a,b\n1,"x"y\n', r"a\.csv cannot be read: after line 2, ',' expected after"),
        ("a.csv", "question,caf\u00e9,cafe\u0301\n1,2,3\n", r"a\.csv .*names the column 'café' twice"),
        ("a.csv", "a;b\n1;2,3\n", r"a\.csv .*row 2 has 2 cells, and the header 1: .* state `delimiter`"),
        ("a.jsonl", '[{"a": 1}]', r"line 1 is not a JSON object: state `format: json`"),
        ("a.jsonl", '{\n"a": 1}', r"line 1 is not JSON .*: a line of this format is a whole object"),
        ("a.json", '{"d": [], "d": []}', r"the name 'd' twice in one object"),
        ("a.json", '[{"a": 1, "a": 2}]', r"the name 'a' twice in one object"),
        ("a.csv", "", r"a\.csv cannot be read: it is empty"),
        ("a.json", '{"examples": [], "n": 1}', r"a\.json .*state `records`, .* \(examples\)"),
        ("a.parquet", "PAR1", r"a\.parquet cannot be read"),
        ("a.txt", "x", r"the ending of .*a\.txt is none of .*state its `format`"),
        ("a.csv.gz", "not packed", r"a\.csv\.gz cannot be read"),
        ("a.csv", "PK\x03\x04 and more", r"a\.csv cannot be read: it is packed with zip"),
        ("a.csv", "a\0,\0b\0", r"a\.csv cannot be read: it begins as UTF-16 .*: state its `encoding`"),
        ("folder/a.parquet", "x", r"folder cannot be read: a\.parquet in it lies in no folder of a label: .* name it"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, name: str, text: str, line: str) -> None:
    (tmp_path / "good.jsonl").write_text('{"a": 1}\n')
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    with pytest.raises(BenchmarkError, match=line):
        read_rows([tmp_path / "good.jsonl", path if path.parent == tmp_path else path.parent], Reading())


def test_another_encoding_is_named_and_can_be_stated(tmp_path: Path) -> None:
    for name, text in (("a.csv", "a\ncafé\n"), ("a.jsonl", '{"a": "café"}\n'), ("a.json", '[{"a": "café"}]')):
        with pytest.raises(BenchmarkError, match="state its `encoding`"):
            rows_of(tmp_path / name, text, "latin-1")
        assert column(rows_of(tmp_path / name, text, "latin-1", encoding="latin-1"), "a") == ["café"]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_packed_files_are_read_and_cut_ones_refused(tmp_path: Path, name: str) -> None:
    raw = (b"a\n" if name == "a.csv" else b"") + b"".join(
        (b"%d\n" if name == "a.csv" else b'{"a": "%d"}\n') % index for index in range(20_000)
    )
    half = len(raw) // 2
    for ending, packed in (
        (".gz", gzip.compress(raw)),
        (".zst", zstandard.compress(raw)),
        (".zst", zstandard.compress(raw[:half]) + zstandard.compress(raw[half:])),
    ):
        path = tmp_path / (name + ending)
        path.write_bytes(packed)
        assert column(read_rows([path], Reading()), "a")[-1] == "19999"
        path.write_bytes(packed[:-20])
        with pytest.raises(BenchmarkError, match=rf"{path.name} cannot be read"):
            read_rows([path], Reading())


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        *product(["a.csv", "a.jsonl", "a.parquet"], [gzip.compress, zstandard.compress]),
        ("A.CSV.GZ", gzip.compress),
        ("a.JSONL.zst", zstandard.compress),
        ("a.parquet.gz", gzip.compress),
    ],
)
def test_packed_files_are_known_by_their_content_too(tmp_path: Path, name: str, pack: Any) -> None:
    raw = {"csv": b"n\n1\n", "jso": b'{"n": "1"}\n', "par": to_parquet([{"n": "1"}])}[name.lower()[2:5]]
    (tmp_path / name).write_bytes(pack(raw))
    assert column(read_rows([tmp_path / name], Reading()), "n") == ["1"]
    if name == "a.parquet.gz":  # as Spark names files that are packed inside
        (tmp_path / name).write_bytes(raw)
        assert column(read_rows([tmp_path / name], Reading()), "n") == ["1"]


def test_one_cell_that_is_no_list_is_named(tmp_path: Path) -> None:
    cells = [json.dumps(["x", str(n)]) for n in range(30)]
    cells[20] = '["x", "20"'
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["a", "b"], *([cell, "y"] for cell in cells)])
    rows = rows_of(tmp_path / "a.csv", buffer.getvalue())
    assert rows.row(3, ["a"]) == {"a": ["x", "3"]}
    with pytest.raises(BenchmarkError, match=r"a\.csv, row 22: column 'a' is not JSON .*, as its other cells are"):
        rows.row(20, ["a"])


def test_delimiter_header_and_quoting_can_be_stated(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "a.csv", 'a;b\n1;"x;y"\n', delimiter=";")
    assert rows.row(0, ["a", "b"]) == {"a": "1", "b": "x;y"}
    rows = rows_of(tmp_path / "a.tsv", '1\t"x\n2\ty\n', header=("n", "text"), quoting=False)
    assert column(rows, "text") == ['"x', "y"]
    assert rows.place(0).endswith("row 1")
    with pytest.raises(BenchmarkError, match=r"a\.jsonl is read as jsonl, which has no `delimiter`: it is for csv"):
        rows_of(tmp_path / "a.jsonl", "{}", delimiter=";")


def test_a_header_that_is_stated_or_comes_again_is_no_row(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"its first line is the header that `header` states: leave `header` out"):
        rows_of(tmp_path / "a.csv", "q,a\n1,2\n", header=("q", "a"))
    rows = rows_of(tmp_path / "b.csv", "q,a\n1,2\nq,a\n3,a\n")
    assert rows.row(2, ["q", "a"]) == {"q": "3", "a": "a"}
    with pytest.raises(BenchmarkError, match=r"b\.csv, row 3: it repeats the header"):
        rows.row(1, ["q", "a"])
    rows = rows_of(tmp_path / "c.csv", "\ufeffq,a\n1,2\n\ufeffq, a\n3,4\n")  # two files with byte order marks in one
    with pytest.raises(BenchmarkError, match=r"c\.csv, row 3: it repeats the header"):
        rows.row(1, ["q", "a"])


@pytest.mark.parametrize("cells", [["['red', 'blue']", "[]"], ["['a' 'b']", "[\"it's\", 'b']"], ["{'a': 1}", "{}"]])
def test_lists_as_python_prints_them_are_not_texts(tmp_path: Path, cells: list[str]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["a"], *([cell] for cell in cells)])
    with pytest.raises(BenchmarkError, match=r"a\.csv, row 2: column 'a' holds lists as Python prints them.*json\."):
        column(rows_of(tmp_path / "a.csv", buffer.getvalue()), "a")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json"])
def test_a_stated_encoding_is_read_with_its_mark_and_without(tmp_path: Path, name: str, encoding: str) -> None:
    text = {"csv": "a,b\ncafé,x\n", "tsv": "a\tb\ncafé\tx\n", "jsonl": '{"a": "café"}\n', "json": '[{"a": "café"}]'}
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    rows = rows_of(tmp_path / name, mark + text[name[2:]], encoding, encoding=encoding)
    assert column(rows, "a") == ["café"]


def test_a_name_twice_inside_a_value_matters_where_it_is_used(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "a.jsonl", '{"q": 1, "odd": {"k": 1, "k": 2}}\n')
    assert rows.row(0, ["q"]) == {"q": 1}
    with pytest.raises(BenchmarkError, match="holds the name 'k' twice in one object"):
        spell(rows.row(0, ["odd"])["odd"])
    pa.parquet.write_table(
        pa.table({"m": pa.array([[("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int8()))}), tmp_path / "a.parquet"
    )
    with pytest.raises(BenchmarkError, match=r"a\.parquet, row 1: column 'm' .*a key occurs twice in one map"):
        column(read_rows([tmp_path / "a.parquet"], Reading()), "m")


def test_a_file_without_rows_says_so(tmp_path: Path) -> None:
    for name, text in (("a.csv", "a,b\n"), ("a.jsonl", ""), ("a.json", "[]")):
        with pytest.raises(BenchmarkError, match=rf"{name} has no rows"):
            rows_of(tmp_path / name, text).require(["a"], "")


def test_json_rows_lie_where_records_says(tmp_path: Path) -> None:
    squad = {"version": 1, "data": [{"title": "T", "paragraphs": [{"context": "C", "qas": [{"q": 1}, {"q": 2}]}]}]}
    rows = rows_of(tmp_path / "a.json", json.dumps(squad), records="data.paragraphs.qas")
    assert [rows.row(index, ["title", "context", "q"]) for index in range(2)] == [
        {"title": "T", "context": "C", "q": 1},
        {"title": "T", "context": "C", "q": 2},
    ]
    with pytest.raises(BenchmarkError, match="`records` names 'examples', and there is 'version', 'data'"):
        rows_of(tmp_path / "a.json", json.dumps(squad), records="examples")
    assert column(rows_of(tmp_path / "a.json", '[{"a": 1}]'), "a") == [1]


def test_a_folder_of_texts_has_a_row_a_file(tmp_path: Path) -> None:
    for name, text in (("sport/b.txt", b"Won\nlong \xa3 story"), ("sport/a.txt", b"Lost"), ("tech/c.txt", b"New")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text)
    rows = read_rows([tmp_path], Reading())
    assert column(rows, "label") == ["sport", "sport", "tech"]
    assert column(rows, "text")[0] == "Lost"
    with pytest.raises(BenchmarkError, match="bytes that are not of its `encoding`"):
        spell(column(rows, "text")[1])
    packed = tmp_path / "tech" / "d.txt.gz"
    packed.write_bytes(gzip.compress(b"Packed"))
    assert column(read_rows([tmp_path], Reading()), "text")[3] == "Packed"
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(BenchmarkError, match=r"tech/d\.txt\.gz: cannot be read"):
        column(read_rows([tmp_path], Reading()), "text")
    (tmp_path / "loose.txt").write_text("x")
    with pytest.raises(BenchmarkError, match=r"loose\.txt in it lies in no folder of a label"):
        read_rows([tmp_path], Reading())


def test_parquet_values_are_as_they_were_written(tmp_path: Path) -> None:
    table = pa.table(
        {
            "single": pa.array([0.1, 7.0, None], pa.float32()),
            "double": pa.array([2.5, 1e22, float("nan")]),
            "exact": pa.array([decimal.Decimal("1.50"), None, None]),
            "day": pa.array([datetime.date(2021, 3, 4)] * 3),
            "raw": pa.array([b"x"] * 3),
            "scores": pa.array([[0.1], [], None], pa.list_(pa.float32())),
            "nested": pa.array([{"text": ["a"], "n": 1}] * 3),
            "category": pa.array(["a", "b", "a"]).dictionary_encode(),
            "huge": pa.array([2**63] * 3, pa.uint64()),
        }
    )
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    rows = read_rows([tmp_path / "a.parquet"], Reading())
    assert [spell(value) for value in column(rows, "single")[:2]] == ["0.1", "7.0"]
    assert [spell(value) for value in column(rows, "double")[:2]] == ["2.5", "1e+22"]
    assert [spell(column(rows, name)[0]) for name in ("exact", "day", "huge", "category")] == [
        "1.50",
        "2021-03-04",
        str(2**63),
        "a",
    ]
    assert column(rows, "scores")[:2] == [["0.1"], []]
    assert column(rows, "nested")[0] == {"text": ["a"], "n": 1}
    for name, index in (("raw", 0), ("double", 2), ("single", 2)):
        with pytest.raises(BenchmarkError):
            spell(column(rows, name)[index])


def test_several_files_follow_one_another_and_the_one_at_fault_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n1\n2\n")
    (tmp_path / "b.jsonl").write_text('{"n": 3}\n')
    pd.DataFrame({"m": [4]}).to_parquet(tmp_path / "c.parquet")
    assert column(read_rows([tmp_path / "a.csv", tmp_path / "b.jsonl"], Reading()), "n") == ["1", "2", 3]
    with pytest.raises(BenchmarkError, match=r"c\.parquet has no column 'n' \(it has 'm'\)"):
        read_rows([tmp_path / "a.csv", tmp_path / "c.parquet"], Reading()).require(["n"], "")


def test_only_the_columns_that_are_used_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(to_parquet([{"a": "1", "b": "2"}]))
    rows = read_rows([tmp_path / "a.parquet"], Reading(), ["a"])
    assert rows.names == ["a", "b"]
    assert rows.row(0, ["a"]) == {"a": "1"}
