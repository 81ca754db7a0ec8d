"""Tf-idf features of texts: smoothed inverse document frequency, rows of length one.

weight(term, text) = count(term in text) * (1 + ln((1 + n) / (1 + documents with term))), divided by the row's norm.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import sparse


def terms(text: str) -> list[str]:
    """The lower-case words and numbers of a text; where it has none, its characters that are no spaces."""
    return re.findall(r"\w+", text.lower()) or list("".join(text.split()))


@functools.lru_cache(maxsize=4)
def features(pool: tuple[str, ...], others: tuple[str, ...] = ()) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Tf-idf rows float64 [n, term] of the pool and [m, term] of the others; terms and idf are the pool's alone.

    Kept, for every selector asks for the same: leave the rows as they are.
    """
    counts = [Counter(terms(text)) for text in pool]
    documents = Counter(term for count in counts for term in count)
    index = {term: column for column, term in enumerate(sorted(documents))}
    idf = np.array([1.0 + np.log((1 + len(pool)) / (1 + documents[term])) for term in index])
    return _rows(counts, index, idf), _rows([Counter(terms(text)) for text in others], index, idf)


def _rows(counts: Sequence[Counter[str]], index: dict[str, int], idf: np.ndarray) -> sparse.csr_array:
    entries = [(row, index[term], n) for row, count in enumerate(counts) for term, n in count.items() if term in index]
    rows, columns, values = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    matrix = sparse.csr_array((values * idf[columns], (rows, columns)), shape=(len(counts), len(index)))
    norms = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    return sparse.csr_array(sparse.diags_array(1.0 / np.where(norms > 0, norms, 1.0)) @ matrix)
