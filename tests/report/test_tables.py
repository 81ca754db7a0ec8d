from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmark.report import tables
from benchmark.report.results import read_results


def test_p_values_are_never_zero() -> None:
    assert [tables.p_value(p) for p in (0.0004, 0.001, 0.04, 1.0, float("nan"), None)] == [
        "< .001", ".001", ".040", "1.000", "–", "–"
    ]  # fmt: skip


def test_the_strongest_come_first_with_what_was_found_about_them(folder: Path) -> None:
    table = tables.strongest(read_results(folder))
    assert table is not None
    sizes = [abs(float(row[8].replace("−", "-"))) for row in table.rows]
    assert len(sizes) == 12
    assert sizes == sorted(sizes, reverse=True)
    assert all("to" in row[9] and row[11] != "–" and row[12] != "–" for row in table.rows)
    assert {row[11] for row in table.rows if row[2] == "target isolated"} <= {"target alone"}


def test_a_control_that_could_not_run_has_not_passed(folder: Path) -> None:
    table = tables.controls(read_results(folder))
    assert table is not None
    rows = {row[0]: row for row in table.rows}
    assert rows["planted"][-2:] == ("8 of 8", "✓")
    assert rows["massive dimension"][-2:] == ("did not run", "–")
    assert table.note == "Not run where: no model was planted."


def test_shares_have_a_minus_sign_and_no_negative_zero() -> None:
    assert [tables.percent(value) for value in (-0.004, 0.5, -0.2)] == ["0 %", "50 %", "−20 %"]
    assert tables.percent(0.996, 1) == "99.6 %"


def test_calibration_says_of_which_intervals(folder: Path) -> None:
    table = tables.calibration(read_results(folder))
    assert table is not None
    row = dict(zip(table.head, table.rows[0], strict=True))
    assert (row["intervals"], row["demanded"], row["reproduced"]) == ("fisher", "reproduced ≥ .95", "99.0 %")


def test_the_calibration_may_lie_elsewhere(folder: Path, tmp_path: Path) -> None:
    source = (folder / "calibration.csv").read_text(encoding="utf-8").replace("fisher", "bootstrap")
    (tmp_path / "other.csv").write_text(source, encoding="utf-8")
    table = tables.calibration(read_results(folder, tmp_path / "other.csv"))
    assert table is not None
    assert table.rows[0][2] == "bootstrap"
    assert "calibration" not in read_results(folder, tmp_path / "none.csv").tables


def test_the_largest_means_come_first_with_their_interval(folder: Path) -> None:
    table = tables.consistency(read_results(folder))
    assert table is not None
    means = [abs(float(row[4].replace("−", "-"))) for row in table.rows]
    assert means == sorted(means, reverse=True)
    assert all("to" in row[5] and row[6] == "75 %" for row in table.rows)
    assert "chance alone puts it outside of some" in table.note


def test_selectors_say_what_they_need_and_gain(folder: Path) -> None:
    table = tables.selectors(read_results(folder))
    assert table is not None
    rows = {row[0]: row for row in table.rows}
    assert next(iter(rows)) == "oracle ↑"
    assert rows["oracle ↑"][2] == "yes"
    assert rows["kurtosis ↑"][2] == "under some masks"
    assert rows["perplexity ↓"][1:3] == ["", "no"]
    assert rows["k centre"][1] == "tfidf"
    assert rows["oracle ↑"][3:8] == ["+4.8", "+4.8 to +4.8", "< .001", "98", "40"]
    assert rows["massive count ↑"][3:7] == ["–", "–", "–", "–"]
    assert rows["random"][4:6] == ["–", "–"]


def test_features_with_which_a_selector_chooses_alike_share_a_row(folder: Path) -> None:
    results = read_results(folder)
    selection = results.tables["selection"]
    own = selection[selection["selector"] == "k_centre"]
    assert set(own["features"]) == {"tfidf"}
    worse = own.assign(features="embeddings", score=own["score"] - 0.1)
    more = pd.concat([selection, own.assign(features="hidden"), worse], ignore_index=True)
    table = tables.selectors(replace(results, tables={**results.tables, "selection": more}))
    assert table is not None
    assert [row[1] for row in table.rows if row[0] == "k centre"] == ["tfidf, hidden", "embeddings"]


def test_where_labels_are_better_than_random_ones(folder: Path) -> None:
    results = read_results(folder)
    pools, methods = tables.learning_pools(results), tables.learning(results)
    assert pools is not None
    assert methods is not None
    assert [row[:5] for row in pools.rows] == [
        ("tiny llama", "topic", "perplexity ↓", rule, "+5.0") for rule in ("random", "nearest")
    ]
    assert pools.note == "2 of 16 comparisons."
    assert [row[0] for row in methods.rows] == ["kurtosis ↑ under input", "perplexity ↓"]


def test_timing_finds_every_ratio(folder: Path) -> None:
    table = tables.timing(read_results(folder))
    assert table is not None
    assert len(table.rows) == 7
    assert table.rows[0][:2] == ("over limit · extraction one mask · ours", "1.040")
    assert table.rows[-1][:2] == ("over naive · scoring · unshared", "0.754")


@pytest.mark.parametrize("name", tables.BUILDERS)
def test_every_table_is_as_wide_as_its_head(folder: Path, name: str) -> None:
    table = tables.BUILDERS[name](read_results(folder))
    assert table is not None
    assert table.rows
    assert {len(row) for row in table.rows} == {len(table.head)}
