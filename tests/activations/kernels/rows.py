"""Vectors that have broken kernels before, and the comparison that every kernel must pass."""

import numpy as np
import torch
from torch import Tensor

from benchmark.activations.group import Thresholds
from benchmark.activations.kernels import Kernel
from benchmark.activations.sequences import Sequences
from benchmark.activations.statistics import reference

MOMENTS = ("mean", "variance", "skewness", "kurtosis")
MASSIVE = ("max_abs", "max_median_ratio", "max_sequence_ratio", "massive_count")
EVERY = (*MOMENTS, *MASSIVE)
EXACT = ("max_abs", "massive_count")
RATIOS = ("max_median_ratio", "max_sequence_ratio")
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
WIDTHS = (1, 2, 3, 8, 63, 64, 65, 100, 128, 129)


def awkward_rows(width: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    """[row, width]: normal, shifted, scaled, massive at the ends and within, ties, equal, zero, sparse, +-0."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(8, width, generator=generator)
    rows = [*normal[:2], normal[2] * 1e-3 + 300, normal[3] * 1e-4, normal[4] * 30]
    for index in {0, width // 2, width - 1}:
        row = normal[5].clone()
        row[index] = -6e4
        rows.append(row)
    rows += [normal[6].round(), torch.full((width,), 0.1), torch.full((width,), -3.0), torch.zeros(width)]
    sparse = torch.zeros(width)
    sparse[width // 3] = 200.0
    signed = torch.where(normal[7] > 0, 0.0, -0.0)
    mixed = torch.where(normal[7] > 0, 2.0, -2.0)
    rows += [sparse, signed, mixed]
    if dtype == torch.float32:
        rows += [normal[0] * 1e15, normal[0] * 1e-15, normal[1] + 1e5]
    return torch.stack(rows).to(dtype)


def in_sequences(count: int) -> Sequences:
    """`count` rows in sequences of 1, 2, 3 ... rows; some are not wanted, but count in their sequence."""
    bounds = [0]
    while bounds[-1] < count:
        bounds.append(min(count, bounds[-1] + len(bounds)))
    wanted = torch.arange(count)
    return Sequences(tuple(bounds), wanted=wanted[wanted % 5 != 3])


def shared(count: int) -> Sequences:
    """Three sequences of `count` rows: all of them backwards, the first half twice over, one row alone."""
    half = torch.arange(count // 2 + 1)
    rows = torch.cat([torch.arange(count).flip(0), half, half, torch.tensor([count - 1])])
    bounds = (0, count, count + 2 * len(half), len(rows))
    wanted = torch.arange(len(rows))
    return Sequences(bounds, rows=rows, wanted=wanted[wanted % 3 > 0])


def expected(rows: Tensor, sequences: Sequences, thresholds: Thresholds) -> np.ndarray:
    """The reference, sequence by sequence: float64 [wanted entry, statistic of `EVERY`]."""
    values = rows.double().cpu().numpy()
    row = np.arange(len(values)) if sequences.rows is None else sequences.rows.cpu().numpy()
    entries = values[row]
    found = [
        reference(entries[a:b], EVERY, thresholds) for a, b in zip(sequences.bounds, sequences.bounds[1:], strict=False)
    ]
    every: np.ndarray = np.concatenate(found)
    return every if sequences.wanted is None else every[sequences.wanted.cpu().numpy()]


def assert_as_reference(
    kernel: Kernel,
    rows: Tensor,
    thresholds: Thresholds | None = None,
    sequences: Sequences | None = None,
    rtol: float = 2e-5,
) -> None:
    """`kernel` equals the float64 reference: exactly where it selects or counts, else to float32's precision."""
    limits = thresholds or Thresholds()
    sequences = Sequences.alone(rows) if sequences is None else sequences
    want = expected(rows, sequences, limits)
    got = kernel(rows, sequences, limits, EVERY).cpu().numpy()
    assert got.dtype == np.float64
    values = {name: (got[:, column], want[:, column]) for column, name in enumerate(EVERY)}
    for name in EXACT:
        np.testing.assert_array_equal(*values[name], err_msg=name)
    for name in RATIOS:
        np.testing.assert_allclose(*values[name], rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(*values["variance"], rtol=rtol)
    deviation = np.sqrt(np.nan_to_num(values["variance"][1]))
    error = np.abs(values["mean"][0] - values["mean"][1])
    assert (np.nan_to_num(error) <= 1e-5 * deviation + 1e-7 * np.abs(np.nan_to_num(values["mean"][1]))).all()
    np.testing.assert_array_equal(np.isnan(values["mean"][0]), np.isnan(values["mean"][1]))
    for name in ("skewness", "kurtosis"):
        np.testing.assert_allclose(*values[name], rtol=rtol, atol=rtol, err_msg=name)
