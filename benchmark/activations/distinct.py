"""Rules under which an output depends on little: what is equal is computed once, and has the same bits.

- `ITSELF`: a token's outputs depend on its id alone. Each distinct token of a batch is a row of one token.
- `ISOLATED`: a target's outputs depend on the target alone, an input's are those of the causal pass. Each distinct
  target of a batch is a row; the causal pass of the batch reads both.

Both need a model to which it does not matter where a text stands: rotary and other relative positions, not learned
ones, nor frequencies that change with the length. No list of names says which that is; the model itself is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from benchmark.activations.attention import ISOLATED, ITSELF, MaskStrategy, Segments
from benchmark.activations.batching import length_batches
from benchmark.activations.capture import Capture, Kept, Reading
from benchmark.models.decoder import Decoder
from benchmark.tasks.tokens import Tokens

PROBED = 8  # tokens that are looked at, in two places
CLOSE = 1e-4  # relative difference of an output that is rounding; more where the dtype is coarse
ROWS = 8  # a batch of distinct things is filled up to a multiple: few rows are another way through a matrix product
SHORT = 16  # tokens of a target; up to here only targets of one length share a batch, so that no padding rounds

_asked: WeakKeyDictionary[nn.Module, tuple[int, bool]] = WeakKeyDictionary()


def places_do_not_matter(decoder: Decoder, length: int, device: torch.device) -> bool:
    """Whether, in rows of up to `length` tokens, what follows from a text does not depend on where it stands.

    The last tokens of a long row, to which nothing before them is visible, must give what they give alone. Asked once
    for a model and a length; False as well for a model that fails on it.
    """
    known, answer = _asked.get(decoder.base, (0, True))
    if answer and length > known:
        _asked[decoder.base] = (length, answer := _ask(decoder, length, device))
    return answer


@torch.inference_mode()
def _ask(decoder: Decoder, length: int, device: torch.device) -> bool:
    looked = max(1, min(PROBED, length // 2))
    vocabulary = int(decoder.base.config.vocab_size)  # type: ignore[union-attr, arg-type]
    ids = (torch.arange(length, device=device) % (vocabulary - 1) + 1)[None]
    total = torch.tensor([length], device=device)
    segments = Segments(total - looked, total, length)
    masks = [rule.mask(segments) for rule in (ISOLATED, ITSELF)]
    mask = torch.cat([mask for mask in masks if mask is not None])
    where = torch.arange(length, device=device).expand(2, length)
    try:
        far = decoder.base(input_ids=ids.expand(2, -1), attention_mask=mask, position_ids=where, use_cache=False)[0]
        alone = decoder.base(input_ids=ids[:, -looked:], use_cache=False)[0][0]
        single = decoder.base(input_ids=ids[0, -looked:, None], use_cache=False)[0][:, 0]
    except (RuntimeError, TypeError, ValueError, IndexError):
        return False
    close = max(CLOSE, 8 * torch.finfo(far.dtype).eps)

    def same(one: Tensor, other: Tensor) -> bool:
        one, other = one.double(), other.double()
        return bool(((one - other).norm(dim=-1) <= close * other.norm(dim=-1)).all())

    return same(far[0, -looked:], alone) and same(far[1, -looked:], single)


def read_itself(capture: Capture, segments: Segments, ids: Tensor, strategies: Sequence[MaskStrategy]) -> Tensor:
    """`ITSELF` of a padded batch `ids` [batch, token], from one pass over its distinct tokens; as `Capture.run`."""
    distinct, row = torch.unique(ids[segments.real], return_inverse=True)
    filled = distinct[torch.arange(-(-len(distinct) // ROWS) * ROWS, device=ids.device) % len(distinct)]
    rows = torch.zeros_like(ids)
    rows[segments.real] = row
    reading = Reading.of(slice(0, len(distinct)), rows, segments, strategies)
    return capture.run(filled[:, None], None, [reading])[0]


def keep_targets(
    capture: Capture, tokens: Sequence[Tokens], budget: int, device: torch.device
) -> tuple[Kept, list[int]]:
    """The outputs of every distinct target, and for each candidate the row at which its target's begin."""
    targets = [entry.ids[entry.n_input :] for entry in tokens]
    distinct = sorted(set(targets), key=lambda target: (len(target), target))
    lengths = [len(target) for target in distinct]
    batches = [
        [i for i, length in enumerate(lengths) if length == short]
        for short in sorted({n for n in lengths if n <= SHORT})
    ]
    long = [i for i, length in enumerate(lengths) if length > SHORT]
    batches += length_batches([lengths[i] for i in long], budget, long)
    parts: list[Kept] = []
    start: dict[tuple[int, ...], int] = {}
    total = 0
    for batch in batches:
        width = max(lengths[i] for i in batch)
        filled = [distinct[batch[i % len(batch)]] for i in range(-(-len(batch) // ROWS) * ROWS)]
        ids = torch.tensor([[*target, *[target[-1]] * (width - len(target))] for target in filled], device=device)
        parts.append({at: rows[: len(batch) * width] for at, rows in capture.keep(ids).items()})
        for i in batch:
            start[distinct[i]] = total
            total += width
    kept = parts[0] if len(parts) == 1 else {at: torch.cat([part[at] for part in parts]) for at in parts[0]}
    return kept, [start[target] for target in targets]


def isolated_reading(
    segments: Segments, strategies: Sequence[MaskStrategy], kept: Kept, start: Sequence[int]
) -> Reading:
    """`ISOLATED`, read in the causal pass of the same batch: inputs where they stand, targets from `kept`."""
    real = segments.real.flatten()
    inputs = (segments.real & (segments.position < segments.n_input[:, None])).flatten()
    rank = (inputs.cumsum(0) - 1).view(segments.real.shape)
    first = torch.tensor(start, device=real.device)[:, None] + int(inputs.sum())
    row = torch.where(inputs.view(rank.shape), rank, first + segments.position - segments.n_input[:, None])
    reading = Reading.of(inputs.nonzero()[:, 0], row, segments, strategies, kept=kept)
    return reading.targets_first(segments)
