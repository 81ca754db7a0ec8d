"""Whatever is edited behind the claim's back is noticed, and named in one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.analysis.verification import verify
from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, read_json, read_table, write_arrays, write_json, write_table
from tests.analysis.conftest import Workplace
from tests.analysis.upstream import parameters

TEXT = ("layer", "undefined")
FOUND = ("families", "declared", "as_stated")


def run(place: Workplace, **changes: object) -> None:
    verify(replace(place.inputs(parameters()), **changes))  # type: ignore[arg-type]


def edit_cells(name: str, by: float) -> Callable[[Workplace], None]:
    def edit(place: Workplace) -> None:
        path = place.cells / "beta-one.npz"
        arrays = read_arrays(path)
        arrays[name].flat[5] += by
        write_arrays(path, **arrays)

    return edit


def edit_table(name: str, column: str, row: int, by: float) -> Callable[[Workplace], None]:
    def edit(place: Workplace) -> None:
        table = read_table(place.results / name, text=TEXT)
        table.loc[row, column] += by
        write_table(place.results / name, table)

    return edit


def edit_claim(*keys: str, value: object) -> Callable[[Workplace], None]:
    def edit(place: Workplace) -> None:
        summary = read_json(place.results / "claim.json")
        inner = summary
        for key in keys[:-1]:
            inner = inner[key]
        inner[keys[-1]] = value
        write_json(place.results / "claim.json", summary)

    return edit


def edit_metrics(place: Workplace) -> None:
    metrics = read_json(place.results / "metrics.json")
    metrics["as_stated"]["max_abs_rho"] += 0.1
    write_json(place.results / "metrics.json", metrics)


def test_what_was_not_edited_is_verified(finished: Workplace) -> None:
    run(finished)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (edit_cells("scores", 1e-6), "beta-one.npz was changed"),
        (edit_cells("gain", 1e-5), "beta-one.npz was changed"),
        (edit_cells("performance", 1.0), "beta-one.npz was changed"),
        (edit_cells("n_input", 1), "beta-one.npz was changed"),
        (
            edit_table("correlations.csv", "rho", 0, 1e-5),
            "alpha/one/causal/mean/mean/mlp_output/mean/quality/1 has rho",
        ),
        (edit_table("correlations.csv", "rho", 20, 1e-5), "correlations.csv was changed"),
        (edit_table("correlations.csv", "n", 0, 1), "mixes n"),
        (edit_table("family.csv", "ci_low", 4, 1e-5), "family.csv, row 5: ci_low"),
        (edit_table("null.csv", "null_cell", 3, 1), "null.csv, row 4: null_cell"),
        (edit_table("reliability.csv", "reliability", 0, 1e-4), "reliability.csv, row 1: reliability"),
        (edit_table("controls.csv", "value", 1, 0.5), "controls.csv, row 2: value"),
        (edit_claim("verdict", value="refuted"), "verdict is 'refuted', recomputed 'reproduced'"),
        (edit_claim(*FOUND, "max_abs_rho", value=0.01), "max_abs_rho is 0.01"),
        (edit_claim("bound", value=0.9), "bound is 0.9"),
        (edit_claim(*FOUND, "cell", "rho", value=0.5), r"cell\.rho is 0\.5"),
        (edit_claim("verdict_given_target", value="refuted"), "verdict_given_target is 'refuted'"),
        (
            edit_claim(*FOUND, "statements", "reproduction", "holds", value=False),
            r"statements\.reproduction\.holds is False",
        ),
        (edit_metrics, r"metrics\.json is not what the cells give"),
        (edit_claim("fingerprint", value="0" * 16), "was made with other parameters"),
        (edit_claim("digests", "cells/alpha-one.npz", value="0"), "alpha-one.npz was changed"),
        (edit_claim("digests", "correlations.csv", value="0"), "correlations.csv was changed"),
        (edit_claim("digests", value={}), "was changed after the claim"),
    ],
)
def test_one_edited_number_is_noticed(place: Workplace, edit: Callable[[Workplace], None], message: str) -> None:
    edit(place)
    with pytest.raises(BenchmarkError, match=message) as caught:
        run(place)
    assert "\n" not in str(caught.value)


def test_other_parameters_are_noticed(finished: Workplace) -> None:
    with pytest.raises(BenchmarkError, match=r"claim\.json was made with other parameters"):
        run(finished, parameters=parameters(bound=0.4))
    with pytest.raises(BenchmarkError, match="npz was made with other parameters"):
        run(finished, context={"extraction": "two"})


def test_a_missing_file_is_named(place: Workplace) -> None:
    (place.results / "power.csv").unlink()
    with pytest.raises(BenchmarkError, match=r"power\.csv is missing"):
        run(place)


def test_a_missing_cell_is_named(place: Workplace) -> None:
    write_table(place.correlations, read_table(place.correlations, text=TEXT).iloc[1:])
    with pytest.raises(BenchmarkError, match="lacks a declared cell: alpha/one/causal/mean"):
        run(place)


def test_no_claim_at_all_is_told(place: Workplace) -> None:
    (place.results / "claim.json").write_text("[]")
    with pytest.raises(BenchmarkError, match="is not a claim of this version"):
        run(place)


def test_line_ends_do_not_count(place: Workplace, tmp_path: Path) -> None:
    place.correlations.write_bytes(place.correlations.read_bytes().replace(b"\n", b"\r\n"))
    run(place)
