"""Who has rerun a profile, and who has only recomputed its verdict from the committed cells: `attestations/*.json`.

    read(folder)              every attestation in a folder, checked, the oldest first

`python -m benchmark attest` writes them. One file is one attestation, named by its date and the digest of its content,
so that two people's never collide and an edited one is noticed.
"""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_json
from benchmark.section import Section
from benchmark.storage import read_json, write_json

FOLDER = Path("attestations")
HERE = "here"
DIGITS = 10
Digest = Field(pattern=r"^[0-9a-f]{64}$")


class Machine(Section):
    system: str
    cpu: str
    cores: int = Field(ge=1)
    gpus: tuple[str, ...]
    python: str


class Lock(Section):
    """The lock of the packages, and how those that are installed differ from it."""

    file: str
    sha256: str = Digest
    differences: tuple[str, ...]


class Agreement(Section):
    """The results of this machine against the committed ones, as `benchmark.agreement` compares them."""

    files: int = Field(ge=0, description="files whose bytes differ")
    largest: float | None = Field(ge=0, description="largest difference of a number within the tolerance")
    where: str | None
    beyond: int = Field(ge=0, description="differences beyond the tolerance")
    tolerance: float = Field(gt=0)
    same_verdicts: bool

    @model_validator(mode="after")
    def _fits(self) -> Agreement:
        if not self.files and (self.beyond or self.largest is not None or not self.same_verdicts):
            raise ValueError("the same bytes cannot differ")
        return self

    def __str__(self) -> str:
        if not self.files:
            return "the same bytes"
        largest = f", largest difference {self.largest:.2g}" if self.largest else ""
        beyond = f", {self.beyond} beyond {self.tolerance:g}" if self.beyond else ""
        return f"{'the same' if self.same_verdicts else 'OTHER'} verdicts{largest}{beyond}"


class Attestation(Section):
    """What one machine did with one revision of a profile."""

    version: Literal[1]
    profile: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    date: datetime.date
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    machine: Machine
    lock: Lock
    parts: dict[str, dict[str, int]] = Field(
        description="by kind (activations, quality, ...) how many parts were computed `here`, or on which other device"
    )
    verdicts: dict[str, dict[str, str]]
    agreement: Agreement

    @property
    def kind(self) -> str:
        """`rerun`, `rerun in part`, or `recomputed` where no model ran."""
        devices = Counter[str]()
        for counts in self.parts.values():
            devices.update(counts)
        if not devices[HERE]:
            return "recomputed"
        return "rerun" if set(devices) == {HERE} else "rerun in part"

    @property
    def elsewhere(self) -> dict[str, list[str]]:
        """By kind of part, the devices that computed those which were not computed here."""
        return {kind: others for kind, counts in self.parts.items() if (others := sorted(counts.keys() - {HERE}))}

    @property
    def content(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.date.isoformat()}-{sha256_json(self.content)[:DIGITS]}.json"


def write(attestation: Attestation, folder: Path = FOLDER) -> Path:
    path = folder / attestation.name
    write_json(path, attestation.content)
    return path


def read(folder: Path = FOLDER) -> list[Attestation]:
    """Raises `BenchmarkError` for a file that is none, or was edited after it was written."""
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Attestation:
    content = read_json(path)
    try:
        found = Attestation.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BenchmarkError(f"{path} is no attestation: {where}: {first['msg']}") from error
    if found.name != path.name or content != found.content:
        raise BenchmarkError(
            f"{path} was edited or renamed: its content belongs to {found.name}; `attest` makes a new one"
        )
    return found
