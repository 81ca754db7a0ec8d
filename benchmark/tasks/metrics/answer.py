"""Short answers of any data: SQuAD's normal form, but where it would lose the answer itself.

- Numbers are compared as numbers, also within a text: 15 is not 1.5, 5 is not -5, and 1,000 is 1000.
- An answer of which the normal form leaves nothing ("A", "-") is compared as it is, but for case.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmark.tasks.example import Example
from benchmark.tasks.metric import best, metric
from benchmark.tasks.metrics.squad import normalise_answer, token_f1
from benchmark.tasks.numbers import spell_numbers


@metric
def answer_match(prediction: str, example: Example) -> float:
    """1 where prediction and a reference have the same normal form, and the same numbers in it."""
    return best(_guarded(_same), prediction, example)


@metric
def answer_f1(prediction: str, example: Example) -> float:
    """The best token F1 over the references; a number is one token."""
    return best(_guarded(token_f1), prediction, example)


def _same(prediction: str, reference: str) -> float:
    return float(normalise_answer(prediction) == normalise_answer(reference))


def _guarded(score: Callable[[str, str], float]) -> Callable[[str, str], float]:
    def compare(prediction: str, reference: str) -> float:
        given, wanted = spell_numbers(prediction), spell_numbers(reference)
        if normalise_answer(given) and normalise_answer(wanted):
            return score(given, wanted)
        return float(prediction.strip().casefold() == reference.strip().casefold() != "")

    return compare
