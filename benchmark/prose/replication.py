"""The replication report: what was claimed, run and found, in the form that replication tracks ask for.

Headings are those of the ML Reproducibility Challenge's summary: scope, methodology, results, what was easy, what was
difficult, communication with the authors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmark.params import Params, load_params
from benchmark.storage import read_json
from benchmark.verdict import CLAIMS, cell

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Replication:
    """A profile's parameters and its claim (None: not run)."""

    params: Params
    claim: Mapping[str, Any] | None

    @property
    def outcomes(self) -> list[tuple[str, str, Mapping[str, Any]]]:
        """(family, claim in words, what was found), the headline family first."""
        assert self.claim is not None
        families = sorted(self.claim["families"], key=lambda name: name != self.claim["headline"])  # type: ignore[index]
        return [(name, words, self.claim["families"][name][of]) for name in families for of, words in CLAIMS.items()]

    @property
    def notes(self) -> dict[str, str]:
        """What must be said beside every result of a model or dataset."""
        entries = {**self.params.models, **self.params.datasets}
        return {name: note for name, entry in entries.items() if (note := getattr(entry, "note", None))}

    @property
    def blind(self) -> list[str]:
        """Pools and outcomes of the headline, as stated, that could not have shown a correlation above the bound."""
        assert self.claim is not None
        found = self.claim["families"][self.claim["headline"]]["as_stated"]["insensitive"]
        return [f"{entry['model']} on {entry['dataset']} ({entry['outcome']})" for entry in found]

    @property
    def constant(self) -> dict[str, int]:
        """Statistics that are the same for every candidate under some mask, and in how many pools."""
        assert self.claim is not None
        return Counter(entry["statistic"] for entry in self.claim["constant"])

    @property
    def pools(self) -> int:
        return len(self.params.models) * len(self.params.datasets)


def report(profiles: Sequence[Path]) -> str:
    """The report on the profiles with these params.yaml, as Markdown; the paper's own is one of them."""
    found = {}
    for path in profiles:
        params = load_params(path)
        record = params.results / "claim.json"
        claim = read_json(record) if record.is_file() else None
        found[params.profile] = Replication(params, claim)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text: str = environment.get_template("replication.md.j2").render(replications=found, cell=cell)
    return text
