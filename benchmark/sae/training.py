"""Training a dictionary: the same rows, settings and seed give the same bytes, whether or not it was killed on the way.

    outcome = train(rows, settings, seed, checkpoint)

Adam on the share of the batch's variance that is not explained, and `auxiliary` times as much of what the features that
have been silent for `dead_after` tokens leave of the rest (Gao et al. 2024, arXiv 2406.04093). The rate falls to 0 over
the last fifth of the steps. A decoder's rows keep their length of one, and `threshold` is set once
they are there, so that it keeps `active` features a token of the training rows.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.progress import progress_bar
from benchmark.sae.autoencoder import Autoencoder, activations, chunks, read_tensors, smallest_kept
from benchmark.seeds import generator
from benchmark.storage import atomic

warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")
WEIGHTS = ("encoder", "encoder_bias", "decoder", "decoder_bias")
MOMENTS = tuple(f"{name}.{moment}" for name in WEIGHTS for moment in ("exp_avg", "exp_avg_sq"))
COUNTS = ("step", "silent")
EVERY = 30.0
"""Seconds between two checkpoints: what a kill can cost."""
DECAY = 0.2
"""The share of the steps, the last ones, over which the rate falls to 0."""
BETAS, EPSILON = (0.9, 0.999), 1e-8
SAMPLE = 16
"""Batches of training rows from which the threshold is taken."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`width`: features; `active`: of them a token, on average; `batch`: tokens of a step; `dead_after`: tokens."""

    width: int
    active: int
    epochs: int
    batch: int
    learning_rate: float
    auxiliary: float
    dead_after: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """`alive`: the share of features that were active in the last pass over the training rows."""

    autoencoder: Autoencoder
    alive: float


def train(rows: Tensor, settings: Settings, seed: int, checkpoint: Path, label: str = "sae") -> Outcome:
    """A dictionary for activation vectors `rows` float32 [token, hidden], on their device.

    Raises `BenchmarkError` where the rows are fewer than a batch, not finite, or all the same.
    """
    mean, scale = _moments(rows)
    if len(rows) < settings.batch:
        raise BenchmarkError(f"{label}: {len(rows)} tokens are fewer than a batch of {settings.batch}: lower batch")
    if not bool(scale.isfinite()):
        raise BenchmarkError(f"{label}: an activation is not finite: use another layer, or dtype float32")
    if not bool(scale > 0):
        raise BenchmarkError(f"{label}: the activations of all tokens are the same: use another layer")
    steps = settings.epochs * steps_of(len(rows), settings)
    start = _read(checkpoint, rows.device) or _first(rows, settings, seed)
    state = _State(start, mean, scale, settings, steps)
    saved = time.monotonic()
    with progress_bar(state.steps * settings.batch, label, "token", initial=state.step * settings.batch) as progress:
        for batch in _batches(len(rows), settings, seed, state.step):
            state.learn(rows[torch.from_numpy(batch).to(rows.device)])
            progress.update(settings.batch)
            if time.monotonic() - saved > EVERY:
                state.write(checkpoint)
                saved = time.monotonic()
    found = state.autoencoder(rows)
    if not all(bool(getattr(found, name).isfinite().all()) for name in WEIGHTS):
        raise BenchmarkError(f"{label}: training diverged: lower its learning_rate")
    return Outcome(found, float((state.silent < steps_of(len(rows), settings) * settings.batch).double().mean()))


def steps_of(rows: int, settings: Settings) -> int:
    """Steps of one pass over the rows; what is left over waits for the next, in another order."""
    return rows // settings.batch


def _batches(rows: int, settings: Settings, seed: int, done: int) -> Iterator[NDArray[np.int64]]:
    """The rows of every step from the `done`-th on: a random order of all of them for each pass."""
    each = steps_of(rows, settings)
    for epoch in range(done // each, settings.epochs):
        order = generator(seed, "sae", "rows", epoch).permutation(rows)
        for step in range(done - epoch * each if epoch == done // each else 0, each):
            yield np.sort(order[step * settings.batch : (step + 1) * settings.batch])


class _State:
    """Weights, Adam's moments and what has to be counted: all that a checkpoint holds."""

    def __init__(self, tensors: dict[str, Tensor], mean: Tensor, scale: Tensor, settings: Settings, steps: int) -> None:
        self.weights = {name: tensors[name] for name in WEIGHTS}
        self.mean, self.scale, self.settings, self.steps = mean, scale, settings, steps
        self.step = int(tensors["step"])
        self.silent = tensors["silent"]
        self.adam = torch.optim.Adam([*self.weights.values()], settings.learning_rate, BETAS, EPSILON)
        for name, weight in self.weights.items():
            moments = {moment: tensors[f"{name}.{moment}"] for moment in ("exp_avg", "exp_avg_sq")}
            self.adam.state[weight] = {"step": torch.tensor(float(self.step)), **moments}

    def learn(self, rows: Tensor) -> None:
        """One step on a batch of `rows` [batch, hidden], in the model's own units."""
        dead = (self.silent >= self.settings.dead_after).nonzero()[:, 0]
        gradient, kept = gradients((rows - self.mean) / self.scale, self.weights, self.settings, dead)
        decoder = self.weights["decoder"]
        along = torch.linalg.vecdot(gradient["decoder"], decoder)  # only a row's length would follow it
        gradient["decoder"] -= along[:, None] * decoder
        for name, weight in self.weights.items():
            weight.grad = gradient[name]
        left = (self.steps - self.step) / (DECAY * self.steps)
        self.adam.param_groups[0]["lr"] = self.settings.learning_rate * min(1.0, left)
        self.adam.step()
        decoder /= decoder.norm(dim=1, keepdim=True)
        self.silent += len(rows)
        self.silent[kept] = 0
        self.step += 1

    def autoencoder(self, rows: Tensor) -> Autoencoder:
        """What was learned, with the threshold that its training rows give."""
        weights = {name: weight.clone() for name, weight in self.weights.items()}
        batches = islice(chunks(rows, self.settings.batch), SAMPLE)
        found = (
            activations((part - self.mean) / self.scale, *(weights[name] for name in WEIGHTS if name != "decoder"))
            for part in batches
        )
        threshold = torch.stack([smallest_kept(each, self.settings.active) for each in found]).mean()
        return Autoencoder(**weights, mean=self.mean, scale=self.scale, threshold=threshold)

    def write(self, checkpoint: Path) -> None:
        moments = {
            f"{name}.{moment}": self.adam.state[weight][moment]
            for name, weight in self.weights.items()
            for moment in ("exp_avg", "exp_avg_sq")
        }
        counts = {"step": torch.tensor(self.step), "silent": self.silent}
        tensors = self.weights | moments | counts
        with atomic(checkpoint) as file:
            file.write(save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}))


