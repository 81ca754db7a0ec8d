"""What all sources of rows share: how a row becomes an example, and how many of them are drawn, by seed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from benchmark.errors import BenchmarkError
from benchmark.seeds import generator
from benchmark.sources.datasets.source import DatasetSource, Outline
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.drawing import Recipe, draw, inputs_of, leftover
from benchmark.tasks.example import Example, comparable
from benchmark.tasks.formats import Reading, Rows, read_rows
from benchmark.tasks.golds import require_scorable
from benchmark.tasks.metrics import get_metric
from benchmark.tasks.prompt import Prompt, Text, Texts
from benchmark.tasks.steps import AnyStep
from benchmark.tasks.template import Template
from benchmark.tasks.templates import get_template

OF_PROMPT = ("target", "choices", "references", "label")
LIMIT = 16
"""Tokens of a generated answer, where a prompt of the parameters does not say."""


@dataclass(frozen=True, slots=True)
class Files:
    """Files of pool and queries, what the two parts are called, and where they come from."""

    pool: tuple[Path, ...]
    queries: tuple[Path, ...]
    names: tuple[str, str]
    provenance: dict[str, Any]


class DrawnDataset(DatasetSource):
    """A dataset whose examples are drawn from the rows of files, in the form of a template or of a prompt."""

    template: str | None = Field(default=None, description="name of a template in benchmark/tasks/templates/")
    prompt: str | None = Field(default=None, description="what a model reads, with {columns}; instead of a template")
    target: str | None = Field(default=None, description="what it should write, without the space before it")
    target_delimiter: str = Field(default=" ", description="between a prompt and its target, and before each choice")
    choices: tuple[str, ...] | str | None = Field(
        default=None, description="all targets: a list, or the placeholder of one; null: the answer is generated"
    )
    references: tuple[str, ...] | str | None = Field(
        default=None, description="other answers that count: a list, or the placeholder of one"
    )
    label: str | None = Field(default=None, description="the class of a row; null: its target, where choices are fixed")
    separator: str | None = Field(default=None, description=r"between two examples; null: the template's, or \n\n")
    stop: str | None = Field(default=None, description=r"what ends a generated answer; null: the template's, or \n")
    metric: str | None = Field(
        default=None,
        description="a metric of benchmark/tasks/metrics/; null: the template's, or accuracy or exact_match",
    )
    max_new_tokens: int | None = Field(
        default=None, ge=1, description=f"the longest generated answer; null: the template's, or {LIMIT}"
    )
    columns: dict[str, str] = Field(
        default_factory=dict, description="a name in template or prompt: the file's column, where they differ"
    )
    steps: tuple[AnyStep, ...] = Field(default=(), description="small changes of a row, in this order, before all else")
    pool: int | None = Field(default=1000, ge=2, description="candidates to draw; null: every distinct one")
    queries: int | None = Field(default=500, ge=2, description="queries to draw; null: every distinct one")
    balance: Literal["label"] | None = Field(default=None, description="label: as many rows of each label")
    max_characters: int | None = Field(
        default=None, ge=1, description="rows rendered longer than this are not drawn; null: no limit"
    )
    allow_unscorable: int = Field(
        default=0, ge=0, description="drawn rows whose gold answer may fail to score 1 against itself"
    )
    seed: int = Field(default=0, ge=0, description="seed of the draws of pool and queries")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.template is None) == (self.prompt is None):
            raise ValueError("a dataset of rows needs either `template` or `prompt` (with `target`)")
        if self.prompt is None:
            stray = [name for name in OF_PROMPT if getattr(self, name) is not None]
            if stray:
                raise ValueError(f"`{stray[0]}` belongs to a `prompt`, and a template has its own: remove one of them")
            return self
        if self.target is None:
            raise ValueError("a `prompt` needs a `target`, such as {answer}")
        if self.target_delimiter[:1].isspace() and self.prompt[-1:].isspace():
            raise ValueError(
                "`prompt` ends in white space, and `target_delimiter` adds some: remove one of them, so that the space "
                "belongs to the target"
            )
        if isinstance(self.choices, tuple):
            plain = [comparable(choice) for choice in self.choices]
            twice = [choice for choice in plain if plain.count(choice) > 1]
            if twice or len(plain) < 2:
                raise ValueError(
                    f"`choices` names {twice[0]!r} twice" if twice else "`choices` needs two texts or more"
                )
            if self.references is not None:
                raise ValueError(
                    "`references` is for generated answers, and `choices` for a choice: remove one of them"
                )
        for name in ("prompt", "target", "label", "references"):
            given = getattr(self, name)
            for pattern in given if isinstance(given, tuple) else [given]:
                if pattern is not None and not Text(pattern).placeholders:
                    raise ValueError(f"`{name}` is {pattern!r} for every row: write {{column}} for a column's value")
        self._prompt()
        return self

    @abstractmethod
    def fetch(self) -> Files:
        """Makes the files available and verifies them; raises `BenchmarkError` where it cannot."""

    @property
    def reading(self) -> Reading:
        """How the files are read."""
        return Reading()

    def _prompt(self) -> Prompt:
        return Prompt(
            Text(self.prompt or ""),
            Text(self.target or ""),
            self.target_delimiter,
            None if self.choices is None else Texts(self.choices),
            None if self.references is None else Texts(self.references),
            None if self.label is None else Text(self.label),
        )

    def form(self) -> Template:
        """The template, or what the prompt of the parameters makes one, with what the parameters say otherwise."""
        base = self._prompt().template(LIMIT) if self.template is None else get_template(self.template)
        return base.but(
            metric=self.metric, separator=self.separator, stop=self.stop, max_new_tokens=self.max_new_tokens
        )

    def recipe(self) -> Recipe:
        return Recipe(self.form(), self.columns, self.steps, self.max_characters, self.balance is not None)

    def rows(self, files: tuple[Path, ...]) -> Rows:
        return read_rows(files, self.reading, self.recipe().needed)

    def build(self, name: str) -> Dataset:
        """The pool and queries, drawn with the source's seed; distinct, and disjoint in input."""
        form, recipe = self.form(), self.recipe()
        get_metric(form.metric)
        files = self.fetch()
        if self.pool is None and files.queries == files.pool:
            raise BenchmarkError(
                f"dataset {name}: `pool: null` takes every row, and the queries are of the same files: state how many "
                f"rows the pool takes"
            )
        rows = self._open(name, files.pool)
        asked = rows if files.queries == files.pool else self._open(name, files.queries)
        pool = draw(
            rows,
            recipe,
            self.pool,
            generator(self.seed, "pool"),
            where=f"dataset {name}, {files.names[0]}",
            prefix=files.names[0],
        )
        queries = draw(
            asked,
            recipe,
            self.queries,
            generator(self.seed, "queries"),
            where=f"dataset {name}, {files.names[1]}",
            prefix=files.names[1],
            excluded=inputs_of(pool.examples),
        )
        dataset = Dataset(
            name=name,
            kind=form.kind,
            metric=form.metric,
            separator=form.separator,
            stop=form.stop,
            max_new_tokens=form.max_new_tokens,
            pool=pool.examples,
            queries=queries.examples,
            source=files.provenance
            | {
                "template": form.name,
                "seed": self.seed,
                "passed_over": {"pool": dict(pool.passed), "queries": dict(queries.passed)},
            },
        )
        dataset.require_distinct(2)
        parts = dict(zip(files.names, (rows, asked), strict=True))
        unscorable = require_scorable(dataset, self.allow_unscorable, lambda example: _place(parts, example))
        return replace(dataset, source={**dataset.source, "unscorable": unscorable}) if unscorable else dataset

    def leftover(self, dataset: Dataset) -> Iterator[Example]:
        """The rows of the candidates' files that were not drawn, of any length."""
        rows = self._open(dataset.name, self.fetch().pool)
        taken = inputs_of((*dataset.pool, *dataset.queries))
        return leftover(rows, self.recipe(), generator(self.seed, "leftover"), taken)

    def _open(self, name: str, files: tuple[Path, ...]) -> Rows:
        try:
            return self.rows(files)
        except BenchmarkError as error:
            raise BenchmarkError(f"dataset {name}: {error}") from error

    def outline(self) -> Outline:
        form = self.form()
        get_metric(form.metric)
        return Outline(form.kind, form.typical, self.pool, self.queries, form.max_new_tokens)

    @property
    def summary(self) -> str:
        return f"{self.source}, {f'template {self.template}' if self.template else 'prompt'}"


def _place(parts: Mapping[str, Rows], example: Example) -> str:
    """File and row of a drawn example, whose id is the name of its part and the number of its row."""
    part, _, row = example.id.rpartition("-")
    return parts[part].place(int(row))
