import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.activations.masks import CAUSAL, MASKS, AttentionRule, Segments, by_rule, mask_strategy
from benchmark.errors import BenchmarkError

RULES = {strategy.rule.name: strategy.rule for strategy in MASKS.values()}


def may_attend(rule: str, q: int, k: int, n_input: int, length: int) -> bool:
    """The table of docs/protocol.md, one pair at a time."""
    C, P = k <= q, k < length
    X, Y = range(n_input), range(n_input, length)
    table = {
        "causal": C and P,
        "no_sink": C and P and not (k == 0 and q > 0),
        "target_isolated": C and P and not (q in Y and k in X),
        "prefix": (C or (q in X and k in X)) and P,
        "bidirectional": P,
        "self": q == k,
    }
    return table[rule] or q == k


def is_pooled(mask: str, t: int, n_input: int, length: int) -> bool:
    X, Y = range(n_input), range(n_input, length)
    if mask == "no_sink":
        return 0 < t < length
    if mask == "input":
        return t in X
    if mask in ("target", "target_isolated"):
        return t in Y
    return t in X or t in Y


batches = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 5)), min_size=1, max_size=4)


def segments_of(rows: list[tuple[int, int]], extra: int) -> Segments:
    n_input = torch.tensor([x for x, _ in rows])
    length = torch.tensor([x + y for x, y in rows])
    return Segments(n_input, length, int(length.max()) + extra)


@settings(max_examples=60, deadline=None)
@given(batches, st.integers(0, 2), st.sampled_from(sorted(RULES)))
def test_masks_are_the_table_of_the_protocol(rows: list[tuple[int, int]], extra: int, name: str) -> None:
    segments = segments_of(rows, extra)
    mask = RULES[name].mask(segments)
    if mask is None:  # the model's causal path: on real rows it must be the same as the rule
        ones = torch.ones(len(rows), 1, segments.width, segments.width, dtype=torch.bool)
        mask = ones.tril()
        assert name == "causal"
    assert mask.dtype == torch.bool
    assert mask.shape == (len(rows), 1, segments.width, segments.width)
    for b, (x, y) in enumerate(rows):
        for q in range(segments.width if name != "causal" else x + y):
            for k in range(segments.width):
                assert bool(mask[b, 0, q, k]) == may_attend(name, q, k, x, x + y), (b, q, k)


@settings(max_examples=40, deadline=None)
@given(batches, st.integers(0, 2), st.sampled_from(sorted(MASKS)))
def test_pooled_positions_are_the_table_of_the_protocol(rows: list[tuple[int, int]], extra: int, name: str) -> None:
    segments = segments_of(rows, extra)
    positions = MASKS[name].pooled.positions(segments)
    for b, (x, y) in enumerate(rows):
        assert positions[b].tolist() == [is_pooled(name, t, x, x + y) for t in range(segments.width)]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_no_row_is_empty(rule: AttentionRule) -> None:
    mask = rule.mask(segments_of([(1, 1), (4, 3)], extra=2))
    assert mask is None or bool(mask.any(-1).all())


def test_eight_strategies_share_six_passes() -> None:
    groups = by_rule(list(MASKS.values()))
    assert len(MASKS) == 8
    assert len(groups) == 6
    assert [strategy.name for strategy in groups[CAUSAL]] == ["causal", "input", "target"]
    assert [name for name, strategy in MASKS.items() if not strategy.needs_label] == ["input"]


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(BenchmarkError, match="did you mean 'no_sink'"):
        mask_strategy("nosink")
