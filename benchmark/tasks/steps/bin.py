"""A label for a number, by intervals: `bins: {negative: [null, -1.5], positive: [1.5, null]}`.

An interval holds both its ends; null is no limit. A row whose number lies in no interval is passed over.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from benchmark.tasks.step import Step, bad_value, plain_number
from benchmark.tasks.values import Row, is_missing, text


class Bin(Step):
    step: Literal["bin"]
    bins: dict[str, tuple[FiniteFloat | None, FiniteFloat | None]] = Field(min_length=1)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        ends = sorted(
            (-math.inf if low is None else low, math.inf if high is None else high, label)
            for label, (low, high) in self.bins.items()
        )
        for low, high, label in ends:
            if low > high:
                raise ValueError(f"the bin {label!r} ends before it begins: [{low}, {high}]")
        for (_, high, one), (low, _, other) in pairwise(ends):
            if low <= high:
                raise ValueError(f"the bins {one!r} and {other!r} overlap: a number has one label")
        return self

    def apply(self, row: Row) -> dict[str, Any] | None:
        if is_missing(row[self.column]):
            return None
        number = plain_number(text(row, self.column))
        if number is None:
            raise bad_value(self.column, f"is not a number: {row[self.column]!r}")
        for label, (low, high) in self.bins.items():
            if (low is None or _exact(low) <= number) and (high is None or number <= _exact(high)):
                return {self.into or self.column: label}
        return None


def _exact(end: float) -> Fraction:
    """The number that the parameters say: 0.1 is a tenth."""
    return Fraction(str(end))
