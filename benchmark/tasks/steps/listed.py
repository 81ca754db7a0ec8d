"""A list of texts, where some rows have a list and others a text alone."""

from __future__ import annotations

from typing import Any, Literal

from benchmark.tasks.step import Step
from benchmark.tasks.values import Row, answers


class Listed(Step):
    step: Literal["listed"]

    def apply(self, row: Row) -> dict[str, Any] | None:
        return {self.into or self.column: answers(row[self.column], self.column)}
