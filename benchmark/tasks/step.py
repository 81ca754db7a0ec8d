"""A step: one small named change of a row, before a prompt is filled. A kind is a subclass in a file of `steps/`."""

from __future__ import annotations

from abc import abstractmethod
from fractions import Fraction
from typing import Any

from pydantic import Field

from benchmark.errors import BenchmarkError
from benchmark.section import Section
from benchmark.tasks.numbers import parse_number
from benchmark.tasks.values import Row, Written, spell, text


class Step(Section):
    """`column` is read; `into` is written, which is the same column where it is not stated."""

    step: str
    column: str = Field(min_length=1)
    into: str | None = Field(default=None, min_length=1)

    @abstractmethod
    def apply(self, row: Row) -> dict[str, Any] | None:
        """The columns that change; None where the row is passed over. Raises `BenchmarkError` for a bad value."""

    @property
    def reads(self) -> frozenset[str]:
        """The columns that it needs."""
        return frozenset({self.column})

    @property
    def writes(self) -> frozenset[str]:
        """The columns that there are after it."""
        return frozenset({self.into or self.column})


class TextStep(Step):
    """A step that makes one text of another; a missing value stays missing."""

    def apply(self, row: Row) -> dict[str, Any] | None:
        if row[self.column] is None:
            return {self.into or self.column: None}
        value = row[self.column]
        # bytes that are not of the encoding may go with the step: what is left of them is refused in the prompt
        plain = isinstance(value, str) and not isinstance(value, Written)
        return {self.into or self.column: self.change(value if plain else text(row, self.column))}

    @abstractmethod
    def change(self, text: str) -> str: ...


def as_written(value: object) -> str:
    """A value of YAML, which reads 0, yes and 2.5 as numbers and truth values, as JSON writes it.

    Raises `ValueError` for what is not one text.
    """
    try:
        return spell(value)
    except BenchmarkError as error:
        raise ValueError(f"a value {error}: write texts, in quotes") from error


def plain_number(written: str) -> Fraction | None:
    """The exact value of a number as `benchmark.tasks.numbers` reads it, but for fractions and percent, which are none:
    of 85 % nobody knows whether 85 or 0.85 is meant.
    """
    return None if {"%", "/"} & {*written} else parse_number(written)


def bad_value(column: str, problem: str) -> BenchmarkError:
    return BenchmarkError(f"column {column!r} {problem}")
