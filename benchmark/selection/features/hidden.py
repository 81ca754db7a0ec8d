"""The model's own hidden states, computed before by the stage that has the model."""

from __future__ import annotations

from benchmark.selection.feature import register_features
from benchmark.selection.pool import Features, Pool


@register_features("hidden", of_queries=True, of_texts=False, computed=True)
def hidden(pool: Pool) -> Features:
    """the model's last hidden states, averaged over an input's tokens"""
    return pool.embeddings["hidden"]
