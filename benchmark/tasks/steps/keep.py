"""Only rows with certain values of a column; the others are passed over."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from benchmark.tasks.example import comparable
from benchmark.tasks.step import Step, as_written
from benchmark.tasks.values import Row, is_missing, text


class Keep(Step):
    step: Literal["keep"]
    values: tuple[str, ...] = Field(min_length=1)

    @field_validator("values", mode="before")
    @classmethod
    def _written(cls, values: object) -> object:
        return [as_written(value) for value in values] if isinstance(values, list | tuple) else values

    def apply(self, row: Row) -> dict[str, Any] | None:
        if is_missing(row[self.column]):
            return None
        return {} if comparable(text(row, self.column)) in map(comparable, self.values) else None

    @property
    def writes(self) -> frozenset[str]:
        return frozenset()
