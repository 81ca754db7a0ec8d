"""Sentence embeddings: what the field's selectors compare texts by."""

from __future__ import annotations

from benchmark.selection.feature import register_features
from benchmark.selection.pool import Features, Pool


@register_features("embeddings", of_queries=True, of_texts=True, computed=True)
def embeddings(pool: Pool) -> Features:
    """sentence embeddings of the inputs, by the encoder that the profile names (MiniLM)"""
    return pool.embeddings["embeddings"]
