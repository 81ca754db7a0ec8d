"""The activation statistics that need no label, as features of a candidate."""

from __future__ import annotations

import numpy as np

from benchmark.selection.feature import register_features, unit
from benchmark.selection.pool import Features, Pool, UndefinedError


@register_features("statistics", of_queries=False, of_texts=False)
def statistics(pool: Pool) -> Features:
    """activation statistics under masks that need no label, standardised over the pool"""
    masks = [pool.masks.index(mask) for mask in pool.unlabelled_masks]
    values = pool.scores[:, masks].reshape(len(pool), -1)
    values = values[:, np.isfinite(values).all(axis=0)]
    spread = values.std(axis=0)
    varying = spread > 1e-9 * np.abs(values).max(axis=0, initial=0)
    if not varying.any():
        raise UndefinedError("no activation statistic that needs no label differs between candidates")
    standard = (values[:, varying] - values[:, varying].mean(axis=0)) / spread[varying]
    return Features(unit(np.round(standard, 9)))
