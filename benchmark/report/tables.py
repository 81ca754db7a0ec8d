"""The page's tables: what each shows, as text ready to be set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.analysis.parameters import AS_STATED, CLAIMS, GIVEN_TARGET
from benchmark.analysis.selectors import selectors_over_tasks
from benchmark.artefacts.cells import KEY
from benchmark.report.answers import METRIC, method
from benchmark.report.figures.selection import label, order
from benchmark.report.results import Results
from benchmark.report.style import number, signed, words
from benchmark.timing.history import ratios

EMPTY = "–"


@dataclass(frozen=True)
class Table:
    """Rows of text under heads; the first `n_names` columns are words, the others numbers, set flush right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_names: int = 1
    note: str = ""


def rho(value: Any, digits: int = 2) -> str:
    return EMPTY if value is None or pd.isna(value) else number(float(value), digits)


def interval(low: Any, high: Any) -> str:
    return EMPTY if pd.isna(low) or pd.isna(high) else f"{rho(low)} to {rho(high)}"


def p_value(value: Any) -> str:
    if value is None or pd.isna(value):
        return EMPTY
    return "< .001" if value < 0.001 else number(float(value), 3)


def percent(value: Any, digits: int = 0) -> str:
    if pd.isna(value):
        return EMPTY
    text = f"{100 * value:.{digits}f} %".replace("-", "\N{MINUS SIGN}")
    return text.removeprefix("\N{MINUS SIGN}") if round(100 * value, digits) == 0 else text


