"""Is what the GPU computes right? Against float64, and against plain passes that share and batch nothing.

A check returns the largest error that it found and what it may be; the proof stops at the first that is too large.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from benchmark.activations import kernels as fast
from benchmark.activations.attention import Segments
from benchmark.activations.extraction import extract
from benchmark.activations.group import Thresholds
from benchmark.activations.masks import MASKS
from benchmark.activations.sequences import Sequences
from benchmark.activations.statistics import STATISTICS, reference
from benchmark.models.decoder import find_decoder
from benchmark.models.loading import LoadedModel
from benchmark.quality.quality import measure_quality
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.tokens import Tokens, tokenize_example

ORDER = ("max_abs", "max_median_ratio", "max_sequence_ratio", "massive_count")
"""Statistics that select or count, so that a kernel has them exactly."""


@dataclass(frozen=True, slots=True)
class Check:
    """`error`: the largest that was found; `limit`: what it may be."""

    name: str
    error: float
    limit: float

    @property
    def passed(self) -> bool:
        return bool(self.error <= self.limit)


def kernels(
    device: torch.device, kernel: str, widths: tuple[int, ...], generator: np.random.Generator
) -> Iterator[Check]:
    """The kernel against float64, on vectors with ties, zeros and a massive value, in every dtype."""
    names = tuple(STATISTICS)
    compute = fast.choose_kernel(kernel, device)
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        largest = {"moments": 0.0, "order": 0.0}
        for width in widths:
            rows = torch.from_numpy(generator.standard_normal((48, width))).to(device, dtype)
            rows[0, width // 2] = 20000.0
            rows[1] = 0.0
            rows[2] = 1.0
            rows[3] = rows[3].round()
            bounds = (0, 1, 3, 20, 48)
            found = compute(rows, Sequences(bounds, device=device), Thresholds(), names).cpu().numpy()
            exact = rows.double().cpu().numpy()
            wanted = np.concatenate([reference(exact[a:b], names) for a, b in pairwise(bounds)])
            with np.errstate(invalid="ignore"):  # inf - inf
                # vectors have a spread of about 1, and a mean near 0 is as exact as that, not as itself
                error = np.abs(found - wanted) / (1 + np.abs(wanted))
            error[(np.isnan(found) & np.isnan(wanted)) | (found == wanted)] = 0.0
            error = np.nan_to_num(error, nan=np.inf)
            selects = np.array([name in ORDER for name in names])
            largest["order"] = max(largest["order"], float(error[:, selects].max()))
            largest["moments"] = max(largest["moments"], float(error[:, ~selects].max()))
        spelled = str(dtype).removeprefix("torch.")
        yield Check(f"kernel, {spelled}: medians, maxima, counts", largest["order"], 1e-12)
        yield Check(f"kernel, {spelled}: moments", largest["moments"], 2e-5)


def extraction(loaded: LoadedModel, dataset: Dataset) -> Iterator[Check]:
    """Every mask and layer: `extract`, which batches and shares, against one plain pass for each candidate and mask."""
    names = tuple(STATISTICS)
    found = extract(loaded, dataset.pool, sites={"mlp_output": names}).scores[:, 0, :, 0]
    tokens = [tokenize_example(loaded.tokenizer, example, bos=loaded.add_bos) for example in dataset.pool]
    for index, mask in enumerate(MASKS):
        wanted = np.stack([_plain_scores(loaded, entry, mask, names) for entry in tokens])
        error = np.abs(found[:, index] - wanted) / (1 + np.abs(wanted))
        yield Check(f"{loaded.name}, mask {mask}: scores against plain passes", float(error.max()), 1e-3)


@torch.inference_mode()
def _plain_scores(loaded: LoadedModel, tokens: Tokens, mask: str, names: tuple[str, ...]) -> np.ndarray:
    """float64 [layer, statistic]: one candidate alone, its MLP outputs kept, the reference statistics, the mean."""
    device, strategy, decoder = loaded.device, MASKS[mask], find_decoder(loaded.model)
    length = torch.tensor([len(tokens)], device=device)
    segments = Segments(torch.tensor([tokens.n_input], device=device), length, len(tokens))
    kept: list[Tensor] = []
    handles = [mlp.register_forward_hook(lambda m, a, out: kept.append(out[0])) for mlp in decoder.mlps]
    allowed = strategy.rule.mask(segments)
    if allowed is None:
        allowed = torch.ones(len(tokens), len(tokens), dtype=torch.bool, device=device).tril()[None, None]
    try:
        decoder.base(input_ids=torch.tensor([tokens.ids], device=device), attention_mask=allowed, use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    seen, pooled = (places.positions(segments)[0].cpu().numpy() for places in (strategy.sequence, strategy.pooled))
    outputs = (output.double().cpu().numpy()[seen] for output in kept)
    return np.stack([reference(output, names)[pooled[seen]].mean(0) for output in outputs])


def scoring(loaded: LoadedModel, dataset: Dataset) -> Iterator[Check]:
    """Log-probabilities after shared demonstrations, against whole prompts one at a time."""
    found = measure_quality(loaded, dataset, range(len(dataset.pool))).log_probability
    wanted = np.array(
        [
            [_plain_log_probability(loaded, dataset, c, q) for q in range(len(dataset.queries))]
            for c in range(len(found))
        ]
    )
    yield Check(f"{loaded.name}: log-probabilities against whole prompts", float(np.abs(found - wanted).max()), 1e-3)


@torch.inference_mode()
def _plain_log_probability(loaded: LoadedModel, dataset: Dataset, candidate: int, query: int) -> float:
    demonstration, asked = dataset.pool[candidate], dataset.queries[query]
    before = demonstration.input + demonstration.target + dataset.separator + asked.input
    start = [loaded.tokenizer.bos_token_id] if loaded.add_bos else []
    ids = [*start, *loaded.tokenizer(before, add_special_tokens=False)["input_ids"]]
    target = loaded.tokenizer(asked.target, add_special_tokens=False)["input_ids"]
    prompt = torch.tensor([[*ids, *target]], device=loaded.device)
    logits = loaded.model(prompt, use_cache=False).logits[0, len(ids) - 1 : -1]
    chosen = logits.double().log_softmax(-1).gather(1, prompt[0, len(ids) :, None])
    return float(chosen.sum())
