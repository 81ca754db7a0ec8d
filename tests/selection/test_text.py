from __future__ import annotations

import math

import numpy as np

from benchmark.selection.text import features, terms


def test_weights_are_the_formula_by_hand() -> None:
    rows, others = features(("red red cat", "cat dog"), ("cat unseen", "unseen"))
    idf = {"cat": 1 + math.log(3 / 3), "dog": 1 + math.log(3 / 2), "red": 1 + math.log(3 / 2)}
    first = np.array([idf["cat"], 0, 2 * idf["red"]])  # columns in alphabetical order
    second = np.array([idf["cat"], idf["dog"], 0])
    expected = [first / np.linalg.norm(first), second / np.linalg.norm(second)]
    np.testing.assert_allclose(rows.toarray(), expected, rtol=1e-14)
    np.testing.assert_allclose(others.toarray(), [[1, 0, 0], [0, 0, 0]], rtol=1e-14)


def test_a_text_without_words_still_has_terms() -> None:
    assert terms("?! ;") == ["?", "!", ";"]
    assert terms("The Cat, 7") == ["the", "cat", "7"]
