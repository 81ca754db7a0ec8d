from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.analysis.claim import Claim, claim, compute
from benchmark.errors import BenchmarkError
from benchmark.storage import read_json, read_table, write_table
from tests.analysis.conftest import Workplace
from tests.analysis.upstream import PAIRS, parameters, write_all, write_planted

DOCS = Path(__file__).parents[2] / "docs" / "statistics.md"
CONTRACT = {
    "verdict",
    "bound",
    "families",
    "headline",
    "verdict_given_target",
    "sentence",
    "uncovered",
    "target_alone",
    "constant",
}
OF_A_CLAIM = {
    "verdict",
    "sentence",
    "by_outcome",
    "max_abs_rho",
    "cell",
    "n_cells",
    "n_undefined",
    "null_quantile_95",
    "p_family",
    "intervals",
    "statements",
    "sensitive_pools",
    "controls",
}


def found(claim: Claim, of: str = "as_stated") -> dict[str, Any]:
    summary: dict[str, Any] = claim.summary["families"]["declared"][of]
    return summary


@pytest.fixture(scope="module")
def computed(finished: Workplace) -> Claim:
    return compute(finished.inputs(parameters()))


def of_claim(claim: Claim, table: str, name: str) -> pd.DataFrame:
    frame = claim.tables[table]
    return frame[frame["claim"] == name].reset_index(drop=True)


def test_summary_has_what_the_contract_names(computed: Claim) -> None:
    assert set(computed.summary) >= CONTRACT
    assert computed.verdict == "reproduced"
    for name in ("as_stated", "given_target"):
        of = found(computed, name)
        assert set(of) >= OF_A_CLAIM
        assert of["verdict"] == "reproduced"
        assert of["n_cells"] == len(PAIRS) * 2 * 2 * 3
        assert of["undefined"] == {"score constant": len(PAIRS) * 2}
        assert of["n_undefined"] == len(PAIRS) * 2
    assert [c["statistic"] for c in computed.summary["constant"]] == ["variance"] * len(PAIRS)


@pytest.mark.parametrize("name", ["as_stated", "given_target"])
def test_the_summary_is_that_of_the_tables(computed: Claim, name: str) -> None:
    family = of_claim(computed, "family.csv", name)
    strongest = family.loc[family["rho"].abs().idxmax()]
    cell = found(computed, name)["cell"]
    assert found(computed, name)["max_abs_rho"] == pytest.approx(abs(strongest["rho"]), abs=1e-6)
    assert all(cell[key] == strongest[key] for key in ("model", "dataset", "mask", "statistic", "outcome"))
    null = of_claim(computed, "null.csv", name)
    assert null["null_max"].sum() == 199
    assert null["observed"].sum() == family["rho"].notna().sum()
    assert null["null_cell"].sum() == 199 * family["rho"].notna().sum()
    defined = family[family["undefined"] == ""]
    assert (defined["simultaneous_low"] < defined["ci_low"]).all()
    assert (defined["p_family"] >= defined["p_value"]).all()
    np.testing.assert_allclose(defined["disattenuated_rho"] * defined["ceiling"], defined["rho"])


def test_written_tables_are_the_documented_ones(finished: Workplace, computed: Claim) -> None:
    documented = dict(re.findall(r"^\| `(\w+\.csv)` \| [^|]* \| (.*) \|$", DOCS.read_text(), flags=re.MULTILINE))
    key = {"model", "dataset", "mask", "statistic", "pooling", "site", "layer", "outcome", "shots"}
    for name in computed.tables:
        columns = set(read_table(finished.results / name).columns)
        text = documented[name]
        while "(" in text:  # what stands in brackets explains
            text = re.sub(r"\([^()]*\)", "", text)
        told = set(re.findall(r"`(\w+)`", text)) | (key if text.startswith("key") else set())
        assert columns == told, name


def test_reading_the_summary_gives_what_was_computed(finished: Workplace, computed: Claim) -> None:
    assert read_json(finished.results / "claim.json") == computed.summary


def test_a_planted_score_refutes_and_the_gate_is_not_asked(tmp_path: Path) -> None:
    write_all(tmp_path, n=400, rho=0.65)
    place = Workplace(tmp_path)
    place.correlate(parameters())
    result = claim(place.inputs(parameters()))
    assert result.verdict == "refuted"
    assert found(result)["cell"]["mask"] == "causal"
    assert found(result)["intervals"]["largest_lower_limit"] > 0.33
    assert found(result)["by_outcome"]["quality"]["verdict"] == "refuted"
    assert "mean under causal" in found(result)["statements"]["reproduction"]["text"]
    assert result.verdicts() == {"declared": {"as_stated": "refuted", "given_target": "refuted"}}


def test_a_massive_dimension_is_a_control(place: Workplace) -> None:
    planted = write_planted(place.folder, after=1.1)
    result = claim(place.inputs(parameters(), planted))
    assert found(result)["controls"]["massive_dimension"] == {"passed": False, "ran": 2, "of": 2}
    assert result.verdict == "inconclusive"
    assert "massive_dimension" in result.summary["sentence"]


def test_claiming_again_gives_the_same_bytes(place: Workplace) -> None:
    before = {path.name: path.read_bytes() for path in place.results.iterdir() if path.is_file()}
    claim(place.inputs(parameters()))
    assert {path.name: path.read_bytes() for path in place.results.iterdir() if path.is_file()} == before


def test_nothing_is_written_over_where_cells_are_stale(place: Workplace) -> None:
    before = (place.results / "claim.json").read_bytes()
    stale = replace(place.inputs(parameters()), context={"extraction": "two"})
    with pytest.raises(BenchmarkError, match="was made with other parameters"):
        claim(stale)
    assert (place.results / "claim.json").read_bytes() == before


@pytest.mark.parametrize(
    ("column", "by", "message"),
    [("rho", 1e-4, r"is not what the cells give: alpha/one/causal/mean/.* has rho"), ("n", 1, "mixes n")],
)
def test_nothing_is_written_over_where_correlations_are_not_the_cells(
    place: Workplace, column: str, by: float, message: str
) -> None:
    before = (place.results / "claim.json").read_bytes()
    table = read_table(place.correlations, text=("layer", "undefined"))
    table.loc[0, column] += by
    write_table(place.correlations, table)
    with pytest.raises(BenchmarkError, match=message):
        claim(place.inputs(parameters()))
    assert (place.results / "claim.json").read_bytes() == before


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match="bund"):
        parameters(bund=0.3)


@pytest.mark.slow
def test_analysis_never_imports_torch() -> None:
    code = (
        "import sys, benchmark.analysis.gate, benchmark.analysis.calibration;"
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
