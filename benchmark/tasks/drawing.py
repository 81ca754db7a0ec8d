"""Drawing distinct, labelled examples from rows, by seed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import Example, comparable
from benchmark.tasks.rows import Rows
from benchmark.tasks.step import Step
from benchmark.tasks.template import Template


@dataclass(frozen=True, slots=True)
class Recipe:
    """From a row to an example: steps, then the template; `columns` maps the template's names to those of the rows."""

    template: Template
    columns: Mapping[str, str]
    steps: Sequence[Step] = ()
    max_characters: int | None = None
    balanced: bool = False

    @property
    def names(self) -> dict[str, str]:
        return {column: self.columns.get(column, column) for column in self.template.columns}

    @property
    def needed(self) -> frozenset[str]:
        """The columns that rows have to have."""
        needed = frozenset(self.names.values())
        for step in reversed(self.steps):
            needed = (needed - step.writes) | step.reads
        return needed

    def require(self, rows: Rows) -> None:
        """Raises `BenchmarkError` where the rows lack a column, and where `columns` names one that is not used."""
        strange = [column for column in self.columns if column not in self.template.columns]
        if strange:
            known = ", ".join(self.template.columns)
            raise BenchmarkError(
                f"template {self.template.name!r} has no column {strange[0]!r} (it has {known}): correct `columns`"
            )
        mapped = "correct the placeholder" if self.template.name == "prompt" else "`columns` maps a template's names"
        if self.template.name == "prompt" and any("." in name for name in rows.names):
            mapped += ", where {a.b} is field b of column a; `columns` gives one whose name has a dot another"
        read = "`delimiter` and `header` say how a file is read"
        untouched = {*self.names.values()}.difference(*(step.writes for step in self.steps))
        rows.require(sorted(untouched), f"{mapped}; {read}")
        rows.require(
            sorted(self.needed), f"correct the step, which takes a column of the file or one that a step made; {read}"
        )

    def render(self, rows: Rows, index: int) -> Example | str:
        """The example of a row, or why it is passed over. Raises `BenchmarkError` naming file and row."""
        row = rows.row(index, self.needed)
        try:
            for step in self.steps:
                changed = step.apply(row)
                if changed is None:
                    return f"dropped by {step.step}"
                row |= changed
            example = self.template.render({column: row[name] for column, name in self.names.items()})
        except BenchmarkError as error:
            raise BenchmarkError(f"{rows.place(index)}: {error}") from error
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise BenchmarkError(
                f"{rows.place(index)} is not what template {self.template.name!r} expects ({type(error).__name__}: "
                f"{error}): its columns changed"
            ) from error
        if example is None:
            return "unlabelled"
        if self.max_characters is not None and len(example.input) + len(example.target) > self.max_characters:
            return "too long"
        return example


@dataclass(frozen=True, slots=True)
class Drawn:
    """Examples in the order they were drawn in (a smaller draw is a prefix of a larger one), and what was passed over.

    `passed` counts rows by reason: `unlabelled`, `repeated`, `too_long`, `in_pool`, `dropped_by_` and a step.
    """

    examples: tuple[Example, ...]
    passed: Mapping[str, int]


def draw(
    rows: Rows,
    recipe: Recipe,
    count: int | None,
    generator: np.random.Generator,
    *,
    where: str,
    prefix: str,
    excluded: Collection[str] = (),
) -> Drawn:
    """`count` examples (None: all) with distinct texts, none of whose inputs is in `excluded`.

    Texts are compared after `comparable`. `where` names the rows in errors, `prefix` starts an example's id. Raises
    `BenchmarkError` for missing columns, a row that is refused, and too few examples.
    """
    try:
        recipe.require(rows)
        passed: Counter[str] = Counter()
        usable = _usable(rows, recipe, generator, prefix, excluded, passed)
        examples = _balanced(list(usable), count) if recipe.balanced else list(itertools.islice(usable, count))
    except BenchmarkError as error:
        raise BenchmarkError(f"{where}: {error}") from error
    if len(examples) < (count or 1):
        raise BenchmarkError(
            f"{where} gives {len(examples)} usable examples of {len(rows)} rows ({_listed(passed)}), {count or 'any'} "
            f"were asked for: lower the number, or choose a labelled split"
        )
    return Drawn(tuple(examples), {reason.replace(" ", "_"): number for reason, number in sorted(passed.items())})


def _usable(
    rows: Rows,
    recipe: Recipe,
    generator: np.random.Generator,
    prefix: str,
    excluded: Collection[str],
    passed: Counter[str],
) -> Iterator[Example]:
    """Distinct examples in random order; `passed` counts the rows between them."""
    seen: set[tuple[str, str]] = set()
    for index in map(int, generator.permutation(len(rows))):
        example = recipe.render(rows, index)
        if isinstance(example, str):
            passed[example] += 1
        elif example.key in seen:
            passed["repeated"] += 1
        elif example.key[0] in excluded:
            passed["in pool"] += 1
        else:
            seen.add(example.key)
            yield replace(example, id=f"{prefix}-{index}")


def leftover(rows: Rows, recipe: Recipe, generator: np.random.Generator, taken: Collection[str]) -> Iterator[Example]:
    """Distinct examples in random order, of any length and label, none of whose inputs is in `taken`.

    Rows that cannot be read as one are passed over: here they are text, and no example rests on them.
    """
    recipe = replace(recipe, max_characters=None, balanced=False)
    seen = set(taken)
    for index in generator.permutation(len(rows)).tolist():
        try:
            example = recipe.render(rows, index)
        except BenchmarkError:
            continue
        if isinstance(example, Example) and example.key[0] not in seen:
            seen.add(example.key[0])
            yield replace(example, id=f"text-{index}")


def _balanced(examples: Sequence[Example], count: int | None) -> list[Example]:
    """The labels in turn, each in its own order; with a count of None until one runs out."""
    by_label: dict[str, list[Example]] = {}
    for example in examples:
        if not example.label:
            raise BenchmarkError("`balance: label` needs a label for every row: state `label`")
        by_label.setdefault(example.label, []).append(example)
    labels = sorted(by_label)
    if not labels:
        return []
    least = min(labels, key=lambda label: len(by_label[label]))
    turns = len(by_label[least])
    if count is None:
        count = turns * len(labels)
    needed = {label: len(range(place, count, len(labels))) for place, label in enumerate(labels)}
    for label in labels:
        if len(by_label[label]) < needed[label]:
            raise BenchmarkError(
                f"the label {label!r} has {len(by_label[label])} usable rows, and {needed[label]} are needed for "
                f"{count} balanced ones: lower the number, or leave `balance` out"
            )
    return [by_label[labels[turn % len(labels)]][turn // len(labels)] for turn in range(count)]


def _listed(passed: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in sorted(passed.items())) or "no others"


def inputs_of(examples: Sequence[Example]) -> frozenset[str]:
    """The inputs for comparison."""
    return frozenset(comparable(example.input) for example in examples)
