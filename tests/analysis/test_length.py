"""A family of scores of features: its own test, with the length held fixed, that changes no other family's."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.analysis.cells import check_families
from benchmark.analysis.claim import rounded, summarise, summarise_one
from benchmark.analysis.evaluation import Evaluation, evaluate
from benchmark.analysis.length import given_length
from benchmark.analysis.parameters import ClaimParameters, FamilyParameters
from benchmark.analysis.simulation import Scenario, simulate
from benchmark.analysis.tables import all_tables
from benchmark.artefacts.cells import Cells
from benchmark.artefacts.features import POOLING
from benchmark.errors import BenchmarkError

SCENARIO = Scenario("test", models=2, datasets=2, masks=2, statistics=2, n=400)
OUTLOOK = FamilyParameters(
    masks=("causal",), statistics=("sae_loss", "sae_l0"), sites=("residual",), poolings=(POOLING,), layers=("declared",)
)


def settings(**families: FamilyParameters) -> ClaimParameters:
    return ClaimParameters(
        families={"simulated": SCENARIO.family(), **families},
        headline="simulated",
        permutations=199,
        bootstrap=100,
        splits=10,
    )


@cache
def plain() -> tuple[Cells, ...]:
    """The gain of a query falls with the length of the candidate."""
    made = []
    for cells in simulate(SCENARIO, np.random.default_rng(11)):
        length = np.random.default_rng([*cells.dataset.encode()]).integers(5, 60, cells.n)
        gain = (cells.gain - 0.05 * length[:, None]).astype(np.float32)
        made.append(replace(cells, n_input=length, gain=gain, performance=(gain > -1).astype(np.float32)))
    return tuple(made)


def with_features(cells: Cells) -> Cells:
    """`sae_l0` grows with the length, `sae_loss` is noise."""
    draw = np.random.default_rng([*cells.name.encode()])
    loss, l0 = draw.standard_normal(cells.n), cells.n_input + 3 * draw.standard_normal(cells.n)
    scores = np.concatenate([cells.scores, np.stack([loss, l0], axis=1).astype(np.float32)], axis=1)
    return replace(cells, columns=(*cells.columns, *OUTLOOK.columns), scores=scores)


@cache
def evaluated(where: tuple[bool, ...] = (True,) * 4) -> dict[tuple[str, str], Evaluation]:
    """The cells of four pools, of which those marked have scores of features."""
    every = [with_features(cells) if has else cells for cells, has in zip(plain(), where, strict=True)]
    parameters = settings(outlook=OUTLOOK)
    check_families(every, parameters.families)
    return evaluate(every, parameters)


def test_it_is_the_correlation_of_what_a_regression_on_the_length_leaves() -> None:
    table = given_length(evaluated().values())
    assert len(table) == 4 * len(OUTLOOK.columns) * 2
    for row in table.to_dict("records"):
        cells = next(with_features(c) for c in plain() if (c.model, c.dataset) == (row["model"], row["dataset"]))
        score = cells.scores[:, [column.statistic for column in cells.columns].index(row["statistic"])]
        ranks = [stats.rankdata(values) for values in (cells.n_input, cells.n_target)]
        known = np.stack([np.ones(cells.n), *ranks], axis=1)
        left = []
        for values in (score, cells.outcome(row["outcome"])):
            rank = stats.rankdata(values)
            left.append(rank - known @ np.linalg.lstsq(known, rank, rcond=None)[0])
        assert row["rho_given_length"] == pytest.approx(stats.pearsonr(*left).statistic, abs=1e-9)
        assert row["simultaneous_low"] < row["rho_given_length"] < row["simultaneous_high"]


def test_a_score_that_is_the_length_says_nothing_once_that_is_held_fixed() -> None:
    table = given_length(evaluated().values())
    of_length = table[(table["statistic"] == "sae_l0") & (table["outcome"] == "quality")]
    assert (of_length["rho"].abs() > 0.4).all()
    assert (of_length["rho_given_length"].abs() < 0.2).all()
    assert (of_length["p_family"] > 0.05).all()
    assert (of_length["rho_given_length"].abs() < of_length["null_quantile_95"]).all()


def test_a_score_that_says_more_is_found() -> None:
    cells = list(map(with_features, plain()))
    gain = cells[0].gain.mean(axis=1)
    scores = cells[0].scores.copy()
    scores[:, -2] = gain + 0.05 * cells[0].n_input + 0.5 * np.random.default_rng(0).standard_normal(cells[0].n)
    cells[0] = replace(cells[0], scores=scores)
    found = given_length(evaluate(cells, settings(outlook=OUTLOOK)).values())
    best = found.loc[found["rho_given_length"].abs().idxmax()]
    assert (best["model"], best["dataset"], best["statistic"]) == (cells[0].model, cells[0].dataset, "sae_loss")
    assert best["lower_limit"] > 0.2
    assert best["p_family"] == pytest.approx(1 / 200)


def test_a_family_changes_no_number_of_another() -> None:
    alone = evaluate(list(plain()), settings())
    tables, more = all_tables(alone), all_tables(evaluated())
    for key, evaluation in alone.items():
        assert rounded(summarise_one(evaluation, tables)) == rounded(summarise_one(evaluated()[key], more))
    for name in ("family.csv", "power.csv", "reliability.csv", "controls.csv", "null.csv"):
        own = more[name][more[name]["family"] == "simulated"].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, tables[name].reset_index(drop=True), check_dtype=False)
    pd.testing.assert_frame_equal(more["agreement.csv"], tables["agreement.csv"])
    assert tables["given_length.csv"].empty


def test_a_model_without_dictionary_takes_no_part() -> None:
    models = [cells.model for cells in plain()]
    found = evaluated(tuple(model == models[0] for model in models))
    outlook = found["outlook", "as_stated"]
    summary = summarise(found, all_tables(found))["families"]["outlook"]["as_stated"]
    assert summary["n_cells"] == models.count(models[0]) * len(OUTLOOK.columns) * 2
    assert {s.pool.model for s in outlook.sensitivity} == {models[0]}
    assert {control.model for control in outlook.controls} == {models[0]}
    assert {s.pool.model for s in found["simulated", "as_stated"].sensitivity} == set(models)
    assert set(given_length(found.values())["model"]) == {models[0]}


def test_no_dictionary_at_all_leaves_the_question_open() -> None:
    found = evaluated((False,) * 4)
    summary = summarise(found, all_tables(found))["families"]["outlook"]["as_stated"]
    assert (summary["verdict"], summary["n_cells"], summary["cell"]) == ("inconclusive", 0, None)
    assert "no model has such scores" in summary["statements"]["sensitivity"]["text"]


def test_half_of_the_scores_of_features_are_refused() -> None:
    every = list(map(with_features, plain()))
    every[1] = replace(every[1], columns=every[1].columns[:-1], scores=every[1].scores[:, :-1])
    with pytest.raises(BenchmarkError, match="lack the declared column residual/causal/own/declared/sae_l0"):
        check_families(every, settings(outlook=OUTLOOK).families)
