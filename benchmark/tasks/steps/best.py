"""From scores of choices, `{"yes": 1, "no": 0}`: the choice with the highest, and the list of all choices."""

from __future__ import annotations

import math
from typing import Any, Literal

from benchmark.tasks.step import Step, bad_value
from benchmark.tasks.values import Row


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
        try:
            numbers = {choice: float(score) for choice, score in scores.items() if not isinstance(score, bool)}
        except (TypeError, ValueError) as error:
            raise bad_value(self.column, f"has a score that is not a number: {scores!r}") from error
        top = [choice for choice, number in numbers.items() if number == max(numbers.values())]
        if len(top) != 1 or len(numbers) < len(scores) or any(map(math.isnan, numbers.values())):
            raise bad_value(self.column, f"has no single best choice: {scores!r}")
        return {self.into: top[0], self.choices: list(scores)}

    @property
    def writes(self) -> frozenset[str]:
        return frozenset({self.into, self.choices})
