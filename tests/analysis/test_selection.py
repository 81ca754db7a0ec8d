from __future__ import annotations

import numpy as np

from benchmark.analysis.selection import percentile


def test_percentile_counts_ties_half() -> None:
    null = np.array([0.0, 0.5, 0.5, 1.0])
    assert [percentile(x, null) for x in (0.0, 0.5, 0.7, 1.0)] == [12.5, 50.0, 75.0, 87.5]