def count(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def whole(value: float) -> str:
    return EMPTY if pd.isna(value) else f"{value:.0f}"


def yes(value: Any) -> str:
    return EMPTY if pd.isna(value) or value == "" else "yes" if float(value) else "no"


def strongest(results: Results, rows: int = 12) -> Table | None:
    """The strongest cells of all families, with everything that was found about each."""
    cells = results.cells()
    given = results.cells(GIVEN_TARGET)
    if cells is None or given is None:
        return None
    cells = cells.merge(given[[*KEY, "rho"]].rename(columns={"rho": "rho_given"}), on=list(KEY), how="left")
    if "confounds" in results.tables:
        cells = cells.merge(results.tables["confounds"][[*KEY, "partial_rho"]], on=list(KEY), how="left")
    else:
        cells = cells.assign(partial_rho=np.nan)
    cells = cells[cells["rho"].notna()].sort_values("rho", key=abs, ascending=False, kind="stable").head(rows)
    head = ("model", "task", "mask", "statistic", "outcome", "family", "n", "distinct scores", "ρ", "simultaneous",
            "p (family)", "ρ given the target", "ρ given all confounds")  # fmt: skip
    body = [
        (
            words(row["model"]),
            words(row["dataset"]),
            words(row["mask"]),
            words(row["statistic"]),
            row["outcome"],
            row["family"],
            f"{row['n']:.0f}",
            f"{row['n_distinct']:.0f}",
            rho(row["rho"]),
            interval(row["simultaneous_low"], row["simultaneous_high"]),
            p_value(row["p_family"]),
            "target alone" if row["target_alone"] == 1 else rho(row["rho_given"]),
            rho(row["partial_rho"]),
        )
        for row in cells.to_dict("records")
    ]
    return Table(head, body, 6)


def families(results: Results) -> Table | None:
    """Every family's verdicts, as stated and given the target."""
    body = [
        (
            words(name),
            ", ".join(map(words, found["declared"]["masks"])),
            *(
                text
                for claim in CLAIMS
                for text in (
                    found[claim]["verdict"],
                    rho(found[claim]["max_abs_rho"]),
                    p_value(found[claim]["p_family"]),
                )
            ),
            f"{found[AS_STATED]['n_cells']}",
        )
        for name, found in results.claim["families"].items()
    ]
    head = ("family", "masks", "as stated", "largest |ρ|", "p", "given the target", "largest |ρ|", "p", "cells")
    return Table(head, body, 2)


def decomposition(results: Results) -> Table | None:
    """What quality is made of, per pool."""
    table = results.tables.get("decomposition")
    if table is None:
        return None
    body = [
        (words(r["model"]), words(r["dataset"]), r["outcome"], f"{r['n_targets']:.0f}",
         percent(r["matching_of_matrix"]), percent(r["matching"]), percent(r["target"]), percent(r["length"]),
         percent(r["left"]),
         rho(r["reliability"]), rho(r["reliability_left"]), r["note"])
        for r in table.to_dict("records")
    ]  # fmt: skip
    head = ("model", "task", "outcome", "targets", "of the matrix: own target matches", "matching", "target", "length",
            "left", "reliability", "of what is left", "note")  # fmt: skip
    return Table(head, body, 3)


CONTROLS: Mapping[str, str] = {
    "planted": "A score built to correlate with the outcome: its ρ must be found as it was planted.",
    "shuffled": "The same score in random order: it must not lie above the bound.",
    "identity": "The outcome itself as a score: ρ must be 1.",
    "massive_dimension": "A massive dimension is planted into a model: the massive-activation statistics must see it.",
}


def controls(results: Results) -> Table | None:
    table = results.rows("controls")
    if table is None:
        return None
    body = []
    for control, rows in table.groupby("control", sort=False):
        ran = rows[rows["passed"].notna()]
        passed, silent = int(ran["passed"].sum()), len(rows) - len(ran)
        body.append(
            (
                words(str(control)),
                CONTROLS.get(str(control), ""),
                _range(rows["expected"]),
                _range(ran["value"]),
                f"{passed} of {len(ran)}" + (f"; {silent} not run" if silent else "") if len(ran) else "did not run",
                "✓" if len(ran) and passed == len(ran) else "✗" if len(ran) else EMPTY,
            )
        )
    skipped = table[table["passed"].isna() & (table["note"] != "")]["note"].unique()
    note = f"Not run where: {'; '.join(skipped)}." if len(skipped) else ""
    hidden = table[(table["control"] == "planted") & (table["shown"] == 0)]
    if len(hidden):
        first = hidden.iloc[0]
        note += (
            f" {len(hidden)} planted scores were found but not shown to lie above the bound, such as that of "
            f"{words(first['model'])} on {words(first['dataset'])}: {first['note']}."
        )
    return Table(("control", "what it asks", "expected", "found", "passed", ""), body, 2, note.strip())


def _range(values: pd.Series[Any]) -> str:
    values = pd.to_numeric(values, errors="coerce").dropna()
    if values.empty:
        return EMPTY
    low, high = rho(values.min()), rho(values.max())
    return low if low == high else f"{low} to {high}"


def reliability(results: Results) -> Table | None:
    """Split-half reliability per pool and outcome, and whether a correlation above the bound would have been seen."""
    table = results.rows("reliability")
    if table is None:
        return None
    head = ("model", "task", "outcome", "n", "reliability", "interval", "ceiling of |ρ|", "power", "sensitive")
    body = [
        (words(r["model"]), words(r["dataset"]), r["outcome"], f"{r['n']:.0f}", rho(r["reliability"]),
         interval(r["reliability_low"], r["reliability_high"]), rho(r["ceiling"]), rho(r["power"]), yes(r["sensitive"]))
        for r in table.to_dict("records")
    ]  # fmt: skip
    return Table(head, body, 3)


def equivalence(results: Results) -> Table | None:
    """Per pool and outcome: in how many cells |rho| < bound is shown, not merely not refuted."""
    table = results.rows("equivalence")
    if table is None:
        return None
    body = []
    for (model, dataset, outcome), rows in table.groupby(["model", "dataset", "outcome"], sort=False):
        tested = rows[rows["equivalent"].notna() & rows["rho"].notna()]
        body.append(
            (words(model), words(dataset), outcome, f"{len(tested)}", f"{int(tested['equivalent'].sum())}",
             rho(tested["power"].mean()), rho(tested["rho"].abs().max()))
        )  # fmt: skip
    head = ("model", "task", "outcome", "cells", "shown below the bound", "mean power", "largest |ρ|")
    return Table(head, body, 3)


def power(results: Results) -> Table | None:
    """Candidates needed, by the question and the true rho, for each reliability of the outcome."""
    table = results.rows("power")
    if table is None:
        return None
    asked = {"above": "is a cell above the bound?", "below": "is a cell below the bound?"}
    reliabilities = sorted(table["reliability"].unique(), reverse=True)
    body = []
    for (question, true), rows in table.groupby(["question", "true_rho"], sort=False):
        needed = dict(zip(rows["reliability"], rows["n_needed"], strict=True))
        found = (needed.get(reliability, np.nan) for reliability in reliabilities)
        body.append((asked.get(str(question), str(question)), rho(true), *map(candidates, found)))
    head = ("question", "true ρ", *(f"n at reliability {rho(value, 1)}" for value in reliabilities))
    return Table(head, body, 1)


def candidates(needed: float) -> str:
    return "no n is enough" if pd.isna(needed) else count(needed)


def selectors(results: Results) -> Table | None:
    """Each selector's mean over pools (and masks): points over random choice, and percentiles, at each shots."""
    table = results.tables.get("selection")
    if table is None:
        return None
    table = table[table["metric"] == "performance"]
    table = table.assign(needs=table["needs_label"].astype(str).str.lower().eq("true"))
    means = selectors_over_tasks(table)
    shots = sorted(table["shots"].unique())
    body = []
    for selector, direction in order(table):
        rows, found = (
            frame[(frame["selector"] == selector) & (frame["direction"] == direction)] for frame in (table, means)
        )
        needs = "yes" if rows["needs"].all() else "under some masks" if rows["needs"].any() else "no"
        alike: dict[tuple[str, ...], list[str]] = {}  # features with which a selector chooses the same
        for features, by_shots in found.groupby("features", sort=False):
            line: list[str] = []
            for _, row in by_shots.sort_values("shots").iterrows():
                line += [*_against_random(row), whole(row["percentile"]), whole(row["percentile_same_target"])]
            alike.setdefault(tuple(line), []).append(words(str(features)))
        body += [[label(selector, direction), ", ".join(names), needs, *line] for line, names in alike.items()]
    head = ["selector", "features", "needs labels"]
    for k in shots:
        head += [f"points, {k} shot{'s' if k > 1 else ''}", "interval over tasks", "p (Holm)", "percentile",
                 "of the same target"]  # fmt: skip
    return Table(head, body, 3, "Each number is a mean over models, tasks and, for activations, masks.")


def _against_random(row: Any) -> tuple[str, str, str]:
    """Points over random choice, their interval, and the corrected p."""
    if pd.isna(row["difference"]):
        return EMPTY, EMPTY, EMPTY
    interval = EMPTY if pd.isna(row["low"]) else f"{signed(100 * row['low'])} to {signed(100 * row['high'])}"
    return signed(100 * row["difference"]), interval, p_value(row["p_family"])


def learning(results: Results) -> Table | None:
    """Every way to choose what to label, over all tasks: the area under its curve against random choice's."""
    areas = results.tables.get("learning_areas")
    if areas is None or areas.empty:
        return None
    areas = areas[(areas["metric"] == METRIC) & (areas["dataset"] == "")]
    rules = list(dict.fromkeys(areas["rule"]))
    body = []
    for selector, direction in order(areas):
        rows = areas[(areas["selector"] == selector) & (areas["direction"] == direction)]
        for _, found in rows.groupby(["mask", "features"], sort=False):
            by_rule = {row["rule"]: row for row in found.to_dict("records")}
            name = method(next(iter(by_rule.values())))
            body.append([name, *(text for rule in rules for text in _against_random(by_rule[rule]))])
    head = ["choice of what to label"]
    for rule in rules:
        head += [f"points, {rule} demonstration", "interval over tasks", "p (Holm)"]
    return Table(head, body)


def learning_pools(results: Results) -> Table | None:
    """Where a way to choose beats random choice on one task, the largest difference first."""
    areas = results.tables.get("learning_areas")
    if areas is None or areas.empty:
        return None
    areas = areas[(areas["metric"] == METRIC) & (areas["dataset"] != "")]
    won = areas[areas["p_family"] < float(results.claim["alpha"])].sort_values(
        "difference", ascending=False, kind="stable"
    )
    body = [
        (words(row["model"]), words(row["dataset"]), method(row), row["rule"], *_against_random(row))
        for row in won.head(20).to_dict("records")
    ]
    head = ("model", "task", "choice of what to label", "demonstration", "points", "interval over queries", "p (Holm)")
    more = f", the largest {len(body)} of them shown" if len(won) > len(body) else ""
    return Table(head, body, 4, f"{len(won)} of {len(areas)} comparisons{more}.")


def agreement(results: Results) -> Table | None:
    table = results.rows("agreement")
    if table is None or table.empty:
        return None
    body = [
        (f"{words(r['model_a'])} and {words(r['model_b'])}", r["outcome"], f"{r['n_cells']:.0f}", rho(r["agreement"]),
         percent(r["sign_agreement"]))
        for r in table.to_dict("records")
    ]  # fmt: skip
    return Table(("models", "outcome", "cells", "agreement of their maps (ρ)", "same sign"), body, 2)


def consistency(results: Results, rows: int = 12) -> Table | None:
    """The scores whose mean rho over models and tasks is largest, and whether they agree about its sign."""
    table = results.rows("consistency")
    if table is None:
        return None
    known = table[table["mean_rho"].notna()].sort_values("mean_rho", key=abs, ascending=False, kind="stable")
    body = [
        (words(r["mask"]), words(r["statistic"]), r["outcome"], f"{r['n_pools']:.0f}", rho(r["mean_rho"]),
         interval(r["ci_low"], r["ci_high"]), percent(r["sign_agreement"]))
        for r in known.head(rows).to_dict("records")
    ]  # fmt: skip
    outside = int(((known["ci_low"] > 0) | (known["ci_high"] < 0)).sum())
    by_chance = results.claim.get("alpha", np.nan) * known["ci_low"].notna().sum()
    note = f"0 lies outside the interval of {outside} of {len(known)} scores; chance alone puts it outside of some "
    head = ("mask", "statistic", "outcome", "models × tasks", "mean ρ", "interval over tasks", "same sign")
    return Table(head, body, 3, f"{note}{by_chance:.0f}." if np.isfinite(by_chance) else "")


def confounds(results: Results) -> Table | None:
    """The share of the outcome's rank variance that each confound explains, per pool."""
    table = results.tables.get("confound_shares")
    if table is None:
        return None
    names = list(dict.fromkeys(table["confound"]))
    wide = table.pivot_table(
        index=["model", "dataset", "outcome"], columns="confound", values="adjusted_r_squared", sort=False, dropna=False
    ).dropna(how="all")
    body = [
        (*(words(part) for part in key), *(percent(row.get(name, np.nan)) for name in names))
        for key, row in wide.iterrows()
    ]
    return Table(("model", "task", "outcome", *(words(name) for name in names)), body, 3)


def calibration(results: Results) -> Table | None:
    table = results.tables.get("calibration")
    if table is None:
        return None
    verdicts = ("reproduced", "refuted", "exceeded", "inconclusive")
    body = [
        (words(r["scenario"]), words(r["claim"]), r["intervals"], r["demanded"].replace(">=", "≥"), f"{r['n']:.0f}",
         f"{r['experiments']:.0f}", *(percent(r[v], 1) for v in verdicts), yes(r.get("met", np.nan)))
        for r in table.to_dict("records")
    ]  # fmt: skip
    return Table(("simulated truth", "claim", "intervals", "demanded", "n", "experiments", *verdicts, "met"), body, 4)


def timing(results: Results) -> Table | None:
    """Every measured ratio of `timing.json`."""
    body = [
        (words(name.replace(".", " · ")), f"{ratio['median']:.3f}",
         f"{ratio['low']:.3f} to {ratio['high']:.3f}" if {"low", "high"} <= ratio.keys() else EMPTY,
         *(EMPTY if ratio.get(key) is None else count(ratio[key]) for key in ("candidate_us", "baseline_us")))
        for name, ratio in ratios(results.timing.get("ratios", {}))
    ]  # fmt: skip
    head = ("measurement", "ratio", "95 % interval", "µs", "µs of what it is compared with")
    return Table(head, body, 1) if body else None


BUILDERS: Mapping[str, Callable[[Results], Table | None]] = {
    "families": families,
    "strongest": strongest,
    "controls": controls,
    "reliability": reliability,
    "equivalence": equivalence,
    "power": power,
    "selectors": selectors,
    "learning": learning,
    "learning_pools": learning_pools,
    "consistency": consistency,
    "agreement": agreement,
    "decomposition": decomposition,
    "confounds": confounds,
    "calibration": calibration,
    "timing": timing,
}
