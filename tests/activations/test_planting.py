from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

from benchmark.activations.extraction import extract
from benchmark.activations.planting import plant_massive_dimension
from benchmark.artefacts.scores import ActivationScores
from benchmark.errors import BenchmarkError
from benchmark.models.loading import LoadedModel
from benchmark.tasks.example import Example

SITES = {"mlp_output": ("max_abs", "max_sequence_ratio", "massive_count"), "residual": ("massive_count",)}


def scores_of(loaded: LoadedModel, model: torch.nn.Module, examples: list[Example]) -> ActivationScores:
    planted = replace(loaded, model=model)
    return extract(planted, examples, masks=("causal", "no_sink"), sites=SITES, poolings=("mean", "max"))


def test_the_massive_statistics_see_it_where_it_was_planted(llama: LoadedModel, examples: list[Example]) -> None:
    before = scores_of(llama, llama.model, examples).scores
    after = scores_of(llama, plant_massive_dimension(llama.model, 1, 7, 50000.0), examples).scores
    np.testing.assert_array_equal(after[..., 0, :], before[..., 0, :])  # layer 0 comes before it
    peak, _, count = np.moveaxis(after[:, 0, 0, 1, 1], -1, 0)  # mlp_output, causal, max, layer 1
    np.testing.assert_allclose(peak, 50000, rtol=1e-3)
    assert (count == 1).all()
    assert (before[:, 0, 0, 1, 1, 2] == 0).all()
    assert (after[:, 1, 0, 1, 1, 2] == 1).all()  # in the residual stream behind it as well
    np.testing.assert_array_equal(after[:, 0, 1, 1, 1], before[:, 0, 1, 1, 1])  # no_sink pools all but position 0
    again = scores_of(llama, llama.model, examples).scores
    np.testing.assert_array_equal(before, again)  # the model given is as it was


def test_a_token_drives_the_score_of_its_candidate(qwen2: LoadedModel, examples: list[Example]) -> None:
    amounts = torch.linspace(100, 90000, qwen2.model.config.vocab_size)
    planted = scores_of(qwen2, plant_massive_dimension(qwen2.model, 2, 0, amounts), examples)
    cause = amounts.numpy()[planted.first_token]
    rho = scipy.stats.spearmanr(cause, planted.scores[:, 0, 0, 1, 2, 0]).statistic
    assert len(set(cause)) > 2
    assert rho > 0.999


def test_what_is_not_there_cannot_be_planted_in(llama: LoadedModel) -> None:
    with pytest.raises(BenchmarkError, match=r"no layer 3 .* layers 0 to 2"):
        plant_massive_dimension(llama.model, 3, 0, 1.0)
    with pytest.raises(BenchmarkError, match="no dimension 48"):
        plant_massive_dimension(llama.model, 0, 48, 1.0)
    with pytest.raises(BenchmarkError, match=r"5 magnitudes .* vocabulary of 300"):
        plant_massive_dimension(llama.model, 0, 0, torch.ones(5))
