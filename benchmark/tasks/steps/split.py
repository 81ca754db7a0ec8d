"""A text cut in two at the first occurrence of a separator."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from benchmark.tasks.step import Step, bad_value
from benchmark.tasks.values import Row, is_missing, text


class Split(Step):
    step: Literal["split"]
    into: None = None
    separator: str = Field(min_length=1)
    parts: tuple[str, str] = Field(description="the columns that get what stands before and after it")

    def apply(self, row: Row) -> dict[str, Any] | None:
        if is_missing(row[self.column]):
            return dict.fromkeys(self.parts)
        before, found, after = text(row, self.column).partition(self.separator)
        if not found:
            raise bad_value(self.column, f"has no {self.separator!r}: {before[:60]!r}")
        return dict(zip(self.parts, (before, after), strict=True))

    @property
    def writes(self) -> frozenset[str]:
        return frozenset(self.parts)
