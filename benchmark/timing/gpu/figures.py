"""How fast the hot path is on the card, over what the same card does at best in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from benchmark.activations.attention import C
from benchmark.activations.extraction import extract
from benchmark.activations.group import Thresholds
from benchmark.activations.kernels import choose_kernel
from benchmark.activations.masks import MASKS
from benchmark.activations.sequences import Sequences
from benchmark.activations.statistics import STATISTICS
from benchmark.models.decoder import find_decoder
from benchmark.models.loading import LoadedModel
from benchmark.models.shape import attention_weights, mlp_weights, shape_of
from benchmark.planning.costs import flops
from benchmark.planning.lengths import count_lengths
from benchmark.planning.machines import Machine, calibrate
from benchmark.planning.passes import extraction_passes, scoring_passes, total
from benchmark.planning.stages import seconds
from benchmark.quality.quality import measure_quality
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.tokens import tokenize_example
from benchmark.timing.interleave import interleaved_ratio


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`, what it is of, and the aim where there is one (`at_most` or `at_least`)."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool | None:
        if self.at_most is not None:
            return self.value <= self.at_most
        return None if self.at_least is None else self.value >= self.at_least

    def record(self) -> dict[str, Any]:
        return {**asdict(self), "value": float(f"{self.value:.6g}"), "met": self.met}


@dataclass(frozen=True, slots=True)
class Load:
    """How much is measured. `tokens`: of a long candidate; `budget`: tokens of a batch; `matrix`: side of a product."""

    rounds: int
    candidates: int
    tokens: int
    queries: int
    query_tokens: int
    budget: int
    matrix: int
    copied: int


LARGE = Load(rounds=7, candidates=256, tokens=128, queries=64, query_tokens=32, budget=32768, matrix=8192, copied=2**30)
LITTLE = Load(rounds=3, candidates=6, tokens=12, queries=4, query_tokens=6, budget=256, matrix=128, copied=2**16)


def finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def median_seconds(run: Callable[[], object], device: torch.device, rounds: int, inner: int = 1) -> float:
    """Median seconds of a call over `rounds` rounds of `inner` calls, after two that are not counted."""
    taken = []
    for _ in range(rounds + 2):
        finish(device)
        start = time.perf_counter()
        for _ in range(inner):
            run()
        finish(device)
        taken.append((time.perf_counter() - start) / inner)
    return float(np.median(taken[2:]))


def rates(device: torch.device, dtype: torch.dtype, load: Load) -> tuple[float, float]:
    """FLOP/s of a large matrix product in `dtype`, and bytes/s of a large copy, read and written bytes together."""
    one, other = (torch.randn(load.matrix, load.matrix, device=device).to(dtype) for _ in range(2))
    product = median_seconds(lambda: one @ other, device, load.rounds, 5)
    source = torch.randint(0, 255, (load.copied,), dtype=torch.uint8, device=device)
    copy = median_seconds(source.clone, device, load.rounds, 5)
    return 2 * load.matrix**3 / product, 2 * load.copied / copy


def kernel(device: torch.device, name: str, width: int, bandwidth: float, load: Load) -> Figure:
    """All statistics of the MLP outputs of one layer and batch: their time over that of reading them once."""
    count = load.budget // load.tokens * load.tokens
    inputs = [torch.randn(count, width, device=device).to(torch.bfloat16) for _ in range(4)]  # more than a cache holds
    sequences = Sequences(tuple(range(0, count + 1, load.tokens)), device=device)
    compute, names = choose_kernel(name, device), tuple(STATISTICS)
    taken = median_seconds(
        lambda: [compute(rows, sequences, Thresholds(), names) for rows in inputs], device, load.rounds
    )
    floor = inputs[0].numel() * inputs[0].element_size() / bandwidth
    return Figure(f"statistics of bfloat16 rows of {width}, over reading them once", taken / 4 / floor, "times")


def extraction(loaded: LoadedModel, dataset: Dataset, load: Load, machine: Machine) -> list[Figure]:
    """`extract` as a stage calls it, over bare forward passes of the same batches; and the plan's error."""
    tokens = [tokenize_example(loaded.tokenizer, example, bos=loaded.add_bos) for example in dataset.pool]
    rows = max(1, load.budget // len(tokens[0]))
    batches = [
        torch.tensor([entry.ids for entry in tokens[i : i + rows]], device=loaded.device)
        for i in range(0, len(tokens), rows)
    ]
    base = find_decoder(loaded.model).base

    @torch.inference_mode()
    def bare() -> None:
        for batch in batches:
            base(input_ids=batch, use_cache=False)
        finish(loaded.device)

    def ours(masks: Sequence[str]) -> Callable[[], None]:
        def run() -> None:
            extract(loaded, dataset.pool, masks=masks, token_budget=load.budget)
            finish(loaded.device)

        return run

    one = interleaved_ratio(ours(("causal",)), bare, rounds=load.rounds)
    every = interleaved_ratio(ours(tuple(MASKS)), bare, rounds=load.rounds)
    shape, dtype = shape_of(loaded.model.config), str(loaded.dtype).removeprefix("torch.")
    lengths = count_lengths(dataset, loaded.tokenizer, loaded.add_bos)
    work = total(extraction_passes(lengths, [C], load.budget, len(dataset.pool)))
    planned = seconds(work, shape, dtype, machine) + work.tokens * shape.layers * shape.hidden * machine.statistics
    return [
        Figure(f"{loaded.name}: one mask, over a bare pass", one.median, "times", at_most=1.02),
        Figure(f"{loaded.name}: all masks, over a bare pass", every.median, "times", at_most=4.6),
        Figure(f"{loaded.name}: a bare pass", len(tokens) * len(tokens[0]) / one.baseline_us * 1e6, "tokens/s"),
        Figure(f"{loaded.name}: planned for one mask, over taken", planned / (one.candidate_us / 1e6), "times"),
    ]


def scoring(loaded: LoadedModel, dataset: Dataset, load: Load, rate: float, machine: Machine) -> list[Figure]:
    """`measure_quality` as a stage calls it: tokens that must be computed per second, and their share of `rate`."""
    taken = median_seconds(
        lambda: measure_quality(loaded, dataset, range(len(dataset.pool)), load.budget), loaded.device, 3
    )
    shape, dtype = shape_of(loaded.model.config), str(loaded.dtype).removeprefix("torch.")
    lengths = count_lengths(dataset, loaded.tokenizer, loaded.add_bos)
    pairs = len(dataset.pool)
    needed = int(lengths.bos * pairs + lengths.block.sum() + pairs * lengths.query_input.sum())
    answers = pairs * len(dataset.queries)  # the last layer's MLP and the head are needed there only
    arithmetic = 2 * needed * (shape.layers * attention_weights(shape) + (shape.layers - 1) * mlp_weights(shape))
    arithmetic += 2 * answers * (mlp_weights(shape) + shape.hidden * shape.vocabulary)
    work = total(
        scoring_passes(
            lengths,
            lengths.bos + lengths.block,
            hidden=shape.hidden,
            token_budget=load.budget,
            shard=len(dataset.pool),
        )
    )
    planned = seconds(work, shape, dtype, machine)
    return [
        Figure(f"{loaded.name}: scoring", needed / taken, "tokens/s"),
        Figure(f"{loaded.name}: scoring, share of a large product's rate", arithmetic / taken / rate, "", at_least=0.5),
        Figure(f"{loaded.name}: planned for scoring, over taken", planned / taken, "times"),
        Figure(f"{loaded.name}: arithmetic done over needed", flops(shape, work) / arithmetic, "times"),
    ]


def measured_machine(loaded: LoadedModel) -> Machine:
    """What a plan for this card starts from."""
    return calibrate(shape_of(loaded.model.config), loaded.device, loaded.dtype)
