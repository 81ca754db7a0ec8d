"""What is timed: a random Llama of a given shape, a batch of equal rows, and every way to extract from it.

    work = ExtractionWork(Shape(layers=8, hidden=512, rows=16, tokens=128), torch.float32)
    interleaved_ratio(lambda: work.extract(("causal",)), work.forward, rounds=20)

Time depends on shapes and dtypes, not on weights. All rows are of one length, so that nothing but the extraction
differs from the bare forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import scipy.stats
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from benchmark.activations.capture import Capture
from benchmark.activations.distinct import places_do_not_matter
from benchmark.activations.extraction import score_batch
from benchmark.activations.group import Thresholds
from benchmark.activations.kernels import choose_kernel
from benchmark.activations.masks import mask_strategy
from benchmark.models.decoder import find_decoder
from benchmark.tasks.tokens import Tokens

EVERY = (
    "mean",
    "variance",
    "skewness",
    "kurtosis",
    "max_abs",
    "max_median_ratio",
    "max_sequence_ratio",
    "massive_count",
)
VOCABULARY = 1024
DISTINCT_SHARE = 0.4
"""Of the ids that a batch draws from, to its tokens; a third of the tokens are then distinct, as of real sentences."""
CHOICES, TARGET = 4, 4
"""Targets, and the tokens of each."""
TOKEN_BUDGET = 4096


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder and a batch; `mlp` and `heads` as Llama has them at this width unless given."""

    layers: int
    hidden: int
    rows: int
    tokens: int
    mlp: int = 0
    heads: int = 0
    kv_heads: int = 0

    def config(self, vocabulary: int = VOCABULARY) -> LlamaConfig:
        heads = self.heads or max(1, self.hidden // 64)
        return LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.mlp or self.hidden * 43 // 16,
            num_hidden_layers=self.layers,
            num_attention_heads=heads,
            num_key_value_heads=self.kv_heads or heads,
            max_position_embeddings=max(self.tokens, 64),
        )


STANDARD = Shape(layers=8, hidden=512, rows=16, tokens=128)
LLAMA_3B_LAYER = Shape(layers=1, hidden=3072, rows=4, tokens=128, mlp=8192, heads=24, kv_heads=8)
SMALL = Shape(layers=3, hidden=256, rows=8, tokens=64)


def random_model(shape: Shape, vocabulary: int = VOCABULARY) -> LlamaForCausalLM:
    """A Llama of that shape, float32 on a CPU, in evaluation mode; the same weights each time."""
    torch.manual_seed(0)
    model = LlamaForCausalLM._from_config(shape.config(vocabulary), attn_implementation="sdpa")
    return cast(LlamaForCausalLM, model.eval())


class ExtractionWork:
    """A model in `dtype` and one batch; every method runs it once."""

    def __init__(
        self,
        shape: Shape,
        dtype: torch.dtype,
        kernel: str = "auto",
        device: torch.device | None = None,
        sites: Sequence[str] = ("mlp_output",),
    ) -> None:
        self.device = device or torch.device("cpu")
        self.model: nn.Module = random_model(shape).to(self.device, dtype)
        self.decoder = find_decoder(self.model)
        generator = np.random.default_rng(0)
        ids = generator.integers(1, 2 + int(DISTINCT_SHARE * shape.rows * shape.tokens), (shape.rows, shape.tokens))
        choices = generator.integers(1, VOCABULARY, (CHOICES, TARGET))
        n_input = shape.tokens - min(TARGET, shape.tokens // 2)
        ids[:, n_input:] = choices[generator.integers(0, CHOICES, shape.rows), : shape.tokens - n_input]
        self.tokens = [Tokens(tuple(row.tolist()), n_input) for row in ids]
        self.ids = torch.from_numpy(ids).to(self.device)
        self.kernel = choose_kernel(kernel, self.device)
        self.sites = dict.fromkeys(sites, EVERY)

    def _finish(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    @torch.inference_mode()
    def forward(self) -> None:
        """The bare forward pass: causal, no lm_head, no cache."""
        self.decoder.base(input_ids=self.ids, use_cache=False)
        self._finish()

    def extract(self, masks: Sequence[str], *, plain: bool = False) -> None:
        """Every statistic of every layer under `masks`, as `extraction.extract` takes them from a batch."""
        with Capture(self.decoder, self.sites, self.kernel, Thresholds(), ("mean",)) as capture:
            strategies = [mask_strategy(name) for name in masks]
            apart = not plain and places_do_not_matter(self.decoder, len(self.tokens[0]), self.device)
            score_batch(capture, self.tokens, strategies, 0, self.device, TOKEN_BUDGET, apart, plain)
        self._finish()

    @torch.inference_mode()
    def stored_then_scipy(self) -> None:
        """The naive way: keep every MLP output, then numpy and scipy."""
        kept: list[Tensor] = []
        handles = [mlp.register_forward_hook(lambda m, a, out: kept.append(out)) for mlp in self.decoder.mlps]
        self.decoder.base(input_ids=self.ids, use_cache=False)
        for handle in handles:
            handle.remove()
        for output in kept:
            values = output.float().cpu().numpy()
            magnitude = np.abs(values)
            median = np.median(magnitude, axis=(1, 2), keepdims=True)
            columns = (
                values.mean(-1),
                values.var(-1),
                scipy.stats.skew(values, axis=-1),
                scipy.stats.kurtosis(values, axis=-1),
                magnitude.max(-1),
                magnitude.max(-1) / np.median(magnitude, axis=-1),
                magnitude.max(-1) / median[..., 0],
                ((magnitude > 100) & (magnitude > 1000 * median)).sum(-1),
            )
            np.stack(columns, axis=-1).mean(1)

    @torch.inference_mode()
    def torch_in_hooks(self) -> list[Tensor]:
        """The other naive way: textbook torch inside hooks; of each layer [batch, statistic]."""
        pooled: list[Tensor] = []

        def reduce(module: nn.Module, arguments: object, output: Tensor) -> None:
            pooled.append(naive_torch(output))

        handles = [mlp.register_forward_hook(reduce) for mlp in self.decoder.mlps]
        self.decoder.base(input_ids=self.ids, use_cache=False)
        for handle in handles:
            handle.remove()
        self._finish()
        return pooled


def naive_torch(output: Tensor) -> Tensor:
    """What one writes down first: [batch, token, hidden] -> pooled statistics [batch, statistic]."""
    x = output.float()
    mean = x.mean(-1, keepdim=True)
    deviation = x - mean
    variance = deviation.pow(2).mean(-1)
    magnitude = x.abs()
    median = magnitude.median(-1).values
    whole = magnitude.flatten(1).median(-1).values[:, None]
    columns = (
        mean[..., 0],
        variance,
        deviation.pow(3).mean(-1) / variance.pow(1.5),
        deviation.pow(4).mean(-1) / variance.pow(2) - 3,
        magnitude.amax(-1),
        magnitude.amax(-1) / median,
        magnitude.amax(-1) / whole,
        ((magnitude > 100) & (magnitude > 1000 * whole[..., None])).sum(-1).float(),
    )
    assert len(columns) == len(EVERY)
    return torch.stack(columns, dim=-1).mean(1)
