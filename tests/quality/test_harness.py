"""An independent implementation gives the same scores."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.quality.quality import measure_quality
from tests.quality.conftest import make_dataset, make_model
from tests.quality.harness import harness, log_probabilities, requests


@pytest.mark.parametrize("kind", ["classes", "phrases", "generative"])
def test_agrees_with_the_harness(kind: str) -> None:
    loaded, dataset = make_model("qwen2"), make_dataset(kind)
    model = harness(loaded, batch_size=4)
    expected = log_probabilities(model, requests(dataset, range(7)), len(dataset.queries))
    found = measure_quality(loaded, dataset, range(7)).log_probability
    np.testing.assert_allclose(found, expected, atol=1e-4)
