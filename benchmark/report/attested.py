"""The page's table of who recomputed the verdict from the cells, and who reran the models."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.attestations import Attestation
from benchmark.report.tables import Table

NOTE = (
    "Recomputed: rho, tables and verdict from the committed cells, without a model, as every build of this page and "
    "`make verify` do. Rerun: the models ran again, on the machine named, and what came out was compared with what is "
    "committed."
)


def attested(attestations: Sequence[Attestation], profile: str) -> Table | None:
    """A row for each attestation of the profile, the oldest first; None where there is none."""
    rows = [
        (
            found.date.isoformat(),
            found.kind,
            ", ".join((found.machine.cpu, *found.machine.gpus)),
            others(found),
            f"{found.lock.file.rpartition('/')[2]} {found.lock.sha256[:8]}{'*' if found.lock.differences else ''}",
            found.revision[:10],
            str(found.agreement),
        )
        for found in attestations
        if found.profile == profile
    ]
    head = ("date", "what", "processor, card", "parts not computed there", "lock", "revision", "agreement")
    return Table(head, rows, len(head), NOTE) if rows else None


def others(found: Attestation) -> str:
    """Which parts were taken as they came, and which device had computed them."""
    return "; ".join(f"{kind}: {', '.join(devices)}" for kind, devices in found.elsewhere.items()) or "–"
