"""The verdicts on record, in a few lines for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.analysis.claim import check_current
from benchmark.analysis.p_values import p_text
from benchmark.analysis.words import COMBINATIONS
from benchmark.params import Params
from benchmark.stages.inputs import claim_inputs
from benchmark.storage import read_json

CLAIMS = {"as_stated": "as stated", "given_target": "given the target"}
CELL = ("model", "dataset", "mask", "statistic", "layer", "outcome")


def run(params: Params) -> str:
    claim = read_json(params.results / "claim.json")
    check_current(claim, claim_inputs(params))
    families, headline = claim["families"], claim["headline"]
    own = families[headline]
    lines = [
        ("verdict", f"{verdicts(own)} ({params.profile} profile, {headline} masks)"),
        ("", claim["sentence"]),
        ("maximum", f"{maxima(own)}; bound {claim['bound']}"),
        *((("cell" if name == "as_stated" else ""), f"{cell(own[name])} ({words})") for name, words in CLAIMS.items()),
        ("cells", f"{own['as_stated']['n_cells']}; undefined: {undefined(own)}"),
        ("chance", f"95 % of permutations stay below {chance(own)}"),
        *power(own, claim),
        *((name, f"{verdicts(found)}; {maxima(found)}") for name, found in families.items() if name != headline),
        ("page", str(params.results / "report.html")),
    ]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in lines)


def verdicts(family: Mapping[str, Any]) -> str:
    return ", ".join(f"{family[name]['verdict']} {words}" for name, words in CLAIMS.items())


def maxima(family: Mapping[str, Any]) -> str:
    return "|rho| = " + ", ".join(f"{family[name]['max_abs_rho']:.3f} {words}" for name, words in CLAIMS.items())


def undefined(family: Mapping[str, Any]) -> str:
    return ", ".join(f"{family[name]['n_undefined']} {words}" for name, words in CLAIMS.items())


def chance(family: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{found['null_quantile_95']:.3f} {words}" + (f" ({p_text(found['p_family'])})" if found["cell"] else "")
        for name, words in CLAIMS.items()
        for found in [family[name]]
    )


def power(family: Mapping[str, Any], claim: Mapping[str, Any]) -> list[tuple[str, str]]:
    """For each claim that some pools could not have tested: how many, and what the weakest of them would take."""
    lines = []
    for name, words in CLAIMS.items():
        weak = family[name]["insensitive"]
        if weak:
            asked = len(weak) + sum(family[name]["sensitive_pools"].values())
            lines.append(f"too low {words} in {len(weak)} of {asked} {COMBINATIONS}; {weakest(weak, claim)}")
    return [("" if i else "power", line) for i, line in enumerate(lines)]


def weakest(weak: Sequence[Mapping[str, Any]], claim: Mapping[str, Any]) -> str:
    """The pool that needs the most candidates: its n, what it needs, and the limit of the score planted there."""
    pool = max(weak, key=lambda one: (one["n_needed"] is None, one["n_needed"] or 0))
    needed = "no number is enough" if pool["n_needed"] is None else f"about {pool['n_needed']:,} are needed"
    limit = "" if pool["limit"] is None else f", lower limit of a score planted at {claim['planted_rho']:g}: "
    limit += "" if pool["limit"] is None else f"{pool['limit']:.2f} (bound {claim['bound']:g})"
    return f"the weakest: {pool['model']}, {pool['dataset']}, {pool['outcome']}, n = {pool['n']}, {needed}{limit}"


def cell(found: Mapping[str, Any]) -> str:
    if found["cell"] is None:
        return "none is defined"
    return f"{', '.join(str(found['cell'][key]) for key in CELL)}, n = {found['cell']['n']}"