def gradients(
    x: Tensor, weights: Mapping[str, Tensor], settings: Settings, dead: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """The gradient of what a step makes smaller, by weight; and the features that the batch keeps, int64 [kept].

    `x` [token, hidden] is normalised; `dead` int64 [feature]. What is made smaller: the share of the variance of `x`
    that the features kept do not explain, and `auxiliary` times the share of what they leave that the hidden / 2
    largest activations of dead features do not explain (Gao et al. 2024, appendix A.2). It is written out, for in all
    products but the first only the few features kept take part, which autograd does not know.
    """
    decoder, inside = weights["decoder"], x - weights["decoder_bias"]
    found = activations(x, weights["encoder"], weights["encoder_bias"], weights["decoder_bias"])
    token, feature = (found >= smallest_kept(found, settings.active)).nonzero().unbind(1)
    kept = _compressed(token, feature, found[token, feature], found.shape)
    rest = x - (kept @ decoder + weights["decoder_bias"])
    outer = rest * (-2 / _variation(x))
    inner = torch.sparse.sampled_addmm(kept, outer, decoder.T, beta=0.0)
    order = feature.argsort(stable=True)
    of_decoder, of_encoder = (
        _compressed(feature[order], token[order], each.values()[order], found.T.shape) for each in (kept, inner)
    )
    gradient = {
        "encoder": of_encoder @ inside,
        "encoder_bias": (of_encoder @ torch.ones_like(x[:, :1]))[:, 0],
        "decoder": of_decoder @ outer,
        "decoder_bias": outer.sum(dim=0),
    }
    if len(dead) and settings.auxiliary:
        answers = found[:, dead]
        values, places = answers.topk(min(x.shape[1] // 2, len(dead)), dim=1, sorted=False)
        own = torch.zeros_like(answers).scatter(1, places, values)
        outer = (rest - own @ decoder[dead]) * (-2 * settings.auxiliary / _variation(rest))
        back = (outer @ decoder[dead].T) * (own > 0)
        gradient["decoder"][dead] += own.T @ outer
        gradient["encoder"][dead] += back.T @ inside
        gradient["encoder_bias"][dead] += back.sum(dim=0)
    gradient["decoder_bias"] -= gradient["encoder_bias"] @ weights["encoder"]
    return gradient, feature


def _compressed(row: Tensor, column: Tensor, values: Tensor, shape: torch.Size) -> Tensor:
    """A sparse CSR matrix; `row` rises."""
    starts = torch.zeros(shape[0] + 1, dtype=torch.int64, device=row.device)
    starts[1:] = torch.bincount(row, minlength=shape[0]).cumsum(0)
    return torch.sparse_csr_tensor(starts, column, values, shape, check_invariants=False)


def _first(rows: Tensor, settings: Settings, seed: int) -> dict[str, Tensor]:
    """Random directions, at which the encoder looks as well."""
    hidden = rows.shape[1]
    drawn = generator(seed, "sae", "weights").standard_normal((settings.width, hidden), dtype=np.float32)
    decoder = torch.from_numpy(drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).to(rows.device)
    weights = {
        "encoder": decoder.clone(),
        "encoder_bias": rows.new_zeros(settings.width),
        "decoder": decoder,
        "decoder_bias": rows.new_zeros(hidden),
    }
    moments = {name: torch.zeros_like(weights[name.partition(".")[0]]) for name in MOMENTS}
    silent = torch.zeros(settings.width, dtype=torch.int64, device=rows.device)
    return weights | moments | {"step": torch.tensor(0), "silent": silent}


def _read(checkpoint: Path, device: torch.device) -> dict[str, Tensor] | None:
    """What the checkpoint holds; None where there is none, or none that can be read."""
    if not checkpoint.exists():
        return None
    try:
        tensors = read_tensors(checkpoint, [*WEIGHTS, *MOMENTS, *COUNTS])
    except BenchmarkError:  # a disk that lost a renamed file's blocks: begin again
        checkpoint.unlink()
        return None
    return {name: tensor.to(device) for name, tensor in tensors.items()}


def _moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The mean [hidden] of rows, and their root mean square distance from it for a coordinate []."""
    mean = rows.mean(dim=0, dtype=torch.float64)
    total = sum((part.double() - mean).square().sum() for part in chunks(rows, 65536))
    scale = (torch.as_tensor(total) / rows.numel()).sqrt()
    return mean.float(), scale.float()


def _variation(rows: Tensor) -> Tensor:
    """The summed squared distance of rows from their mean [], never 0."""
    return (rows - rows.mean(dim=0)).square().sum().clamp_min(torch.finfo(rows.dtype).tiny)
