"""Massive activations: the largest |x| of a vector, against its own median and against that of its whole sequence.

Sun et al. 2024 (arXiv 2402.17762) call an activation massive whose |x| is above 100 and above 1000 times the median of
|x| over the layer's whole hidden state, tokens x hidden. `massive_count` and `max_sequence_ratio` take that median over
the real tokens of one sequence. As in their code it is `torch.median`'s: at an even count, the lower of the two in the
middle. `max_median_ratio` compares a vector with itself alone: numpy's median of |x| of that one token, the midpoint.

A median of zero: its ratio is inf, and NaN where the maximum is zero as well. A value that is not finite makes its own
vector NaN, and counts as a large one in the median of its sequence; extraction reports it as an error.

The order of values is found exactly in every kernel. Non-negative floats order as their bits do, so on a GPU a median
is found from the leading bits on: of a row, in registers, by bisection, bit by bit; of a sequence, by counting how many
values have each next digit of up to 8 bits. bfloat16 has 15 bits that count, the rest 31.
"""

# mypy: disable-error-code="no-untyped-def"
# Triton evaluates the annotations of a kernel, and knows none but tl.constexpr.

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.activations.gpu_language import MAGNITUDE_BITS, jit, tl, triton, warps
from benchmark.activations.group import Floats, Group, Thresholds
from benchmark.activations.sequences import Sequences
from benchmark.activations.tiles import over_threads, over_tiles

NARROW = 128  # below, a whole sort of a row takes less than a partition and two reductions
MEDIAN_ELEMENTS = 1 << 16  # of short sequences that are taken together
DIGITS = {15: ((23, 8), (16, 7)), 31: ((23, 8), (15, 8), (7, 8), (0, 7))}  # of the bits that count: (lowest, how many)
Array = NDArray[Any]


