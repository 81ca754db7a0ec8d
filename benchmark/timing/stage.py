"""What the `timing` stage measures in a few seconds: the hot paths as ratios, small shapes, one run.

    write_json(results / "timing.json", measure(rounds=15))

`make bench` has the full shapes and the targets; here the point is that every report carries ratios of its own machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmark.activations.masks import MASKS, by_rule
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.provenance import device as describe_machine
from benchmark.quality.likelihood import score
from benchmark.quality.prompts import Prefix, Query
from benchmark.timing.interleave import Ratio, interleaved_ratio
from benchmark.timing.workload import SMALL, VOCABULARY, ExtractionWork, Shape

Callables = tuple[Callable[[], object], Callable[[], object]]
QUERIES = 24
LENGTH = 32
"""Tokens of a demonstration, and of a query."""


def measure(
    rounds: int, *, shape: Shape = SMALL, dtype: torch.dtype = torch.float32, kernel: str = "auto", seed: int = 0
) -> dict[str, Any]:
    """The content of `timing.json`: `ratios` {name: median, low, high, n, candidate_us, baseline_us}, then `machine`.

    Extraction is over a bare forward pass of the same batch (`all_masks` needs one pass for each attention rule);
    scoring that shares a demonstration is over scoring that does not.
    """
    work = ExtractionWork(shape, dtype, kernel)
    pairs: dict[str, Callables] = {
        "extraction causal": (lambda: work.extract(("causal",)), work.forward),
        "extraction all masks": (lambda: work.extract(tuple(MASKS)), work.forward),
        "extraction stored then scipy": (work.stored_then_scipy, work.forward),
        "scoring shared": scoring_pair(work),
    }
    alone = work.device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    ratios = {
        name: _record(interleaved_ratio(*pair, rounds=rounds, seed=seed, clock=clock)) for name, pair in pairs.items()
    }
    return {
        "ratios": ratios,
        "attention_rules": len(by_rule(list(MASKS.values()))),
        "shape": {"layers": shape.layers, "hidden": shape.hidden, "rows": shape.rows, "tokens": shape.tokens},
        "dtype": str(dtype).removeprefix("torch."),
        "machine": {**describe_machine(), "threads": torch.get_num_threads(), "torch": torch.__version__},
    }


def scoring_pair(work: ExtractionWork) -> Callables:
    """Scoring `QUERIES` queries behind one demonstration: its keys and values shared, and whole prompts instead."""
    generator = np.random.default_rng(1)
    draw = generator.integers(1, VOCABULARY, (QUERIES + 1, LENGTH)).tolist()
    demonstration = Prefix("demonstration", tuple(draw[0]))
    queries = [Query(f"q{i}", tuple(row[:-1]), ((row[-1],),), 0) for i, row in enumerate(draw[1:])]
    model: Any = work.model
    loaded = LoadedModel("timing", model, None, add_bos=False)
    prompts = torch.tensor([draw[0] + row[:-1] for row in draw[1:]], device=work.device)
    targets = torch.tensor([row[-1:] for row in draw[1:]], device=work.device)

    def shared() -> np.ndarray:
        return score(loaded, [demonstration], queries, Budget(4096))[0, :, 0]

    @torch.inference_mode()
    def unshared() -> np.ndarray:
        logits = model(prompts, use_cache=False, logits_to_keep=1).logits[:, -1]
        found: np.ndarray = logits.float().log_softmax(-1).gather(1, targets)[:, 0].cpu().numpy()
        return found

    np.testing.assert_allclose(shared(), unshared(), atol=1e-2 if work.ids.is_cuda else 1e-3)
    return shared, unshared


def _record(ratio: Ratio) -> dict[str, float]:
    return {
        "median": round(ratio.median, 4),
        "low": round(ratio.low, 4),
        "high": round(ratio.high, 4),
        "n": ratio.n,
        "candidate_us": round(ratio.candidate_us),
        "baseline_us": round(ratio.baseline_us),
    }
