"""The limits against a model that torch counts, and against the figures of the published shapes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.models.shape import shape_of
from benchmark.planning.machines import get_gpu
from benchmark.timing.limits import limit, limits, share
from benchmark.timing.workload import VOCABULARY, ExtractionWork, Shape

ROOT = Path(__file__).parents[2]
SHAPE = Shape(layers=2, hidden=64, rows=2, tokens=16, heads=4, kv_heads=2)


def test_flops_and_bytes_are_those_of_a_pass() -> None:
    work = ExtractionWork(SHAPE, torch.float32)
    found = limit(shape_of(SHAPE.config()), "float32")
    outputs: list[int] = []
    for mlp in work.decoder.mlps:
        mlp.register_forward_hook(lambda m, a, out: outputs.append(out.nbytes))
    tokens = SHAPE.rows * SHAPE.tokens
    with FlopCounterMode(display=False) as counter:
        work.forward()
    counted = counter.get_flop_counts()["Global"]
    assert sum(flops for op, flops in counted.items() if "attention" not in str(op)) == tokens * found.flops
    assert sum(outputs) == tokens * found.output_bytes
    cache = work.decoder.base(input_ids=work.ids, use_cache=True).past_key_values
    kept = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert kept == tokens * found.cache_bytes
    assert found.head_flops == 2 * SHAPE.hidden * VOCABULARY


def test_every_model_of_the_profiles_has_its_limit() -> None:
    found = limits(ROOT)
    llama = found["llama_3b, bfloat16"]
    assert llama.flops == pytest.approx(5.6e9, rel=0.01)
    assert llama.cache_bytes == 28 * 2 * 8 * 128 * 2
    assert share(llama, get_gpu("H200")) == pytest.approx(0.006, rel=0.1)
    assert len(found) >= 5
