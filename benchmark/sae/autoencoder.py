"""A dictionary of features: each activation vector is written as a sum of a few of its directions.

dictionary = Autoencoder.read(path)
features = dictionary.encode(rows)     float32 [token, width], 0 where a feature is silent
dictionary.decode(features)            float32 [token, hidden], the reconstruction, in the model's own units

BatchTopK (Bussmann, Leask and Nanda 2024, arXiv 2412.06410): in training a batch of b tokens keeps the b times `active`
largest activations, wherever they fall; afterwards a feature counts where it exceeds `threshold`. So tokens differ in
how many features they have. With plain TopK every token has as many, and that number could tell candidates apart in
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from benchmark.errors import BenchmarkError
from benchmark.storage import atomic


@dataclass(frozen=True, slots=True)
class Autoencoder:
    """`encoder` [width, hidden] and `encoder_bias` [width]; `decoder` [width, hidden], rows of length one, and
    `decoder_bias` [hidden]: of vectors from which `mean` [hidden] was taken and which were divided by `scale` [], so
    that their coordinates have a variance of 1 on average. `threshold` []: an activation below it is 0. All float32.
    """

    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    decoder_bias: Tensor
    mean: Tensor
    scale: Tensor
    threshold: Tensor

    @property
    def width(self) -> int:
        return len(self.encoder)

    def to(self, device: torch.device) -> Autoencoder:
        return Autoencoder(*(getattr(self, each.name).to(device) for each in fields(self)))

    def normalise(self, rows: Tensor) -> Tensor:
        return (rows - self.mean) / self.scale

    def encode(self, rows: Tensor) -> Tensor:
        """Of activation vectors [token, hidden], in the model's own units."""
        found = activations(self.normalise(rows.float()), self.encoder, self.encoder_bias, self.decoder_bias)
        return torch.where(found >= self.threshold, found, 0.0)

    def decode(self, features: Tensor) -> Tensor:
        return (features @ self.decoder + self.decoder_bias) * self.scale + self.mean

    def errors(self, rows: Tensor, features: Tensor) -> Tensor:
        """The squared distance [token] of each of `rows` from its reconstruction, over the mean squared distance of
        the training vectors from their mean: 0 is perfect, 1 as good as always the mean.
        """
        return ((rows.float() - self.decode(features)) / self.scale).square().mean(dim=1)

    def write(self, path: Path) -> None:
        with atomic(path) as file:
            file.write(save({each.name: getattr(self, each.name).cpu().contiguous() for each in fields(self)}))

    @classmethod
    def read(cls, path: Path) -> Autoencoder:
        """Reads what `write` wrote; raises `BenchmarkError` for a file that is missing or damaged."""
        return cls(**read_tensors(path, [each.name for each in fields(cls)]))


def read_tensors(path: Path, names: list[str]) -> dict[str, Tensor]:
    """The tensors `names` of a safetensors file, and no others; raises `BenchmarkError` where it has not just these."""
    try:
        found: dict[str, Tensor] = load_file(path)
    except FileNotFoundError as error:
        raise BenchmarkError(f"{path} is missing: run the stage that makes it (`dvc repro`)") from error
    except (SafetensorError, OSError) as error:
        raise BenchmarkError(f"{path} is damaged ({error}): delete it and run the stage that makes it") from error
    if sorted(found) != sorted(names):
        raise BenchmarkError(f"{path} holds other tensors than it should: delete it and run the stage that makes it")
    return found


def chunks(rows: Tensor, size: int) -> Iterator[Tensor]:
    """`rows` [token, ...], so many at a time: it bounds memory."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def activations(rows: Tensor, encoder: Tensor, encoder_bias: Tensor, decoder_bias: Tensor) -> Tensor:
    """What each feature answers to normalised `rows` [token, hidden]: [token, width], none below 0."""
    return torch.relu(torch.addmm(encoder_bias, rows - decoder_bias, encoder.T))


def smallest_kept(found: Tensor, active: int) -> Tensor:
    """The smallest of the `active` times token largest values of `found` [token, width]; [] float32.

    Infinite where nothing is above 0.
    """
    above = found[found > 0]
    count = min(active * len(found), len(above))
    if not count:
        return found.new_tensor(torch.inf)
    if found.device.type == "cpu":  # numpy selects some ten times as fast there
        return torch.from_numpy(np.partition(above.numpy(), len(above) - count))[-count]
    return above.topk(count, sorted=False).values.min()
