"""Did my run agree? What was computed is compared with what is committed."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from benchmark.agreement import Agreement, compare, describe
from benchmark.params import Params
from benchmark.storage import read_json

TOLERANCE = 0.01
"""Another processor moves the last digits of a log-probability, and so a rank where two candidates nearly tie."""
CLAIMS = ("as_stated", "given_target")
SHOWN = 5


def agree(params: Params, root: Path) -> str:
    """Compares `params.results` below `root` with those of git's HEAD, in a few lines; reads, and writes nothing.

    A difference is reported and is no error: whoever changes code or parameters changes results.
    """
    with tempfile.TemporaryDirectory() as folder:
        committed = committed_results(root, params.results, Path(folder))
        if committed is None:
            return "nothing is committed to compare these results with"
        found = compare(committed, root / params.results, TOLERANCE)
        before, after = (verdicts(place) for place in (committed, root / params.results))
    return say(found, before, after)


def committed_results(root: Path, results: Path, folder: Path) -> Path | None:
    """The results as they are in HEAD, written below `folder`; None without git, or where it has none."""
    command = ["git", "-C", str(root), "archive", "HEAD", "--", results.as_posix()]
    try:
        packed = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder / results if (folder / results / "claim.json").is_file() else None


def verdicts(results: Path) -> dict[str, dict[str, str]]:
    """By family and claim, the verdict that the results in a folder record."""
    families = read_json(results / "claim.json").get("families", {})
    return {name: {claim: of[claim]["verdict"] for claim in CLAIMS} for name, of in families.items()}


def say(found: Agreement, before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> str:
    """The outcome in words."""
    if not found.files:
        return "agrees: the same bytes as committed"
    changed = f"{len(found.files)} files differ in their bytes from what is committed"
    if found.beyond or before != after:
        lines = [describe(difference) for difference in found.beyond[:SHOWN]]
        more = f"; and {len(found.beyond) - SHOWN} more" if len(found.beyond) > SHOWN else ""
        same = "the same verdicts" if before == after else f"the verdicts were {before}, and are {after}"
        return f"differs from what is committed: {same}; {'; '.join(lines)}{more}"
    largest = (
        f"the largest difference is {found.largest.size:.2g} ({found.largest.where})"
        if found.largest
        else "no number differs"
    )
    return f"agrees: the same verdicts, {largest}, as on another processor; {changed}, and may be put back with git"