class Massive(Group):
    columns: ClassVar = {
        "max_abs": "max |x|",
        "max_median_ratio": "max |x| over the median of |x| of that token",
        "max_sequence_ratio": "max |x| over the median of |x| of the whole sequence",
        "massive_count": "massive activations of Sun et al. 2024",
    }

    def reference(self, sequence: Floats, thresholds: Thresholds) -> Floats:
        magnitude = np.abs(sequence)
        peak = magnitude.max(-1)
        median = np.sort(magnitude, axis=None)[(magnitude.size - 1) // 2]
        massive = (magnitude > thresholds.absolute) & (magnitude > thresholds.ratio * median)
        columns = (peak, peak / np.median(magnitude, axis=-1), peak / median, massive.sum(-1))
        return np.stack(columns, axis=-1).astype(np.float64)

    def eager(self, rows: Tensor, sequences: Sequences, thresholds: Thresholds) -> Tensor:
        ordered = sequences.each_row(rows, sorted_order if rows.is_cuda else tiled_order)
        median = medians(rows, sequences)[sequences.sequence]
        limit = massive_limit(median, thresholds)
        count = torch.zeros_like(limit)
        some = (ordered[:, 0] > limit).nonzero()[:, 0]  # in few rows one can be massive
        if len(some):
            count[some] = (rows[sequences.row[some]].double().abs() > limit[some, None]).sum(-1).double()
        return columns(ordered, median, count)

    def triton(self, rows: Tensor, sequences: Sequences, thresholds: Thresholds) -> Tensor:
        ordered = sequences.each_row(rows, fused_order)
        median = fused_medians(rows, sequences)[sequences.sequence]
        limit = massive_limit(median, thresholds)
        return columns(ordered, median, fused_count(rows, sequences.row, ordered[:, 0].contiguous(), limit))


GROUP = Massive()


def massive_limit(median: Tensor, thresholds: Thresholds) -> Tensor:
    """float64: what |x| must be strictly above to be massive."""
    return (median * thresholds.ratio).clamp(min=thresholds.absolute)


def columns(ordered: Tensor, median: Tensor, count: Tensor) -> Tensor:
    """float64 [entry, 4] from [entry, 2] (largest |x|, the token's median), the sequence's median, and the count."""
    peak = ordered[:, 0]
    found = torch.stack((peak, peak / ordered[:, 1], peak / median, count), dim=-1)
    return torch.where(peak.isfinite()[:, None], found, torch.nan)


def sorted_order(rows: Tensor) -> Tensor:
    """[row, hidden] on any device -> float64 [row, 2]: the largest |x|, and numpy's median of |x|."""
    width = rows.shape[1]
    ordered = rows.abs().sort(-1).values
    middle = ordered[:, (width - 1) // 2 : width // 2 + 1]
    return torch.stack((ordered[:, -1].double(), middle.double().mean(-1)), dim=-1)


def tiled_order(rows: Tensor) -> Tensor:
    """As `sorted_order` on a CPU: numpy's vectorised partition of the magnitudes, in float32 at least.

    Not every processor has one of 16 bits. It is ten times as fast as torch's sort, kthvalue or median along rows.
    """
    values: Array = (rows if rows.element_size() >= 4 else rows.float()).numpy()
    n, width = values.shape
    low, high = (width - 1) // 2, width // 2
    out = np.empty((n, high - low + 2), dtype=values.dtype)

    def work(start: int, stop: int, size: int) -> None:
        buffer = np.empty((size, width), dtype=values.dtype)
        for at in range(start, stop, size):
            end = min(at + size, stop)
            magnitude = np.abs(values[at:end], out=buffer[: end - at])
            if width < NARROW:
                magnitude.sort(-1)
                out[at:end, 0] = magnitude[:, -1]
                out[at:end, 1:] = magnitude[:, low : high + 1]
                continue
            magnitude.partition(low, -1)  # for one place it is vectorised, for two it is not
            out[at:end, 0] = magnitude[:, low:].max(-1)
            out[at:end, 1] = magnitude[:, low]
            if high > low:
                out[at:end, 2] = magnitude[:, high:].min(-1)

    over_tiles(work, n, width)
    found = torch.from_numpy(out).double()
    return torch.stack((found[:, 0], found[:, 1:].mean(-1)), dim=-1)


def medians(rows: Tensor, sequences: Sequences) -> Tensor:
    """float64 [sequence]: the lower median of |x| over all entries of each sequence."""
    stacks = sequences.stacked(max(1, MEDIAN_ELEMENTS // rows.shape[1]))
    if rows.is_cuda:
        found = rows.new_empty(len(sequences))
        for numbers, where in stacks:
            magnitude = rows[where].abs().view(len(numbers), -1)
            found[numbers.to(rows.device)] = magnitude.kthvalue((magnitude.shape[1] + 1) // 2).values
        return found.double()
    values: Array = (rows if rows.element_size() >= 4 else rows.float()).numpy()
    median = np.empty(len(sequences))

    def work(start: int, stop: int) -> None:
        for numbers, where in stacks[start:stop]:
            part = values[where if isinstance(where, slice) else where.numpy()]
            magnitude = np.abs(part).reshape(len(numbers), -1)
            middle = (magnitude.shape[1] - 1) // 2
            magnitude.partition(middle, -1)
            median[numbers.numpy()] = magnitude[:, middle]

    over_threads(work, len(stacks), len(stacks))
    return torch.from_numpy(median)


@jit
def row_order(x, out, stride_row, stride_column, WIDTH: tl.constexpr, BLOCK: tl.constexpr, BISECTIONS: tl.constexpr):
    """Program r: row r of `x` [row, WIDTH] -> `out` float64 [row, 2], as `sorted_order`.

    The largest v with count(|x| < v) <= k is the k-th smallest magnitude.
    """
    row = tl.program_id(0).to(tl.int64)
    offsets = tl.arange(0, BLOCK)
    valid = offsets < WIDTH
    value = tl.load(x + row * stride_row + offsets * stride_column, mask=valid, other=0.0).to(tl.float32)
    bits = value.to(tl.int32, bitcast=True) & 0x7FFFFFFF
    peak_bits = tl.max(bits, axis=0)
    K: tl.constexpr = (WIDTH - 1) // 2
    ordered = tl.where(valid, bits, 0x7FFFFFFF)
    lower = peak_bits * 0
    for step in range(BISECTIONS):
        trial = lower | (1 << (30 - step))
        below = tl.sum((ordered < trial).to(tl.int32), axis=0)
        lower = tl.where(below <= K, trial, lower)
    upper = lower
    if WIDTH % 2 == 0:
        reached = tl.sum((ordered <= lower).to(tl.int32), axis=0)
        following = tl.min(tl.where(ordered > lower, ordered, 0x7FFFFFFF), axis=0)
        upper = tl.where(reached > K + 1, lower, following)
    middle = lower.to(tl.float32, bitcast=True).to(tl.float64) + upper.to(tl.float32, bitcast=True).to(tl.float64)
    tl.store(out + row * 2, peak_bits.to(tl.float32, bitcast=True).to(tl.float64))
    tl.store(out + row * 2 + 1, middle * 0.5)


@jit
def digit_counts(
    x,
    entry_row,
    entry_sequence,
    leading,
    counts,
    stride_row,
    stride_column,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    LOWEST: tl.constexpr,
    BITS: tl.constexpr,
):
    """Program e: adds to `counts` int32 [sequence, 2 ** BITS] how often the entry's |x| have each digit.

    The digit is the BITS bits from LOWEST on, of those values whose bits before it are `leading` int32 [sequence].
    """
    entry = tl.program_id(0)
    row = tl.load(entry_row + entry)
    sequence = tl.load(entry_sequence + entry)
    offsets = tl.arange(0, BLOCK)
    valid = offsets < WIDTH
    value = tl.load(x + row * stride_row + offsets * stride_column, mask=valid, other=0.0).to(tl.float32)
    bits = value.to(tl.int32, bitcast=True) & 0x7FFFFFFF
    inside = valid & ((bits >> LOWEST) >> BITS == tl.load(leading + sequence))
    found = tl.histogram((bits >> LOWEST) & ((1 << BITS) - 1), 1 << BITS, mask=inside)
    digits = tl.arange(0, 1 << BITS)
    tl.atomic_add(counts + sequence * (1 << BITS) + digits, found, mask=found > 0)


@jit
def massive_count(x, entry_row, peak, limit, out, stride_row, stride_column, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    """Program e: how many |x| of the entry's row are above its float64 `limit` -> `out` float64 [entry]."""
    entry = tl.program_id(0)
    above = tl.load(limit + entry)
    count = 0
    if tl.load(peak + entry) > above:
        row = tl.load(entry_row + entry)
        offsets = tl.arange(0, BLOCK)
        valid = offsets < WIDTH
        value = tl.load(x + row * stride_row + offsets * stride_column, mask=valid, other=0.0)
        count = tl.sum((valid & (tl.abs(value.to(tl.float64)) > above)).to(tl.int32), axis=0)
    tl.store(out + entry, count * 1.0)


def fused_order(rows: Tensor) -> Tensor:
    """As `sorted_order`, on a GPU."""
    n, width = rows.shape
    out = torch.empty((n, 2), dtype=torch.float64, device=rows.device)
    block = triton.next_power_of_2(width)
    steps = MAGNITUDE_BITS[rows.dtype]
    row_order[(n,)](rows, out, *rows.stride(), WIDTH=width, BLOCK=block, BISECTIONS=steps, num_warps=warps(block))
    return out


def fused_medians(rows: Tensor, sequences: Sequences) -> Tensor:
    """As `medians`, on a GPU, without waiting for it."""
    width = rows.shape[1]
    block = triton.next_power_of_2(width)
    rank = ((sequences.length * width - 1) // 2)[:, None]
    leading = torch.zeros(len(sequences), dtype=torch.int32, device=rows.device)
    total = MAGNITUDE_BITS[rows.dtype]
    for lowest, bits in DIGITS[total]:
        counts = torch.zeros((len(sequences), 1 << bits), dtype=torch.int32, device=rows.device)
        digit_counts[(sequences.bounds[-1],)](
            rows,
            sequences.entry_row,
            sequences.entry_sequence,
            leading,
            counts,
            *rows.stride(),
            WIDTH=width,
            BLOCK=block,
            LOWEST=lowest,
            BITS=bits,
            num_warps=warps(block),
        )
        reached = counts.cumsum(1)
        below = reached <= rank
        rank = rank - torch.where(below, counts, 0).sum(1, keepdim=True)
        leading = (leading << bits) | below.sum(1, dtype=torch.int32)
    return (leading << (31 - total)).view(torch.float32).double()


def fused_count(rows: Tensor, row: Tensor, peak: Tensor, limit: Tensor) -> Tensor:
    """float64 [entry]: how many |x| of `rows[row]` are above `limit` [entry], on a GPU."""
    out = torch.empty_like(limit)
    width = rows.shape[1]
    block = triton.next_power_of_2(width)
    massive_count[(len(row),)](
        rows, row, peak, limit, out, *rows.stride(), WIDTH=width, BLOCK=block, num_warps=warps(block)
    )
    return out
