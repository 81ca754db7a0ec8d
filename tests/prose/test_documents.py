"""`benchmark.prose`: a stale number or block in a document is found, and replaced by what its file has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmark.cli import main
from benchmark.errors import BenchmarkError
from benchmark.prose.documents import current, stale, unmarked

TEXT = """\
The largest is **-0.46**<!-- claim.json: rho -->, of 1,792<!-- claim.json: cells --> cells; verdict
`refuted`<!-- claim.json: verdict -->.

| rho | p |
|---|---|
| 0.46<!-- claim.json: size --> | 0.0010<!-- claim.json: p --> |

<!-- table table.csv: name as which, share in %, n if n > 1 -->
old
<!-- end -->
"""
TABLE = "| which | share | n |\n| --- | --- | --- |\n| b | 25.0 % | 2 |\n| c |  | 3 |\n"


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    claim = {"rho": -0.4631, "size": 0.4631, "cells": 1792, "verdict": "refuted", "p": 0.000999}
    Path("claim.json").write_text(json.dumps(claim))
    Path("table.csv").write_text("name,share,n\na,0.5,1\nb,0.25,2\nc,,3\n")


def test_what_is_right_stays_and_a_block_is_made() -> None:
    assert current(TEXT) == TEXT.replace("old\n", TABLE)
    (problem,) = stale(TEXT)
    assert (problem.line, problem.says, problem.has) == (9, "old", "| which | share | n |")
    assert list(stale(current(TEXT))) == []


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [("-0.46", "-0.47", 1), ("1,792", "1,791", 1), ("refuted", "exceeded", 2), ("0.0010", "0.0011", 6)],
)
def test_one_wrong_number_is_named_with_its_line_and_source(right: str, wrong: str, line: int) -> None:
    text = current(TEXT)
    (problem,) = stale(text.replace(right, wrong, 1))
    assert (problem.line, problem.says, problem.has) == (line, wrong, right)
    assert current(text.replace(right, wrong, 1)) == text


@pytest.mark.parametrize(
    "text", ["<!-- claim.json: rho -->", "It is\n<!-- claim.json: rho -->", "x = <!-- claim.json: rho -->"]
)
def test_a_comment_beside_no_number_is_refused(text: str) -> None:
    with pytest.raises(BenchmarkError, match="follows no number"):
        list(stale(text))


def test_other_comments_are_left_alone() -> None:
    text = "<!-- a remark: 0.5 -->\n0.5 <!-- another -->\n<!-- end -->\n"
    assert list(stale(text)) == []
    assert current(text) == text


def test_numbers_whose_source_nothing_says_are_listed() -> None:
    text = current(TEXT) + "Half is 0.5, [a link](v1.2), `0.7`, revision 1.2.3, and -.25.\n"
    assert unmarked(text) == ["0.5", "-.25"]


def test_the_command_says_what_is_stale_and_writes_only_when_asked() -> None:
    Path("a.md").write_text(TEXT)
    done = CliRunner().invoke(main, ["prose", "a.md"])
    assert done.exit_code == 1
    assert "a.md:9: says old, table table.csv" in done.output
    assert "error: 1 numbers or blocks are stale" in done.output
    assert Path("a.md").read_text() == TEXT
    assert CliRunner().invoke(main, ["prose", "--write", "a.md"]).exit_code == 0
    assert Path("a.md").read_text() == current(TEXT)
    assert CliRunner().invoke(main, ["prose", "a.md"]).exit_code == 0


@pytest.mark.parametrize("column", ["absent", "name as", "name in kg"])
def test_a_table_of_a_column_that_is_not_there_is_refused(column: str) -> None:
    with pytest.raises(BenchmarkError, match=r"table\.csv: of .* not every column is there; it has name, share, n"):
        current(f"<!-- table table.csv: n, {column} -->\n<!-- end -->\n")


def test_results_of_an_earlier_version_are_refused_in_one_line() -> None:
    Path("results").mkdir()
    Path("results/old.json").write_text("{}")
    with pytest.raises(BenchmarkError, match=r"table results/old\.json.* cannot be made .*KeyError.* run `dvc repro`"):
        current("<!-- table results/old.json: figures: name -->\n<!-- end -->\n")
