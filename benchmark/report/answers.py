"""The page's questions about selectors, each answered in words with its uncertainty."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.analysis.selectors import selectors_over_tasks
from benchmark.artefacts.learning import METHOD
from benchmark.report.figures.selection import family, label
from benchmark.report.results import Results
from benchmark.report.style import signed, words

METRIC = "performance"
BOUND = "oracle"
"""Knows what it cannot know: how far choosing could get, and no method."""


def method(row: Any) -> str:
    """A selector as readers know it: its name, direction, and by what features or under which mask."""
    by = f" by {words(row['features'])}" if row["features"] else ""
    under = f" under {words(row['mask'])}" if row.get("mask") else ""
    return label(row["selector"], row["direction"]) + by + under


def points(row: Any) -> str:
    """A difference from random choice in points, with its interval."""
    low, high = signed(100 * row["low"]), signed(100 * row["high"])
    return f"{signed(100 * row['difference'])} points (95 % interval {low} to {high})"


def luck(row: Any, tried: int) -> str:
    """Why it may be no finding that a difference's interval leaves out 0; nothing where it does not."""
    if not (row["low"] > 0 or row["high"] < 0):
        return ""
    return (
        f"; that interval is of this way alone, and of {tried} that were tried some leave out 0 by luck (p = "
        f"{row['p_family']:.2f} once all are counted)"
    )


def active_learning(results: Results) -> str | None:
    """Would active learning by activations have helped? None without the table."""
    areas = results.tables.get("learning_areas")
    if areas is None or areas.empty:
        return None
    areas = areas[areas["metric"] == METRIC]
    average, single = areas[areas["dataset"] == ""], areas[areas["dataset"] != ""]
    tasks = f"the {single['dataset'].nunique()} tasks"
    ours, others = (average[(average["selector"].map(family) == "activation") == by] for by in (True, False))
    where = single[single["selector"].map(family) == "activation"]
    alpha = float(results.claim["alpha"])
    if ours.empty:
        answer = "This profile lets no activation statistic choose what to label."
    elif (ours["p_family"] < alpha).any():
        answer = f"Yes. Over {tasks}, {_found(ours, alpha)}; {_places(where, alpha)}."
    elif (where["p_family"] < alpha).any():
        answer = f"Here and there. Over {tasks}, {_found(ours, alpha)}; but {_places(where, alpha)}."
    else:
        answer = f"No. Over {tasks}, {_found(ours, alpha)}; {_places(where, alpha)}."
    if others.empty:
        return answer
    rest = single[single["selector"].map(family) != "activation"]
    return f"{answer} Without activations, {_found(others, alpha, 'other ')}; {_places(rest, alpha)}."


def _found(rows: pd.DataFrame, alpha: float, kind: str = "") -> str:
    """How many methods beat random choice on average over tasks, and the best."""
    count = len(rows[METHOD].drop_duplicates())
    winners = rows[rows["p_family"] < alpha]
    best = (winners if len(winners) else rows).nlargest(1, "difference").iloc[0]
    said = f"{method(best)} with the {best['rule']} labelled example as demonstration: {points(best)}"
    if len(winners):
        won = len(winners[METHOD].drop_duplicates())
        return f"{won} of {count} {kind}ways to choose beat random choice beyond chance, the best {said}"
    none = f"none of {count} {kind}ways to choose beats random choice beyond chance"
    return f"{none}, the best being {said}{luck(best, count)}"


def _places(rows: pd.DataFrame, alpha: float) -> str:
    """On which single tasks a method beats random choice, and where by the most."""
    winners = rows[rows["p_family"] < alpha]
    if winners.empty:
        return "on single tasks none does"
    best = winners.nlargest(1, "difference").iloc[0]
    names = ", ".join(dict.fromkeys(words(name) for name in winners["dataset"]))
    return (
        f"on single tasks some do ({names}), by most {method(best)} on {words(best['dataset'])} with "
        f"{words(best['model'])}: {points(best)}"
    )


def selection(results: Results) -> str | None:
    """Does any selector of demonstrations beat random choice over tasks? None without the table."""
    table = results.tables.get("selection")
    if table is None:
        return None
    means = selectors_over_tasks(table[(table["metric"] == METRIC) & (table["selector"] != BOUND)])
    said = []
    for shots, rows in means[means["p_family"].notna()].groupby("shots"):
        winners = rows[rows["p_family"] < float(results.claim["alpha"])]
        best = (winners if len(winners) else rows).nlargest(1, "difference").iloc[0]
        count = f"{len(winners)} of {len(rows)} selectors do" if len(winners) else f"none of {len(rows)} selectors does"
        plural = "s" if int(str(shots)) > 1 else ""
        why = "" if len(winners) else luck(best, len(rows))
        said.append(f"with {shots} shot{plural} {count}, the best {method(best)}, {points(best)}{why}")
    return f"Beyond chance, on average over tasks, {'; '.join(said)}." if said else None
