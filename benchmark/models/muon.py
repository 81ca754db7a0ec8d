"""Muon: a matrix is moved along the orthogonalised momentum of its gradient, all directions as fast.

    Muon([matrix, ...], lr=3e-3).step()

As `torch.optim.Muon(..., adjust_lr_fn="match_rms_adamw")`, but in float32, and all matrices of one shape at once:
torch's own computes in bfloat16, which takes longer than the model itself on a processor without such arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration (Jordan et al. 2024)
ITERATIONS = 5
EPSILON = 1e-7
RMS_OF_ADAM = 0.2  # root mean square of an Adam update over its learning rate (Liu et al. 2025, arXiv 2502.16982)


def orthogonalise(matrices: Tensor) -> Tensor:
    """[n, rows, columns], rows <= columns: each matrix with singular values near 1, by Newton-Schulz iteration."""
    a, b, c = COEFFICIENTS
    x: Tensor = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp(min=EPSILON)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x


class Muon(torch.optim.Optimizer):
    """For matrices alone, not for embeddings, biases or norms. Its learning rate means what AdamW's does."""

    def __init__(self, params: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.01) -> None:
        super().__init__(list(params), {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Moves every parameter, all of which must have a gradient."""
        for group in self.param_groups:
            by_shape = sorted(group["params"], key=lambda matrix: sorted(matrix.shape))
            for shape, same in groupby(by_shape, key=lambda matrix: sorted(matrix.shape)):
                matrices = list(same)
                updates = torch.stack([_wide(self._update(matrix, group["momentum"])) for matrix in matrices])
                rate = group["lr"] * RMS_OF_ADAM * math.sqrt(shape[-1])
                for matrix, update in zip(matrices, orthogonalise(updates), strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"])
                    matrix.sub_(update if matrix.shape == update.shape else update.T, alpha=rate)

    def _update(self, matrix: Tensor, momentum: float) -> Tensor:
        """Nesterov's momentum of the gradient."""
        state = self.state[matrix]
        average = state.setdefault("average", torch.zeros_like(matrix))
        average.lerp_(matrix.grad, 1 - momentum)
        return matrix.grad.lerp(average, momentum)  # type: ignore[union-attr]


def _wide(matrix: Tensor) -> Tensor:
    return matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
