"""Other words for values: `values: {"0": no, "1": yes}`. Values are compared as they are written."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from benchmark.tasks.example import comparable
from benchmark.tasks.step import Step, as_written, bad_value
from benchmark.tasks.values import Row, is_missing, text


class Map(Step):
    """A value that is not listed is refused; a missing one stays missing."""

    step: Literal["map"]
    values: dict[str, str] = Field(min_length=1)

    @field_validator("values", mode="before")
    @classmethod
    def _written(cls, values: object) -> object:
        """YAML reads 0, yes and 2.5 as numbers and truth values: they are meant as they are written in JSON."""
        if not isinstance(values, dict):
            return values
        return {as_written(key): as_written(value) for key, value in values.items()}

    def apply(self, row: Row) -> dict[str, Any] | None:
        if is_missing(row[self.column]):
            return {self.into or self.column: None}
        value = comparable(text(row, self.column))
        found = [other for known, other in self.values.items() if comparable(known) == value]
        if not found:
            raise bad_value(self.column, f"is {value!r}, and `values` lists {', '.join(map(repr, self.values))}")
        return {self.into or self.column: found[0]}
