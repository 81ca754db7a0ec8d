"""Whether features do better: the sentence says what the tables say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.artefacts.dictionaries import COLUMNS, write_dictionaries
from benchmark.report import outlook, write_report
from benchmark.report.results import Results, read_results
from benchmark.report.tables import rho
from benchmark.storage import read_json, write_json
from tests.report.synthetic import RECORD, features, write_results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("results")
    write_results(folder)
    return read_results(folder)


def with_rho(results: Results, strongest: float, half: float) -> Results:
    """The strongest feature at `strongest`, all others at a tenth of it, with intervals of `half` to each side."""
    table = results.tables["family"].copy()
    own = table["family"] == "outlook"
    table.loc[own, "rho"] = strongest / 10
    table.loc[own.idxmax(), "rho"] = strongest
    table.loc[own, "simultaneous_low"] = table.loc[own, "rho"] - half
    table.loc[own, "simultaneous_high"] = table.loc[own, "rho"] + half
    claim = dict(results.claim)
    stated = dict(claim["families"]["outlook"]["as_stated"])
    stated["intervals"] = {"largest_lower_limit": max(0.0, abs(strongest) - half)}
    claim["families"] = claim["families"] | {"outlook": claim["families"]["outlook"] | {"as_stated": stated}}
    return replace(results, claim=claim, tables={**results.tables, "family": table})


def largest_of_activations(results: Results) -> float:
    table = results.tables["family"]
    return float(table[(table["family"] == "paper") & (table["claim"] == "as_stated")]["rho"].abs().max())


@pytest.mark.parametrize(
    ("above", "half", "begin"),
    [(0.2, 0.1, "Yes: "), (0.2, 0.3, "That is not shown: "), (-0.3, 0.1, "No: "), (-0.05, 0.1, "That is not shown: ")],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_answer_follows_from_the_intervals(
    results: Results, above: float, half: float, begin: str, sign: int
) -> None:
    said = outlook.answer(with_rho(results, sign * (largest_of_activations(results) + above), half))
    assert said is not None
    assert said.startswith(begin)
    assert f"|ρ| reaches {rho(largest_of_activations(results))}" in said
    assert said.count("among") == 2  # length, and target
    assert said.endswith(".")


def test_only_the_models_with_dictionaries_are_compared(results: Results) -> None:
    table = results.tables["family"]
    first = table["model"].iloc[0]
    kept = table[(table["family"] != "outlook") | (table["model"] == first)]
    paper = table[(table["family"] == "paper") & (table["claim"] == "as_stated")].groupby("model")["rho"]
    largest = paper.apply(lambda each: each.abs().max())
    assert largest[first] != largest.max() or largest.nunique() > 1
    said = outlook.answer(replace(results, tables={**results.tables, "family": kept}))
    assert f"|ρ| reaches {rho(largest[first])}" in str(said)


def test_the_page_answers_in_one_sentence_and_says_how_good_the_dictionaries_are(tmp_path: Path) -> None:
    write_results(tmp_path)
    write_report(tmp_path, "embedded", RECORD)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    section = page[page.index('id="outlook"') : page.index('id="sensitivity"')]
    assert str(outlook.answer(read_results(tmp_path))) in section
    assert "81.0 %" in section  # explained
    assert "400\N{NARROW NO-BREAK SPACE}000 of 500\N{NARROW NO-BREAK SPACE}000" in section


def test_without_such_a_family_the_page_says_so(tmp_path: Path) -> None:
    write_results(tmp_path)
    claim = read_json(tmp_path / "claim.json")
    del claim["families"]["outlook"]
    write_json(tmp_path / "claim.json", claim)
    found = read_results(tmp_path)
    assert outlook.answer(found) is None
    assert outlook.outlook(found) is None
    write_dictionaries(tmp_path / "sae.csv", features(()).reindex(columns=list(COLUMNS)))
    assert outlook.dictionaries(read_results(tmp_path)) is None


def test_the_strongest_features_come_first_with_length_and_target_held_fixed(results: Results) -> None:
    table = outlook.outlook(results)
    assert table is not None
    sizes = [abs(float(row[7].replace("−", "-"))) for row in table.rows]
    assert sizes == sorted(sizes, reverse=True)
    assert all(len(row) == len(table.head) and row[11] != "–" for row in table.rows)


def test_a_table_of_the_length_that_is_missing_is_passed_over(tmp_path: Path) -> None:
    write_results(tmp_path)
    (tmp_path / "given_length.csv").unlink()
    found = read_results(tmp_path)
    assert "as long as each other" not in str(outlook.answer(found))
