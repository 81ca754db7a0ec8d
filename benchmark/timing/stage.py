"""What the `timing` stage measures in some seconds: each loop against its limit and the naive ways, in small shapes.

    write_json(results / "timing.json", measure(rounds=15))

`make bench` has the full shapes and the targets; here the point is that every report carries ratios of its own machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from benchmark.activations.attention import by_rule
from benchmark.activations.masks import MASKS
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel
from benchmark.provenance import environment
from benchmark.quality.likelihood import score
from benchmark.quality.prompts import Prefix, Query
from benchmark.timing.interleave import Ratio, interleave, summarise
from benchmark.timing.workload import SMALL, VOCABULARY, ExtractionWork, Shape

Ways = Mapping[str, Callable[[], object]]
"""How a loop can be run: `limit` (what must be computed, and nothing else), `ours`, and the naive ways."""
RULES = len(by_rule(list(MASKS.values())))
LIMITS = {
    "extraction_one_mask": "a bare forward pass",
    "extraction_all_masks": f"a bare forward pass for each of the {RULES} attention rules",
    "scoring": "plain passes over the tokens that must be computed, each once",
}
QUERIES = 24
LENGTH = 32
"""Tokens of a demonstration, and of a query."""


def measure(
    rounds: int,
    *,
    shape: Shape = SMALL,
    dtype: torch.dtype = torch.float32,
    kernel: str = "auto",
    device: torch.device | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """The content of `timing.json`: `ratios`, what each loop's limit is, shapes, `machine`.

    `ratios` has `over_limit` {loop: {way: ratio}}, the way's time over the limit's, and `over_naive` {loop: {naive way:
    ratio}}, ours over that way's. A ratio is `median`, `low`, `high` (95 % interval), `n` rounds, `candidate_us` and
    `baseline_us` (medians in microseconds).
    """
    work = ExtractionWork(shape, dtype, kernel, device)
    alone = work.device.type == "cpu" and torch.get_num_threads() == 1
    clock = time.process_time if alone else time.perf_counter
    generator = np.random.default_rng(seed)
    over_limit: dict[str, Any] = {}
    over_naive: dict[str, Any] = {}
    for loop, ways in loops(work).items():
        taken = dict(
            zip(ways, interleave([*ways.values()], rounds=rounds, generator=generator, clock=clock).T, strict=True)
        )
        limit = taken.pop("limit")
        over_limit[loop] = {way: _record(summarise(times, limit, generator)) for way, times in taken.items()}
        ours = taken.pop("ours")
        if taken:
            over_naive[loop] = {way: _record(summarise(ours, times, generator)) for way, times in taken.items()}
    return {
        "ratios": {"over_limit": over_limit, "over_naive": over_naive},
        "limits": LIMITS,
        "shape": {"layers": shape.layers, "hidden": shape.hidden, "rows": shape.rows, "tokens": shape.tokens},
        "dtype": str(dtype).removeprefix("torch."),
        "machine": {
            **environment()["device"],
            "device": work.device.type,
            "threads": torch.get_num_threads(),
            "python": environment()["python"],
            "packages": environment()["packages"],
        },
    }


def loops(work: ExtractionWork) -> dict[str, Ways]:
    """The loops of `LIMITS`, each with its ways."""
    return {
        "extraction_one_mask": {
            "limit": work.forward,
            "ours": lambda: work.extract(("causal",)),
            "stored_then_scipy": work.stored_then_scipy,
            "torch_in_hooks": work.torch_in_hooks,
        },
        "extraction_all_masks": {
            "limit": lambda: [work.forward() for _ in range(RULES)],
            "ours": lambda: work.extract(tuple(MASKS)),
        },
        "scoring": scoring_ways(work),
    }


def scoring_ways(work: ExtractionWork) -> Ways:
    """`QUERIES` queries after one demonstration: its keys and values shared, and `unshared`, whole prompts instead."""
    generator = np.random.default_rng(1)
    draw = generator.integers(1, VOCABULARY, (QUERIES + 1, LENGTH)).tolist()
    demonstration = Prefix("demonstration", tuple(draw[0]))
    queries = [Query(f"q{i}", tuple(row[:-1]), ((row[-1],),), 0) for i, row in enumerate(draw[1:])]
    model: Any = work.model
    loaded = LoadedModel("timing", model, None, add_bos=False)
    targets = torch.tensor([row[-1:] for row in draw[1:]], device=work.device)

    @torch.inference_mode()
    def plain(rows: list[list[int]]) -> torch.Tensor:
        """Log-probabilities [row, vocabulary] after each row; the head runs on one position."""
        ids = torch.tensor(rows, device=work.device)
        logits: torch.Tensor = model(ids, use_cache=False, logits_to_keep=1).logits[:, -1]
        return logits.float().log_softmax(-1)

    def ours() -> np.ndarray:
        return score(loaded, [demonstration], queries, Budget(4096))[0, :, 0]

    def unshared() -> np.ndarray:
        found: np.ndarray = plain([draw[0] + row[:-1] for row in draw[1:]]).gather(1, targets)[:, 0].cpu().numpy()
        return found

    def limit() -> np.ndarray:
        plain([draw[0]])
        found: np.ndarray = plain([row[:-1] for row in draw[1:]]).gather(1, targets)[:, 0].cpu().numpy()
        return found

    exact = work.ids.device.type == "cpu" and next(model.parameters()).dtype == torch.float32
    np.testing.assert_allclose(ours(), unshared(), atol=1e-3 if exact else 0.3)
    return {"limit": limit, "ours": ours, "unshared": unshared}


def _record(ratio: Ratio) -> dict[str, float]:
    return {
        "median": round(ratio.median, 4),
        "low": round(ratio.low, 4),
        "high": round(ratio.high, 4),
        "n": ratio.n,
        "candidate_us": round(ratio.candidate_us),
        "baseline_us": round(ratio.baseline_us),
    }
