"""Metrics: how good is a prediction for an example, in [0, 1].

    METRICS["squad_f1"](prediction, example) -> float

A prediction is text as a model wrote it; surrounding space never counts. Generative metrics take the best over the
example's references.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from benchmark.errors import unknown
from benchmark.tasks.example import Example

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

Metric = Callable[[str, Example], float]
METRICS: dict[str, Metric] = {}
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?|-?\.\d+")
ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


def _register(metric: Metric) -> Metric:
    METRICS[metric.__name__] = metric
    return metric


def get_metric(name: str) -> Metric:
    """The metric of that name; raises `BenchmarkError` for an unknown one."""
    if name not in METRICS:
        raise unknown("metric", name, METRICS)
    return METRICS[name]


def _best(score: Callable[[str, str], float], prediction: str, example: Example) -> float:
    """The best score over the references; the target stands in where an example has none."""
    return max(score(prediction, reference) for reference in example.references or (example.target,))


@_register
def accuracy(prediction: str, example: Example) -> float:
    """1 where the prediction is the target, which is the gold choice of a classification task."""
    return float(prediction.strip() == example.target.strip())


@_register
def exact_match(prediction: str, example: Example) -> float:
    """1 where the prediction is a reference, character by character."""
    return _best(lambda text, reference: float(text.strip() == reference.strip()), prediction, example)


def last_number(text: str) -> float | None:
    """The last number of a text, thousands separators removed; None where there is none."""
    found = NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None


@_register
def numeric_match(prediction: str, example: Example) -> float:
    """1 where the last number of the prediction equals a reference's (the answer of GSM8K stands last)."""

    def same(text: str, reference: str) -> float:
        number = last_number(text)
        return float(number is not None and number == last_number(reference))

    return _best(same, prediction, example)


def normalise_answer(text: str) -> str:
    """SQuAD's normal form: lower case, without punctuation, without articles, single spaces (Rajpurkar et al. 2016)."""
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


@_register
def squad_em(prediction: str, example: Example) -> float:
    """1 where prediction and a reference have the same normal form."""
    return _best(lambda text, ref: float(normalise_answer(text) == normalise_answer(ref)), prediction, example)


def token_f1(prediction: str, reference: str) -> float:
    """The harmonic mean of precision and recall over the words of both normal forms.

    Where one of them is empty it is 1 if both are, and 0 otherwise, as in SQuAD's evaluation.
    """
    given, wanted = normalise_answer(prediction).split(), normalise_answer(reference).split()
    if not given or not wanted:
        return float(given == wanted)
    common = sum((Counter(given) & Counter(wanted)).values())
    return 2 * common / (len(given) + len(wanted))


@_register
def squad_f1(prediction: str, example: Example) -> float:
    """The best token F1 over the references."""
    return _best(token_f1, prediction, example)


@cache
def _rouge() -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer  # brings a large library along, which no other metric needs

    return RougeScorer(["rougeL"], use_stemmer=True)


@_register
def rouge_l(prediction: str, example: Example) -> float:
    """The F-measure of ROUGE-L with stemming, by the rouge-score package (Lin 2004)."""
    return _best(lambda text, ref: float(_rouge().score(ref, text)["rougeL"].fmeasure), prediction, example)
