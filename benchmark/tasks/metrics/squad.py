"""SQuAD's own metrics, as its evaluation script computes them (Rajpurkar et al. 2016).

Their normal form takes punctuation and articles away, so that 15 and 1.5 are equal, and "A" and "" too: for other
data than SQuAD, `answer_match` and `answer_f1` are the metrics.
"""

from __future__ import annotations

import re
import string
from collections import Counter

from benchmark.tasks.example import Example
from benchmark.tasks.metric import best, metric

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise_answer(text: str) -> str:
    """The normal form: lower case, without punctuation, without articles, single spaces."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


@metric
def squad_em(prediction: str, example: Example) -> float:
    """1 where prediction and a reference have the same normal form."""
    return best(lambda text, ref: float(normalise_answer(text) == normalise_answer(ref)), prediction, example)


def token_f1(prediction: str, reference: str) -> float:
    """The harmonic mean of precision and recall over the words of both normal forms.

    Where one of them is empty it is 1 if both are, and 0 otherwise, as in SQuAD's evaluation.
    """
    given, wanted = normalise_answer(prediction).split(), normalise_answer(reference).split()
    if not given or not wanted:
        return float(given == wanted)
    common = sum((Counter(given) & Counter(wanted)).values())
    return 2 * common / (len(given) + len(wanted))


@metric
def squad_f1(prediction: str, example: Example) -> float:
    """The best token F1 over the references."""
    return best(token_f1, prediction, example)
