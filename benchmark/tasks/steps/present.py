"""Only rows in which a column has a value; the others are passed over."""

from __future__ import annotations

from typing import Any, Literal

from benchmark.tasks.step import Step
from benchmark.tasks.values import Row, is_missing


class Present(Step):
    step: Literal["present"]

    def apply(self, row: Row) -> dict[str, Any] | None:
        return None if is_missing(row[self.column]) else {}

    @property
    def writes(self) -> frozenset[str]:
        return frozenset()
