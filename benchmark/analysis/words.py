"""What was found, in words that anyone understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmark.analysis.evaluation import Evaluation
from benchmark.analysis.p_values import p_text
from benchmark.analysis.parameters import AS_STATED, Verdict

COMBINATIONS = "combinations of model, task and outcome"
"""What sensitivity is counted in, wherever it is."""
LAYERS = {"mean": "mean over layers", "declared": "the layer of its dictionary"}
STATED: Mapping[Verdict, str] = {
    "reproduced": "No score says which example is good: the strongest correlation is {max:.2f}, within the {bound:g} "
    "that the claim allows, and one of {rho:g} would have been seen",
    "refuted": "A score does say which example is good: one correlates at {max:.2f} in size, further beyond the "
    "{bound:g} that the claim allows than chance explains",
    "exceeded": "The strongest of {cells} correlations, {max:.2f} in size, lies above the {bound:g} that the claim "
    "allows, but not clearly: its true value may lie below",
    "inconclusive": "Whether a score says which example is good stays open: a correlation of {rho:g} could have gone "
    "unseen ({why})",
}
GIVEN: Mapping[Verdict, str] = {
    "reproduced": "among examples with the same target none does: at most {max:.2f}, and {rho:g} would have been seen",
    "refuted": "among examples with the same target one still does, at {max:.2f}",
    "exceeded": "among examples with the same target the strongest of {cells} is {max:.2f}, not clearly above "
    "{bound:g}",
    "inconclusive": "among examples with the same target it stays open: the strongest is {max:.2f}, and {rho:g} could "
    "have gone unseen ({why})",
}


def sentence(evaluation: Evaluation) -> str:
    """The verdict in one sentence."""
    text = half(evaluation)
    return f"{text[0].upper()}{text[1:]}."


def both_sentences(stated: Evaluation, given: Evaluation) -> str:
    """Both verdicts of a family in one sentence: as stated, then given the target."""
    agree = (stated.verdict == "refuted") == (given.verdict == "refuted")
    return f"{half(stated)}; {'and' if agree else 'but'} {half(given)}."


def half(evaluation: Evaluation) -> str:
    p, text = evaluation.parameters, STATED if evaluation.claim == AS_STATED else GIVEN
    if not evaluation.defined:
        reasons = ", ".join(sorted(set(evaluation.uncovered.values()))) or "no score differs among them"
        return f"among examples with the same target there is nothing to compare ({reasons})"
    return text[evaluation.verdict].format(
        max=evaluation.max_abs_rho(),
        bound=p.bound,
        rho=p.sensitivity_rho,
        cells=sum(int(np.isfinite(rho).sum()) for rho in evaluation.rho),
        why=why_insensitive(evaluation),
    )


def describe(cell: Mapping[str, Any]) -> str:
    """A cell in words: `kurtosis under causal of llama on boolq (layer mean, with quality)`."""
    layer = LAYERS.get(cell["layer"], f"layer {cell['layer']}")
    return (
        f"{cell['statistic']} under {cell['mask']} of {cell['model']} on {cell['dataset']} ({layer}, {cell['outcome']})"
    )


def describe_largest(evaluation: Evaluation) -> str:
    """The strongest cell of an evaluation in words."""
    p, c, t = evaluation.largest
    pool = evaluation.pools[p]
    names = {"model": pool.cells.model, "dataset": pool.cells.dataset, "outcome": pool.outcomes[t]}
    return describe(pool.cells.columns[c]._asdict() | names)


def why_insensitive(evaluation: Evaluation) -> str:
    """Why statement 4 fails: how many pools' outcomes are insensitive, with the first, and which control failed."""
    blind = [s for s in evaluation.sensitivity if not s.sensitive]
    failed = [c for c in evaluation.controls if c.passed is False]
    reasons = []
    if blind:
        first = blind[0]
        reasons.append(
            f"in {len(blind)} of {len(evaluation.sensitivity)} {COMBINATIONS}, such as {first.pool.model} on "
            f"{first.pool.dataset}, {first.outcome}: {first.reason}"
        )
    if failed:
        where = f"{failed[0].control} of {failed[0].model} {failed[0].dataset}".strip()
        reasons.append(f"{len(failed)} controls failed, such as {where}")
    if not evaluation.sensitivity:
        scored = any(chosen.any() for chosen in evaluation.chosen)
        reasons.append("no pool's targets can be held fixed" if scored else "no model has such scores")
    elif not evaluation.defined:
        reasons.append("no score differs among the candidates that are compared")
    return "; ".join(reasons)


def statements(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """The four statements, kept apart: whether each holds, and in words."""
    p = evaluation.parameters
    largest, quantile, limit = evaluation.max_abs_rho(), evaluation.null_quantile(), evaluation.largest_lower_limit()
    level = f"{100 * (1 - p.alpha):g} %"
    chance = float(evaluation.null.p_values([largest])[0])
    cell = f": {describe_largest(evaluation)}" if evaluation.defined else ""
    return {
        "reproduction": {
            "holds": largest <= p.bound,
            "text": f"the largest |rho| is {largest:.3f}, the bound {p.bound:g}{cell}",
        },
        "chance": {
            "holds": chance > p.alpha,
            "text": f"in {level} of {p.permutations} permutations the largest |rho| is at most {quantile:.3f} "
            f"({p_text(chance)})",
        },
        "intervals": {
            "holds": limit <= p.bound,
            "text": f"the largest simultaneous {level} lower limit of |rho| is {limit:.3f}",
        },
        "sensitivity": {
            "holds": evaluation.sensitive(),
            "text": why_insensitive(evaluation)
            or f"every pool would have shown a true rho of {p.sensitivity_rho:g} with probability {p.power:g} or more",
        },
    }
