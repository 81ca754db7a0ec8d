"""A dataset as the stages read it: a pool of candidates, queries held out from it, and how to put them in a prompt.

On disk, `data/datasets/<name>/` holds `dataset.json`, `pool.jsonl` and `queries.jsonl`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import BenchmarkError
from benchmark.storage import read_json, read_lines, write_json, write_lines
from benchmark.tasks.example import Example

Kind = Literal["classification", "generative"]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A pool, its queries and their format.

    `separator` stands between two examples of a prompt; `stop` ends a generated answer; `max_new_tokens` bounds it.
    `source` says where the examples come from (family and seed, or hub id, revision and licence).
    """

    name: str
    kind: Kind
    metric: str
    separator: str
    stop: str
    max_new_tokens: int
    pool: tuple[Example, ...]
    queries: tuple[Example, ...]
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in ("pool", "queries"):
            examples: tuple[Example, ...] = getattr(self, part)
            if not examples:
                raise BenchmarkError(f"dataset {self.name}: its {part} is empty")
            repeated = [i for i, n in Counter(example.id for example in examples).items() if n > 1]
            if repeated:
                raise BenchmarkError(f"dataset {self.name}: the id {repeated[0]!r} occurs twice in its {part}")
            for example in examples:
                if bool(example.choices) != (self.kind == "classification"):
                    raise BenchmarkError(
                        f"dataset {self.name}: example {example.id} of a {self.kind} task "
                        f"has {len(example.choices)} choices"
                    )

    def require_distinct(self, minimum: int) -> None:
        """Raises `BenchmarkError` unless the pool's candidates differ in text and number at least `minimum`."""
        texts = {example.key for example in self.pool}
        if len(texts) < len(self.pool):
            raise BenchmarkError(
                f"dataset {self.name}: only {len(texts)} of its {len(self.pool)} candidates are distinct"
            )
        if len(texts) < minimum:
            raise BenchmarkError(
                f"dataset {self.name}: {len(texts)} distinct candidates, at least {minimum} are needed"
            )

    def write(self, folder: Path) -> None:
        for part, examples in (("pool", self.pool), ("queries", self.queries)):
            write_lines(folder / f"{part}.jsonl", ({"id": example.id, **asdict(example)} for example in examples))
        header = {
            "name": self.name,
            "kind": self.kind,
            "metric": self.metric,
            "separator": self.separator,
            "stop": self.stop,
            "max_new_tokens": self.max_new_tokens,
            "n_pool": len(self.pool),
            "n_queries": len(self.queries),
            "source": dict(self.source),
        }
        write_json(folder / "dataset.json", header)

    @classmethod
    def read(cls, folder: Path) -> Dataset:
        """Reads what `write` wrote; raises `BenchmarkError` for a missing, damaged or shortened file."""
        header = read_json(folder / "dataset.json")
        try:
            counts = (header.pop("n_pool"), header.pop("n_queries"))
            parts = [tuple(map(_example, read_lines(folder / f"{part}.jsonl"))) for part in ("pool", "queries")]
            dataset = cls(**header, pool=parts[0], queries=parts[1])
        except (KeyError, TypeError) as error:
            raise BenchmarkError(f"{folder} is not a dataset of this version ({error}): run its stage again") from error
        if (len(dataset.pool), len(dataset.queries)) != counts:
            raise BenchmarkError(
                f"{folder} is truncated: it should hold {counts[0]} candidates and {counts[1]} queries"
            )
        return dataset


def _example(record: dict[str, Any]) -> Example:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in record.items()}
    return Example(**fields)
