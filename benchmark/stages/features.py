"""What the features of dictionaries say, for the stages that select."""

from __future__ import annotations

from benchmark.artefacts.features import FeatureScores
from benchmark.params import Params


def read_features(params: Params, model: str, dataset: str) -> FeatureScores | None:
    """Of a pool; None where the profile gives the model no dictionary."""
    return FeatureScores.read(params.features(model, dataset)) if model in params.sae.models else None
