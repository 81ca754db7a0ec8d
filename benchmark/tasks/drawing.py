"""Drawing distinct, labelled examples from the rows of a split, by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import Example
from benchmark.tasks.template import Template


class Rows(Protocol):
    """The rows of a split, as `datasets.Dataset` gives them."""

    @property
    def column_names(self) -> list[str]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """Examples in the order they were drawn in (a smaller draw is a prefix of a larger one), and what was passed over.

    `passed` counts rows by reason: `unlabelled`, `repeated`, `too_long`, `in_pool`.
    """

    examples: tuple[Example, ...]
    passed: Mapping[str, int]


def draw(
    rows: Rows,
    template: Template,
    count: int | None,
    generator: np.random.Generator,
    *,
    where: str,
    prefix: str,
    columns: Mapping[str, str],
    max_characters: int | None = None,
    excluded: Collection[str] = (),
) -> Drawn:
    """`count` examples (None: all) with distinct texts, none of whose inputs is in `excluded`.

    `where` names the split in errors, `prefix` starts an example's id, `columns` maps the template's columns to those
    of the rows. Raises `BenchmarkError` for missing columns, a row that the template refuses, and too few examples.
    """
    names = {column: columns.get(column, column) for column in template.columns}
    _require_columns(rows, template, names, columns, where)
    examples: list[Example] = []
    seen: set[tuple[str, str]] = set()
    passed: Counter[str] = Counter()
    for index in generator.permutation(len(rows)).tolist():
        if len(examples) == count:
            break
        example = _render(rows[index], template, names, f"{prefix}-{index}", where)
        if example is None:
            passed["unlabelled"] += 1
        elif (example.input, example.target) in seen:
            passed["repeated"] += 1
        elif max_characters is not None and len(example.input) + len(example.target) > max_characters:
            passed["too_long"] += 1
        elif example.input in excluded:
            passed["in_pool"] += 1
        else:
            seen.add((example.input, example.target))
            examples.append(example)
    if len(examples) < (count or 1):
        raise BenchmarkError(
            f"{where} gives {len(examples)} usable examples of {len(rows)} rows ({_listed(passed)}), {count or 'any'} "
            f"were asked for: lower the number, or choose a labelled split"
        )
    return Drawn(tuple(examples), dict(sorted(passed.items())))


def _require_columns(
    rows: Rows, template: Template, names: Mapping[str, str], columns: Mapping[str, str], where: str
) -> None:
    strange = [column for column in columns if column not in template.columns]
    if strange:
        raise BenchmarkError(f"{where}: template {template.name!r} has no column {strange[0]!r}: correct `columns`")
    missing = [name for name in names.values() if name not in rows.column_names]
    if missing:
        raise BenchmarkError(
            f"{where} has no column {missing[0]!r} (it has {', '.join(rows.column_names)}): its format changed, or "
            f"`columns` has to map the names of template {template.name!r}"
        )


def _render(
    row: Mapping[str, Any], template: Template, names: Mapping[str, str], identity: str, where: str
) -> Example | None:
    try:
        example = template.render({column: row[name] for column, name in names.items()})
        return None if example is None else replace(example, id=identity)
    except BenchmarkError as error:
        raise BenchmarkError(f"{where}, row {identity}: {error}") from error
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise BenchmarkError(
            f"{where}, row {identity} is not what template {template.name!r} expects ({type(error).__name__}: {error}):"
            f" its columns changed"
        ) from error


def _listed(passed: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {reason.replace('_', ' ')}" for reason, number in sorted(passed.items())) or "no others"


def inputs_of(examples: Sequence[Example]) -> frozenset[str]:
    return frozenset(example.input for example in examples)
