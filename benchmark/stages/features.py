"""What the features of dictionaries say, for the stages that select."""

from __future__ import annotations

from benchmark.artefacts.features import FeatureScores
from benchmark.params import Params


def read_features(params: Params, model: str, dataset: str) -> FeatureScores | None:
    """Of a pool; None where the model has no dictionary."""
    path = params.features(model, dataset)
    return FeatureScores.read(path) if path.parent.is_dir() else None
