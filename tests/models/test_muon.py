"""Muon: against torch's own, which computes in bfloat16, and against the singular value decomposition."""

from __future__ import annotations

import pytest
import torch

from benchmark.models.muon import Muon, orthogonalise

SHAPES = ((6, 6), (4, 12), (12, 4), (12, 4))


def _parameters(seed: int) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in SHAPES]


def test_steps_are_those_of_torch_within_the_precision_of_bfloat16() -> None:
    ours, theirs = _parameters(1), _parameters(1)
    one = Muon(ours, lr=0.01, momentum=0.9, weight_decay=0.1)
    other: torch.optim.Optimizer = torch.optim.Muon(
        theirs, lr=0.01, momentum=0.9, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    generator = torch.Generator().manual_seed(2)
    for _ in range(5):
        for mine, its in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape, generator=generator)
            its.grad = mine.grad.clone()
        one.step()
        other.step()
    for mine, its, start in zip(ours, theirs, _parameters(1), strict=True):
        moved = (its - start).norm()
        assert (mine - its).norm() < 0.02 * moved
        assert moved > 0.03


@pytest.mark.parametrize("shape", [(5, 5), (3, 11), (1, 4)])
def test_singular_values_come_near_one_and_their_vectors_stay(shape: tuple[int, int]) -> None:
    matrix = torch.randn((2, *shape), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    values = left.mT @ orthogonalise(matrix) @ right.mT
    diagonal = values.diagonal(dim1=1, dim2=2)
    assert torch.allclose(values, torch.diag_embed(diagonal), atol=1e-6)
    assert 0.6 < diagonal.min() <= diagonal.max() < 1.3


def test_a_zero_gradient_moves_nothing_but_the_decay() -> None:
    (matrix, *_) = _parameters(4)
    before = matrix.detach().clone()
    matrix.grad = torch.zeros_like(matrix)
    Muon([matrix], lr=0.1, weight_decay=0.5).step()
    assert torch.allclose(matrix, before * 0.95)


def test_the_number_of_matrices_of_a_shape_does_not_matter() -> None:
    together, alone = _parameters(5), _parameters(5)
    for matrix, twin in zip(together, alone, strict=True):
        matrix.grad = matrix.detach().cos()
        twin.grad = twin.detach().cos()
        Muon([twin], lr=0.1).step()
    Muon(together, lr=0.1).step()
    for matrix, twin in zip(together, alone, strict=True):
        assert torch.allclose(matrix, twin, atol=1e-6)
