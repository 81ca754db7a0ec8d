"""Scores of candidates: statistics of every layer under every mask strategy, pooled over tokens.

    scores = extract(loaded, dataset.pool, masks=("causal", "self"), sites={"mlp_output": ("mean", "max_abs")})
    scores.scores            float64 [candidate, site, mask, pooling, layer, statistic]
    scores.write(folder)     scores.npz, candidates.csv

A candidate stands first in a prompt, so it is read alone, behind BOS where the model has one. Batches are candidates
of similar length under a token budget, taken from the examples of one call and no others: calls on the consecutive
shards of a pool, joined, are the pool's scores to the bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from benchmark.activations.attention import ISOLATED, ITSELF, C, MaskStrategy, Rule, Segments, by_rule, rules_together
from benchmark.activations.batching import length_batches
from benchmark.activations.capture import POOLINGS, SITES, Capture, Reading
from benchmark.activations.distinct import isolated_reading, keep_targets, places_do_not_matter, read_itself
from benchmark.activations.group import Thresholds
from benchmark.activations.kernels import choose_kernel
from benchmark.activations.masks import MASKS, mask_strategy
from benchmark.activations.statistics import STATISTICS, groups_of
from benchmark.artefacts.scores import ActivationScores
from benchmark.errors import BenchmarkError, unknown
from benchmark.models.budget import Budget
from benchmark.models.decoder import Decoder, find_decoder
from benchmark.models.loading import LoadedModel
from benchmark.tasks.example import Example
from benchmark.tasks.tokens import Tokens, tokenize_example

ALL_STATISTICS: dict[str, tuple[str, ...]] = {"mlp_output": tuple(STATISTICS)}


def extract(
    loaded: LoadedModel,
    examples: Sequence[Example],
    *,
    masks: Sequence[str] = tuple(MASKS),
    sites: Mapping[str, Sequence[str]] = ALL_STATISTICS,
    poolings: Sequence[str] = ("mean",),
    thresholds: Thresholds | None = None,
    token_budget: int | Budget = 4096,
    kernel: str = "auto",
    mlp: str | None = None,
    progress: bool = False,
    plain: bool = False,
) -> ActivationScores:
    """The scores of `examples`, in their order: a pure function of its arguments on one machine.

    `sites` gives the statistics taken at each site; `token_budget` bounds a batch (rows times its longest row): a
    `Budget` that calls share stays halved for all of them once memory ran out; `kernel` is auto, eager, compiled or
    triton; `mlp` as in `find_decoder`; `plain` spares nothing: every rule in a pass of its own, for comparison. Raises
    `BenchmarkError` for an unknown name, a candidate longer than the model's context or without a token to pool, an
    undefined or non-finite score, and a model that ignores attention masks.
    """
    for site, names in sites.items():
        if site not in SITES:
            raise unknown("site", site, SITES)
        groups_of(names)
    for pooling in poolings:
        if pooling not in POOLINGS:
            raise unknown("pooling", pooling, POOLINGS)
    strategies = {name: mask_strategy(name) for name in masks}
    decoder = find_decoder(loaded.model, name=loaded.name, mlp=mlp)
    tokens = [tokenize_example(loaded.tokenizer, example, bos=loaded.add_bos) for example in examples]
    _check_lengths(loaded.name, decoder, examples, tokens, strategies)
    rules = by_rule([*strategies.values()])
    if any(rule != C for rule in rules):
        check_masks_honoured(loaded, decoder)

    capture = Capture(
        decoder, sites, choose_kernel(kernel, loaded.device), thresholds or Thresholds(), poolings, loaded.name
    )
    statistics = capture.statistics
    applies = np.array([[name in names for name in statistics] for names in sites.values()])[:, None, None, None]
    shape = (len(examples), len(sites), len(strategies), len(poolings), len(decoder), len(statistics))
    scores = np.empty(shape)
    pad = loaded.tokenizer.pad_token_id or 0
    budget = Budget(token_budget) if isinstance(token_budget, int) else token_budget

    chosen = [*strategies.values()]
    apart = not plain and places_do_not_matter(decoder, max(map(len, tokens), default=0), loaded.device)

    def compute(batch: list[int]) -> None:
        part = [tokens[i] for i in batch]
        scores[batch] = score_batch(capture, part, chosen, pad, loaded.device, budget.tokens, apart, plain)

    with capture, tqdm(total=len(examples), unit="candidate", disable=None if progress else True) as bar:
        pending = length_batches([len(entry) for entry in tokens], budget.tokens)
        while pending:
            batch = pending.pop(0)
            if not budget.fits(partial(compute, batch)):
                if len(batch) == 1:
                    raise BenchmarkError(
                        f"candidate {examples[batch[0]].id} ({len(tokens[batch[0]])} tokens) does not fit into the "
                        f"memory of {loaded.device}: free some, or use a smaller model"
                    )
                left = [i for entry in (batch, *pending) for i in entry]
                pending = length_batches([len(tokens[i]) for i in left], budget.tokens, left)
                continue
            _check_defined(loaded.name, scores, batch, applies, examples, [*sites], masks, statistics)
            bar.update(len(batch))

    return ActivationScores(
        scores=scores,
        candidates=np.array([example.id for example in examples], dtype=np.str_),
        sites=np.array(list(sites), dtype=np.str_),
        masks=np.array(list(masks), dtype=np.str_),
        poolings=np.array(list(poolings), dtype=np.str_),
        layers=np.arange(len(decoder), dtype=np.int64),
        statistics=np.array(statistics, dtype=np.str_),
        n_input=np.array([entry.n_input for entry in tokens], dtype=np.int64),
        n_target=np.array([entry.n_target for entry in tokens], dtype=np.int64),
        first_token=np.array([entry.ids[0] for entry in tokens], dtype=np.int64),
        label=np.array([example.label for example in examples], dtype=np.str_),
    )


def score_batch(
    capture: Capture,
    tokens: Sequence[Tokens],
    strategies: Sequence[MaskStrategy],
    pad: int,
    device: torch.device,
    budget: int = 1,
    apart: bool = False,
    plain: bool = False,
) -> NDArray[np.float64]:
    """The scores of one batch under all strategies: float64 [batch, site, strategy, pooling, layer, statistic].

    Rules with a mask are stacked into one pass where the batch is small. `apart`: what depends on a token
    or a target alone is computed once (`distinct`). `plain`: every rule has a pass of its own over every token.
    """
    segments = _segments(tokens, device)
    ids = torch.tensor([[*entry.ids, *[pad] * (segments.width - len(entry))] for entry in tokens], device=device)
    rules = {rule: [strategies[i] for i in members] for rule, members in by_rule(strategies).items()}
    found: dict[Rule, Tensor] = {}
    if apart and ITSELF in rules:
        found[ITSELF] = read_itself(capture, segments, ids, rules[ITSELF])
    if C in rules:
        readings = [Reading.plain(segments, rules[C])]
        isolated = apart and ISOLATED in rules
        if isolated:
            readings.append(isolated_reading(segments, rules[ISOLATED], *keep_targets(capture, tokens, budget, device)))
        found |= zip((C, ISOLATED), capture.run(ids, None, readings), strict=False)
    masked = [rule for rule in rules if rule not in found]
    together = 1 if plain else rules_together(ids.numel(), budget)
    for start in range(0, len(masked), together):
        stacked = masked[start : start + together]
        masks = torch.cat([_mask(rule, segments) for rule in stacked])
        readings = [Reading.plain(segments, rules[rule], block) for block, rule in enumerate(stacked)]
        found |= zip(stacked, capture.run(ids.repeat(len(stacked), 1), masks, readings), strict=True)
    scores = np.empty((len(tokens), len(capture.sites), len(strategies), *next(iter(found.values())).shape[3:]))
    for rule, members in by_rule(strategies).items():
        scores[:, :, members] = found[rule].cpu().numpy()
    return scores


def _segments(tokens: Sequence[Tokens], device: torch.device | None = None) -> Segments:
    n_input = torch.tensor([entry.n_input for entry in tokens], device=device)
    length = torch.tensor([len(entry) for entry in tokens], device=device)
    return Segments(n_input, length, max(map(len, tokens), default=0))


def _mask(rule: Rule, segments: Segments) -> Tensor:
    mask = rule.mask(segments)
    assert mask is not None
    return mask.expand(len(segments.length), 1, segments.width, segments.width)


def _check_lengths(
    name: str,
    decoder: Decoder,
    examples: Sequence[Example],
    tokens: Sequence[Tokens],
    strategies: Mapping[str, MaskStrategy],
) -> None:
    for example, entry in zip(examples, tokens, strict=True):
        if len(entry) > decoder.context:
            raise BenchmarkError(
                f"candidate {example.id} has {len(entry)} tokens, more than the {decoder.context} of model {name}: "
                f"drop it from the pool, or use a model with a longer context"
            )
    segments = _segments(tokens)
    for mask, strategy in strategies.items():
        for row in (~strategy.pooled.positions(segments).any(-1)).nonzero()[:1, 0].tolist():
            raise BenchmarkError(
                f"candidate {examples[row].id} has no token in {strategy.pooled.formula}, so mask {mask} has "
                f"nothing to pool with the tokenizer of model {name}"
            )


def _check_defined(
    name: str,
    scores: NDArray[np.float64],
    batch: Sequence[int],
    applies: NDArray[np.bool_],
    examples: Sequence[Example],
    sites: Sequence[str],
    masks: Sequence[str],
    statistics: Sequence[str],
) -> None:
    """Raises `BenchmarkError` at the first score of `batch` that applies and is not finite."""
    bad = np.argwhere(~np.isfinite(scores[batch]) & applies)
    if not len(bad):
        return
    row, site, mask, pooling, layer, column = bad[0]
    vector = scores[batch[row], site, mask, pooling, layer][applies[site, 0, 0, 0]]
    cause = (
        "its vector holds NaN or infinity: the weights are damaged, or the dtype overflows (use bfloat16 or float32)"
        if np.isnan(vector).all()
        else "its vector is constant, or zero in most places: take the statistic out of extraction.sites"
    )
    raise BenchmarkError(
        f"model {name}, layer {layer}, candidate {examples[batch[row]].id}: {statistics[column]} of {sites[site]} "
        f"is undefined under mask {masks[mask]}: {cause}"
    )


@torch.inference_mode()
def check_masks_honoured(loaded: LoadedModel, decoder: Decoder) -> None:
    """Raises `BenchmarkError` unless, under the rule `self`, the last of four tokens ignores a change of the first."""
    ids = torch.tensor([[1, 2, 3, 1], [2, 2, 3, 1]], device=loaded.device)
    lengths = torch.tensor([4, 4], device=loaded.device)
    mask = ITSELF.mask(Segments(lengths - 1, lengths, 4))
    where = torch.arange(4, device=loaded.device).expand_as(ids)
    problem = "ignores"
    try:
        output = decoder.base(input_ids=ids, attention_mask=mask, position_ids=where, use_cache=False)[0]
        heard = (output[0, -1] - output[1, -1]).abs().max()
        if not output.isfinite().all() or heard <= torch.finfo(output.dtype).eps * output.abs().max():
            return
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        problem = f"fails on ({str(error).splitlines()[0]})"
    raise BenchmarkError(
        f"model {loaded.name}: {type(decoder.base).__name__} {problem} a 4D attention mask: "
        f"load it with attn_implementation='sdpa', or take only masks causal, input and target"
    )
