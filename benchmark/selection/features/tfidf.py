"""Tf-idf of the inputs' words: cheap, and for made-up words as good as any embedding."""

from __future__ import annotations

from benchmark.selection.feature import register_features
from benchmark.selection.pool import Features, Pool
from benchmark.selection.text import features


@register_features("tfidf", of_queries=True, of_texts=True)
def tfidf(pool: Pool) -> Features:
    """smoothed tf-idf of an input's words"""
    candidates, queries = features(pool.inputs, pool.query_inputs)
    return Features(candidates, queries, features(pool.inputs, pool.asked_inputs)[1])
