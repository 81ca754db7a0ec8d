"""Extraction over a bare forward pass of the same batch, against the targets and against the ways others do it.

A case fails only where the whole interval of its ratio lies above the target.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.activations.batching import padding_waste
from benchmark.activations.masks import MASKS, by_rule
from benchmark.timing.interleave import Ratio, interleaved_ratio
from benchmark.timing.workload import LLAMA_3B_LAYER, STANDARD, ExtractionWork, Shape, naive_torch

RULES = len(by_rule(list(MASKS.values())))
TINY = Shape(layers=2, hidden=32, rows=2, tokens=8)
SHAPES = {"standard": STANDARD, "3b_layer": LLAMA_3B_LAYER}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
ROUNDS = 11


@pytest.fixture(params=[1, 2], ids=["1thread", "2threads"])
def threads(request: pytest.FixtureRequest, smoke: bool) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(1 if smoke else request.param)
    yield request.param
    torch.set_num_threads(before)


def measured(benchmark: Any, smoke: bool, candidate: Callable[[], object], baseline: Callable[[], object]) -> Ratio:
    """Times the candidate for pytest-benchmark; the ratio of interleaved rounds goes with it as extra information."""
    benchmark.pedantic(candidate, rounds=1, warmup_rounds=0 if smoke else 1)
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    ratio = interleaved_ratio(candidate, baseline, rounds=2 if smoke else ROUNDS, warmup=1, clock=clock)
    benchmark.extra_info.update(
        ratio=ratio.median, ratio_low=ratio.low, ratio_high=ratio.high, baseline_us=ratio.baseline_us
    )
    return ratio


def make(smoke: bool, shape: str, dtype: str, kernel: str = "auto") -> ExtractionWork:
    return ExtractionWork(TINY if smoke else SHAPES[shape], DTYPES[dtype], kernel)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_mask(benchmark: Any, smoke: bool, threads: int, shape: str, dtype: str) -> None:
    work = make(smoke, shape, dtype)
    ratio = measured(benchmark, smoke, lambda: work.extract(("causal",)), work.forward)
    assert smoke or ratio.low <= 1.05


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_masks(benchmark: Any, smoke: bool, threads: int, dtype: str) -> None:
    work = make(smoke, "standard", dtype)
    ratio = measured(benchmark, smoke, lambda: work.extract(tuple(MASKS)), work.forward)
    assert smoke or ratio.low <= 1.05 * RULES


def test_compiled(benchmark: Any, smoke: bool) -> None:
    if smoke:
        pytest.skip("compiling takes longer than a smoke test may")
    work = make(smoke, "standard", "fp32", "compiled")
    measured(benchmark, smoke, lambda: work.extract(("causal",)), work.forward)


@pytest.mark.parametrize("way", ["stored_then_scipy", "torch_in_hooks"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_naive(benchmark: Any, smoke: bool, dtype: str, way: str) -> None:
    work = make(smoke, "standard", dtype)
    naive = measured(benchmark, smoke, getattr(work, way), work.forward)
    ours = interleaved_ratio(lambda: work.extract(("causal",)), getattr(work, way), rounds=2 if smoke else ROUNDS)
    benchmark.extra_info["ours_over_this"] = ours.median
    assert naive.n == ours.n
    assert smoke or ours.high < 1


def test_nnsight(benchmark: Any, smoke: bool) -> None:
    nnsight = pytest.importorskip("nnsight", reason="nnsight is not installed: an optional extra of make bench")
    work = make(smoke, "standard", "fp32")
    traced = nnsight.NNsight(work.decoder.base)

    @torch.inference_mode()
    def run() -> None:
        with traced.trace(input_ids=work.ids, use_cache=False):
            for layer in traced.layers:
                naive_torch(layer.mlp.output)

    measured(benchmark, smoke, run, work.forward)


def test_transformer_lens(benchmark: Any, smoke: bool) -> None:
    lens = pytest.importorskip(
        "transformer_lens", reason="TransformerLens is not installed: an optional extra of make bench"
    )
    work = make(smoke, "standard", "fp32")
    shape = TINY if smoke else STANDARD
    config = lens.HookedTransformerConfig(
        n_layers=shape.layers,
        d_model=shape.hidden,
        n_ctx=shape.tokens,
        d_head=64 if shape.hidden >= 64 else shape.hidden,
        n_heads=max(1, shape.hidden // 64),
        d_mlp=shape.config().intermediate_size,
        d_vocab=work.decoder.base.config.vocab_size,  # type: ignore[union-attr]
        act_fn="silu",
        gated_mlp=True,
        normalization_type="RMS",
        positional_embedding_type="rotary",
        rotary_dim=64 if shape.hidden >= 64 else shape.hidden,
        device="cpu",
    )
    model = lens.HookedTransformer(config)
    hooks = [(lambda name: name.endswith("hook_mlp_out"), lambda output, hook: naive_torch(output))]

    @torch.inference_mode()
    def run() -> None:
        model.run_with_hooks(work.ids, fwd_hooks=hooks, return_type=None)

    measured(benchmark, smoke, run, work.forward)


def test_padding_waste(benchmark: Any) -> None:
    """What sorting by length leaves of padding, for lengths spread as those of a pool of questions."""
    lengths = np.random.default_rng(0).lognormal(4.5, 0.5, 1000).astype(int).clip(8, 512).tolist()
    waste = benchmark.pedantic(lambda: padding_waste(lengths, 4096), rounds=1)
    benchmark.extra_info["padding_waste"] = waste
    assert waste < 0.05
