"""BM25 (Robertson and Zaragoza 2009), by `bm25s`: for each query, the candidates that share its rare words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.pool import Members, Pool, UndefinedError
from benchmark.selection.retrieval import best_last
from benchmark.selection.selector import Needs, Selector, register
from benchmark.selection.text import terms

K1, B = 1.5, 0.75

NEEDS = Needs(queries="each")


@dataclass(frozen=True, kw_only=True)
class BM25(Selector):
    """The best last; a query without a word of the pool gets random candidates."""

    name: str = "bm25"
    needs: Needs = NEEDS

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        words = {tuple(sorted(terms(text))) for text in pool.inputs}
        if words == {()} or len(words) == 1 < len(pool):
            raise UndefinedError("the words are the same for every candidate")
        return best_last(scores(pool.inputs, pool.asked_inputs), k, pool.shuffled(generator))


def scores(texts: tuple[str, ...], queries: tuple[str, ...]) -> NDArray[np.float64]:
    """BM25 of every text for every query, float64 [query, text]; Lucene's variant, whose scores are never negative."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    index = bm25s.BM25(k1=K1, b=B, method="lucene", backend="numpy")
    index.index([terms(text) for text in texts], show_progress=False)
    rows = np.zeros((len(queries), len(texts)))
    for row, query in enumerate(queries):
        known = [term for term in terms(query) if term in index.vocab_dict]
        if known:
            rows[row] = index.get_scores(known)
    return np.round(rows, 5)  # bm25s computes in float32


@register("bm25")
def bm25(pool: Pool) -> Iterator[BM25]:
    """for each query, the candidates that share its rare words"""
    yield BM25()
