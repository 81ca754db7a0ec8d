"""From scores of choices, `{"yes": 1, "no": 0}`: the choice with the highest, and the list of all choices."""

from __future__ import annotations

from typing import Any, Literal

from benchmark.tasks.step import Step, bad_value, plain_number
from benchmark.tasks.values import Row, listed


class Best(Step):
    """`into` gets the best choice, `choices` all of them in their order; two best ones are refused."""

    step: Literal["best"]
    into: str
    choices: str

    def apply(self, row: Row) -> dict[str, Any] | None:
        scores = row[self.column]
        if scores is None:
            return None
        if not isinstance(scores, dict) or not scores:
            raise bad_value(self.column, f"holds no scores of choices, but {scores!r}")
        numbers = [plain_number(score) for score in listed([*scores.values()], self.column)]
        known = [number for number in numbers if number is not None]
        if len(known) < len(numbers):
            raise bad_value(self.column, f"has a score that is not a number: {scores!r}")
        top = [choice for choice, number in zip(scores, known, strict=True) if number == max(known)]
        if len(top) != 1:
            raise bad_value(self.column, f"has no single best choice: {scores!r}")
        return {self.into: top[0], self.choices: list(scores)}

    @property
    def writes(self) -> frozenset[str]:
        return frozenset({self.into, self.choices})
