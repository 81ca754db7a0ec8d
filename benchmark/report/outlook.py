"""Do the features of sparse autoencoders do better? A sentence, and the tables behind it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.analysis.parameters import AS_STATED, GIVEN_TARGET
from benchmark.artefacts.cells import KEY
from benchmark.artefacts.features import LAYER
from benchmark.report.results import Results
from benchmark.report.style import words
from benchmark.report.tables import Table, count, interval, p_value, percent, rho


def family(results: Results) -> str | None:
    """The first declared family of scores of features; None without one, or without a cell of it."""
    for name, found in results.claim["families"].items():
        if LAYER in found["declared"]["layers"] and found[AS_STATED]["cell"] is not None:
            return str(name)
    return None


def answer(results: Results) -> str | None:
    """One sentence. `Yes` where a feature's |rho| is shown to lie above the largest of the headline family in the same
    models, `No` where none can: the simultaneous interval of each ends below it. None where nothing was compared.
    """
    name = family(results)
    if name is None or "family" not in results.tables:
        return None
    own, paper = _cells(results, name), _cells(results, results.claim["headline"])
    largest = float(paper[paper["model"].isin(own["model"])]["rho"].abs().max())
    upper = float(own[["simultaneous_low", "simultaneous_high"]].abs().max(axis=None))
    stated = results.claim["families"][name][AS_STATED]
    if stated["intervals"]["largest_lower_limit"] > largest:
        begin = "Yes"
    else:
        begin = "No" if upper < largest else "That is not shown"
    strongest = own.loc[own["rho"].abs().idxmax()]
    text = (
        f"{begin}: of {stated['n_cells']} correlations of features, {stated['n_undefined']} undefined, the strongest "
        f"has |ρ| = {rho(abs(strongest['rho']))} (simultaneous interval "
        f"{of_size(strongest['simultaneous_low'], strongest['simultaneous_high'])}; chance alone stays below "
        f"{rho(stated['null_quantile_95'])}), of activations in the same models |ρ| reaches {rho(largest)}"
    )
    return f"{text}{_held_fixed(results, name)}."


def of_size(low: float, high: float) -> str:
    """The interval of |rho| from that of rho."""
    sizes = sorted((abs(low), abs(high)))
    return interval(sizes[0] if low * high > 0 else 0.0, sizes[1])


def _cells(results: Results, name: str, claim: str = AS_STATED) -> pd.DataFrame:
    table = results.tables["family"]
    return table[(table["family"] == name) & (table["claim"] == claim)]


def _held_fixed(results: Results, name: str) -> str:
    """The strongest once the length, and once the target is held fixed; empty where neither is known."""
    parts = []
    lengths = results.tables.get("given_length")
    if lengths is not None:
        lengths = lengths[(lengths["family"] == name) & lengths["rho_given_length"].notna()]
        if len(lengths):
            row = lengths.loc[lengths["rho_given_length"].abs().idxmax()]
            around = of_size(row["simultaneous_low"], row["simultaneous_high"])
            parts.append(f"{rho(abs(row['rho_given_length']))} ({around}) among examples as long as each other")
    given = _cells(results, name, GIVEN_TARGET)
    given = given[given["rho"].notna()]
    if len(given):
        row = given.loc[given["rho"].abs().idxmax()]
        around = of_size(row["simultaneous_low"], row["simultaneous_high"])
        parts.append(f"{rho(abs(row['rho']))} ({around}) among those with the same target")
    return f"; the strongest is {', and '.join(parts)}" if parts else ""


def outlook(results: Results, rows: int = 12) -> Table | None:
    """The strongest cells of features, with the length and the target held fixed."""
    name = family(results)
    if name is None or "family" not in results.tables or "given_length" not in results.tables:
        return None
    given = _cells(results, name, GIVEN_TARGET)[[*KEY, "rho"]].rename(columns={"rho": "rho_given"})
    lengths = results.tables["given_length"]
    lengths = lengths[lengths["family"] == name].rename(
        columns={"simultaneous_low": "low", "simultaneous_high": "high", "p_family": "p_length"}
    )
    cells = _cells(results, name).merge(given, on=list(KEY), how="left")
    cells = cells.merge(lengths[[*KEY, "rho_given_length", "low", "high", "p_length"]], on=list(KEY), how="left")
    cells = cells[cells["rho"].notna()].sort_values("rho", key=abs, ascending=False, kind="stable").head(rows)
    head = ("model", "task", "score", "site", "mask", "outcome", "n", "ρ", "simultaneous", "p (family)",
            "ρ given the target", "ρ given the length", "simultaneous", "p (family)")  # fmt: skip
    body = [
        (words(r["model"]), words(r["dataset"]), words(r["statistic"].removeprefix("sae_")), words(r["site"]),
         words(r["mask"]), r["outcome"], f"{r['n']:.0f}", rho(r["rho"]),
         interval(r["simultaneous_low"], r["simultaneous_high"]), p_value(r["p_family"]), rho(r["rho_given"]),
         rho(r["rho_given_length"]), interval(r["low"], r["high"]), p_value(r["p_length"]))
        for r in cells.to_dict("records")
    ]  # fmt: skip
    return Table(head, body, 6)


def dictionaries(results: Results) -> Table | None:
    """How good each dictionary is."""
    table = results.tables.get("sae")
    if table is None or table.empty:
        return None
    body = [
        (words(r["model"]), words(r["site"]), r["layer"], f"{r['width']:.0f}",
         count(r["tokens"]) + ("" if r["tokens"] >= r["tokens_asked"] else f" of {count(r['tokens_asked'])}"),
         percent(1 - r["unexplained"], 1), f"{r['l0']:.1f}", percent(r["alive"]),
         *(f"{r[name]:.2f}" for name in ("cross_entropy", "cross_entropy_patched", "cross_entropy_zero")),
         percent(r["recovered"], 1) if np.isfinite(r["recovered"]) else "–")
        for r in table.to_dict("records")
    ]  # fmt: skip
    head = ("model", "site", "layer", "features", "tokens", "variance explained", "features at work a token", "alive",
            "cross-entropy (nats)", "with reconstructions", "with zeros", "recovered")  # fmt: skip
    return Table(head, body, 2)
