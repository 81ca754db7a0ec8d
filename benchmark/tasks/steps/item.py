"""One item of a list, at a position that is stated or stands in another column.

Positions are numbers from 0; in a column, -1 says that there is none, as unlabelled rows have it. Where the column says
them in another way, `names` lists its words for the first item, the second and so on: [A, B, C, D], or
["1", "2", "3", "4"].
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from benchmark.tasks.example import comparable
from benchmark.tasks.step import Step, as_written, bad_value
from benchmark.tasks.values import Row, is_missing, text, whole_number


class Item(Step):
    step: Literal["item"]
    at: int | str
    names: tuple[str, ...] | None = Field(default=None, min_length=1)

    @field_validator("names", mode="before")
    @classmethod
    def _written(cls, names: object) -> object:
        return [as_written(name) for name in names] if isinstance(names, list | tuple) else names

    def apply(self, row: Row) -> dict[str, Any] | None:
        items, at = row[self.column], self.at if isinstance(self.at, int) else row[self.at]
        if is_missing(items) or is_missing(at):
            return {self.into or self.column: None}
        if not isinstance(items, list):
            raise bad_value(self.column, f"is not a list: {items!r}")
        position = self._named(text(row, self.at)) if self.names and isinstance(self.at, str) else whole_number(at)
        if position == -1 and isinstance(self.at, str):
            return {self.into or self.column: None}
        if position is None:
            raise bad_value(str(self.at), f"is not a position: {at!r}; `names` lists words that stand for positions")
        if not 0 <= position < len(items):
            raise bad_value(self.column, f"has {len(items)} items and none at {position} (the first is at 0)")
        return {self.into or self.column: items[position]}

    def _named(self, word: str) -> int | None:
        names = [comparable(name) for name in self.names or ()]
        return names.index(comparable(word)) if comparable(word) in names else None

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({self.column} | ({self.at} if isinstance(self.at, str) else set()))
