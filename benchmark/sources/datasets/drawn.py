"""What all sources of rows share: a template for their rows, and how many examples are drawn from them, by seed."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from benchmark.seeds import generator
from benchmark.sources.datasets.source import DatasetSource, Outline
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.drawing import draw, inputs_of
from benchmark.tasks.metrics import get_metric
from benchmark.tasks.reading import read_rows

if TYPE_CHECKING:
    from benchmark.tasks.template import Template


@dataclass(frozen=True, slots=True)
class Files:
    """Files of pool and queries, what the two parts are called, and where they come from."""

    pool: tuple[Path, ...]
    queries: tuple[Path, ...]
    names: tuple[str, str]
    provenance: dict[str, Any]


class DrawnDataset(DatasetSource):
    """A dataset whose examples are drawn from the rows of files."""

    template: str = Field(description="name of a template in benchmark/tasks/templates/")
    columns: dict[str, str] = Field(
        default_factory=dict, description="the template's column: the file's column, where their names differ"
    )
    metric: str | None = Field(default=None, description="a metric of benchmark.tasks.metrics; null: the template's")
    pool: int | None = Field(default=1000, ge=2, description="candidates to draw; null: every distinct one")
    queries: int | None = Field(default=500, ge=2, description="queries to draw; null: every distinct one")
    max_characters: int | None = Field(
        default=None, ge=1, description="rows rendered longer than this are not drawn; null: no limit"
    )
    max_new_tokens: int | None = Field(
        default=None, ge=1, description="the longest generated answer; null: the template's"
    )
    seed: int = Field(default=0, ge=0, description="seed of the draws of pool and queries")

    @abstractmethod
    def fetch(self) -> Files:
        """Makes the files available and verifies them; raises `BenchmarkError` where it cannot."""

    def _template(self) -> Template:
        from benchmark.tasks.templates import get_template

        return get_template(self.template)

    def build(self, name: str) -> Dataset:
        """The pool and queries, drawn with the source's seed; distinct, and disjoint in input."""
        template = self._template()
        metric = self.metric or template.metric
        get_metric(metric)
        files = self.fetch()
        with tempfile.TemporaryDirectory() as cache:  # where `datasets` converts: keyed by name there, not by content
            pool = draw(
                read_rows(files.pool, cache),
                template,
                self.pool,
                generator(self.seed, "pool"),
                where=f"dataset {name}, {files.names[0]}",
                prefix=files.names[0],
                columns=self.columns,
                max_characters=self.max_characters,
            )
            queries = draw(
                read_rows(files.queries, cache),
                template,
                self.queries,
                generator(self.seed, "queries"),
                where=f"dataset {name}, {files.names[1]}",
                prefix=files.names[1],
                columns=self.columns,
                max_characters=self.max_characters,
                excluded=inputs_of(pool.examples),
            )
        dataset = Dataset(
            name=name,
            kind=template.kind,
            metric=metric,
            separator=template.separator,
            stop=template.stop,
            max_new_tokens=self.max_new_tokens or template.max_new_tokens,
            pool=pool.examples,
            queries=queries.examples,
            source=files.provenance
            | {
                "template": template.name,
                "seed": self.seed,
                "passed_over": {"pool": dict(pool.passed), "queries": dict(queries.passed)},
            },
        )
        dataset.require_distinct(2)
        return dataset

    def outline(self) -> Outline:
        template = self._template()
        get_metric(self.metric or template.metric)
        limit = self.max_new_tokens or template.max_new_tokens
        return Outline(template.kind, template.typical, self.pool, self.queries, limit)

    @property
    def summary(self) -> str:
        return f"{self.source}, template {self.template}"
