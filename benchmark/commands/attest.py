"""`attest`: a file that says what this machine did with a profile, for a pull request to carry."""

from __future__ import annotations

import datetime
import tempfile
from collections import Counter
from pathlib import Path
from typing import Protocol

import click

from benchmark import provenance
from benchmark.agreement import compare
from benchmark.attestations import HERE, Agreement, Attestation, Lock, Machine, write
from benchmark.commands.agree import TOLERANCE, verdicts
from benchmark.delivered import committed
from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.parts import KEY, MADE, RECORD
from benchmark.storage import read_json


class HasParams(Protocol):
    path: Path

    @property
    def params(self) -> Params: ...


@click.command()
@click.pass_obj
def attest(session: HasParams) -> None:
    """Write attestations/DATE-DIGEST.json: which machine, lock and revision, what ran here, and with what agreement.

    In a fresh clone, after `make repro` (or `make pretrained`), it says that the profile was rerun, or which parts were
    taken as they came; without a run, that the verdict was recomputed from the committed cells. Commit the file alone:
    a pull request with it is welcome whatever it says.
    """
    found = make(session.params, session.path)
    path = write(found)
    click.echo(f"{path}: {found.kind} on {', '.join((found.machine.cpu, *found.machine.gpus))}; {found.agreement}")
    for kind, devices in found.elsewhere.items():
        click.echo(f"  {kind} not computed here: {', '.join(devices)}")
    click.echo("commit this file, in a pull request if you like; the next `report` puts it on the page")


def make(params: Params, path: Path) -> Attestation:
    """What this machine did; the recorded verdict is recomputed from the cells on the way.

    Raises `BenchmarkError` without git, with edited sources, and where `verify` does.
    """
    from benchmark import verify  # here, for it imports scipy

    revision = provenance.revision()
    if revision["revision"] is None:
        raise BenchmarkError("an attestation is about a revision, and this folder has no git: work in a clone")
    if revision["dirty"]:
        raise BenchmarkError(f"{', '.join(revision['dirty'])} differs from the revision: commit it, or put it back")
    verify.run(params, path.with_name("dvc.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        before = committed(params, Path(), Path(folder))
        if before is None:
            raise BenchmarkError(
                f"the revision has no {params.results}/claim.json to compare with: commit results first"
            )
        found = compare(before, params.results, TOLERANCE)
        then, now = verdicts(before), verdicts(params.results)
    environment = provenance.environment()
    device = environment["device"]
    return Attestation(
        version=1,
        profile=params.profile,
        date=datetime.datetime.now(datetime.UTC).date(),
        revision=revision["revision"],
        machine=Machine(
            system=environment["system"],
            cpu=device["cpu"],
            cores=device["cores"],
            gpus=tuple(gpu["name"] for gpu in device["gpus"]),
            python=environment["python"],
        ),
        lock=Lock.model_validate(environment["lock"]),
        parts=parts(params),
        verdicts=now,
        agreement=Agreement(
            files=len(found.files),
            largest=float(f"{found.largest.size:.3g}") if found.largest else None,
            where=found.largest.where if found.largest else None,
            beyond=len(found.beyond),
            tolerance=TOLERANCE,
            same_verdicts=then == now,
        ),
    )


def parts(params: Params) -> dict[str, dict[str, int]]:
    """By kind of part, how many were computed in this folder, and how many came from which other device."""
    found: dict[str, Counter[str]] = {}
    for key in sorted(params.data.glob(f"*/*/*/{KEY}")):
        made = MADE / key
        here = made.is_file() and made.read_bytes() == key.read_bytes()
        device = HERE if here else str(read_json(key.with_name(RECORD))["device"])
        found.setdefault(key.relative_to(params.data).parts[0], Counter())[device] += 1
    return {kind: dict(sorted(counts.items())) for kind, counts in found.items()}
