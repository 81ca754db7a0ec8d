"""Did my run agree? What was computed is compared with what came with the repository."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmark.agreement import Agreement, compare, describe
from benchmark.analysis.parameters import CLAIMS
from benchmark.delivered import COMMITTED, find
from benchmark.params import Params
from benchmark.storage import read_json

TOLERANCE = 0.01
"""Another processor moves the last digits of a log-probability, and so a rank where two candidates nearly tie."""
SHOWN = 5


def agree(params: Params, root: Path) -> str:
    """Compares `params.results` below `root` with those that came with it, in a few lines; reads, and writes nothing.

    A difference is reported and is no error: whoever changes code or parameters changes results.
    """
    with tempfile.TemporaryDirectory() as folder:
        before = find(params, root, Path(folder))
        if before is None:
            return (
                "there is nothing to compare these results with: git has none of this profile, and none were here "
                "before the first run"
            )
        came, what = before
        found = compare(came, root / params.results, TOLERANCE)
        then, now = (verdicts(place) for place in (came, root / params.results))
    return say(found, then, now, what)


def verdicts(results: Path) -> dict[str, dict[str, str]]:
    """By family and claim, the verdict that the results in a folder record."""
    families = read_json(results / "claim.json").get("families", {})
    return {name: {claim: of[claim]["verdict"] for claim in CLAIMS} for name, of in families.items()}


def say(
    found: Agreement, before: dict[str, dict[str, str]], after: dict[str, dict[str, str]], what: str = COMMITTED
) -> str:
    """The outcome in words; `what` the results are compared with."""
    if not found.files:
        return f"agrees: the same bytes as {what}"
    back = ", and may be put back with git" if what == COMMITTED else ""
    changed = f"{len(found.files)} files differ in their bytes from {what}{back}"
    if found.beyond or before != after:
        lines = [describe(difference) for difference in found.beyond[:SHOWN]]
        more = f"; and {len(found.beyond) - SHOWN} more" if len(found.beyond) > SHOWN else ""
        same = "the same verdicts" if before == after else f"the verdicts were {before}, and are {after}"
        return f"differs from {what}: {same}; {'; '.join(lines)}{more}"
    largest = (
        f"the largest difference is {found.largest.size:.2g} ({found.largest.where})"
        if found.largest
        else "no number differs"
    )
    return f"agrees: the same verdicts, {largest}, as on another processor; {changed}"
