"""One item of a list, at a position (from 0) that is stated or stands in another column."""

from __future__ import annotations

from typing import Any, Literal

from benchmark.tasks.step import Step, bad_value
from benchmark.tasks.values import Row, is_missing, whole_number


class Item(Step):
    step: Literal["item"]
    at: int | str

    def apply(self, row: Row) -> dict[str, Any] | None:
        items, at = row[self.column], self.at if isinstance(self.at, int) else row[self.at]
        if is_missing(items) or is_missing(at):
            return {self.into or self.column: None}
        if not isinstance(items, list):
            raise bad_value(self.column, f"is not a list: {items!r}")
        position = whole_number(at)
        if position is None:
            raise bad_value(str(self.at), f"is not a position: {at!r}")
        if not 0 <= position < len(items):
            raise bad_value(self.column, f"has {len(items)} items and none at {position} (the first is at 0)")
        return {self.into or self.column: items[position]}

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({self.column} | ({self.at} if isinstance(self.at, str) else set()))
