"""What names one score of a candidate."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One score of a candidate: a statistic read at a site under a mask, pooled over positions and layers."""

    site: str
    mask: str
    pooling: str
    layer: str
    statistic: str
