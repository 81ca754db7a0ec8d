from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from benchmark.activations import masks
from benchmark.activations.attention import C, MaskStrategy, Rule, S, Segments, X, Y, by_rule
from benchmark.activations.masks import MASKS, mask_strategy
from benchmark.discovery import discover
from benchmark.errors import BenchmarkError

PROTOCOL = ("causal", "no_sink", "input", "target", "target_isolated", "prefix", "bidirectional", "self")
"""The strategies that docs/protocol.md has a table of; one that was added passes the contract alone."""


def may_attend(mask: str, q: int, k: int, n_input: int, length: int) -> bool:
    """The table of docs/protocol.md, one pair at a time."""
    C, P = k <= q, k < length
    X, Y = range(n_input), range(n_input, length)
    table = {
        **dict.fromkeys(("causal", "input", "target"), C and P),
        "no_sink": C and P and not (k == 0 and q > 0),
        "target_isolated": C and P and not (q in Y and k in X),
        "prefix": (C or (q in X and k in X)) and P,
        "bidirectional": P,
        "self": q == k,
    }
    return table[mask] or q == k


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


@settings(max_examples=60)
@given(batches, st.integers(0, 2), st.sampled_from(PROTOCOL))
def test_masks_are_the_table_of_the_protocol(rows: list[tuple[int, int]], extra: int, name: str) -> None:
    segments = segments_of(rows, extra)
    mask = MASKS[name].rule.mask(segments)
    causal = mask is None  # the model's causal path: on real rows it must be the same as the rule
    if mask is None:
        mask = torch.ones(len(rows), 1, segments.width, segments.width, dtype=torch.bool).tril()
        assert name in ("causal", "input", "target")
    assert mask.dtype == torch.bool
    assert mask.shape == (len(rows), 1, segments.width, segments.width)
    for b, (x, y) in enumerate(rows):
        for q in range(segments.width if not causal else x + y):
            for k in range(segments.width):
                assert bool(mask[b, 0, q, k]) == may_attend(name, q, k, x, x + y), (b, q, k)


@settings(max_examples=40)
@given(batches, st.integers(0, 2), st.sampled_from(PROTOCOL))
def test_pooled_positions_are_the_table_of_the_protocol(rows: list[tuple[int, int]], extra: int, name: str) -> None:
    segments = segments_of(rows, extra)
    positions = MASKS[name].pooled.positions(segments)
    for b, (x, y) in enumerate(rows):
        assert positions[b].tolist() == [is_pooled(name, t, x, x + y) for t in range(segments.width)]


@pytest.mark.parametrize("name", MASKS)
def test_the_contract_of_a_strategy(name: str) -> None:
    """Every registered strategy: real keys only, the diagonal always, something to pool, labels told rightly."""
    strategy = MASKS[name]
    segments = segments_of([(1, 1), (4, 3), (2, 2)], extra=2)
    mask, pooled = strategy.rule.mask(segments), strategy.pooled.positions(segments)
    if mask is None:
        mask = torch.ones(1, 1, segments.width, segments.width, dtype=torch.bool).tril() & segments.real[:, None, None]
    else:
        assert mask.diagonal(dim1=2, dim2=3).all()
    off_diagonal = mask & ~torch.eye(segments.width, dtype=torch.bool)
    assert not (off_diagonal & ~segments.real[:, None, None]).any()
    assert pooled.any(-1).all()
    assert not (pooled & ~segments.real).any()
    target = Y.positions(segments)
    heard = (mask[:, 0] & target[:, None, :] & pooled[:, :, None]).any() | (pooled & target).any()
    assert strategy.needs_label == bool(heard)
    assert strategy.question
    assert strategy.rule.formula
    assert strategy.pooled.formula


@pytest.mark.parametrize("backend", [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION])
def test_what_attention_gives_a_row_that_may_attend_to_nothing(backend: SDPBackend) -> None:
    """Why the diagonal is always kept: the row is 0 or the mean of all values, as the mask says it, and never NaN."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, 1, 2, 4, 8, generator=generator)
    keep = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    keep[:, :, 1] = False
    smallest = torch.zeros(1, 1, 4, 4).masked_fill(~keep, torch.finfo(torch.float32).min)
    infinite = torch.zeros(1, 1, 4, 4).masked_fill(~keep, -torch.inf)
    with sdpa_kernel(backend):
        said, minus, small = (
            scaled_dot_product_attention(query, key, value, attn_mask=mask) for mask in (keep, infinite, smallest)
        )
    assert (said[:, :, 1] == 0).all()
    assert (minus[:, :, 1] == 0).all()
    torch.testing.assert_close(small[:, :, 1], value.mean(2))
    others = [0, 2, 3]
    torch.testing.assert_close(said[:, :, others], small[:, :, others])


def test_a_file_that_defines_no_strategy_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "window.py").write_text("MASKS = 1\n")
    monkeypatch.setattr(masks, "__path__", [*masks.__path__, str(tmp_path)])
    with pytest.raises(BenchmarkError, match=r"masks/window\.py defines no MaskStrategy: call it MASK"):
        discover(masks.__name__, masks.__path__, "MASK", MaskStrategy)


def test_a_file_is_all_that_a_strategy_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first.py").write_text(
        "from benchmark.activations.attention import C, S, X, MaskStrategy\n"
        'MASK = MaskStrategy(rule=C & S.k, pooled=X, needs_label=False, question="position 0 alone")\n'
    )
    monkeypatch.setattr(masks, "__path__", [*masks.__path__, str(tmp_path)])
    found = discover(masks.__name__, masks.__path__, "MASK", MaskStrategy)
    assert found.keys() - MASKS.keys() == {"first"}
    mask = found["first"].rule.mask(segments_of([(3, 1)], extra=0))
    assert mask is not None
    assert mask[0, 0].int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]]


def test_a_rule_prints_as_what_it_does() -> None:
    assert (C & ~(Y.q & X.k)).formula == "C & not (q in Y & k in X)"
    assert (C | (X.q & X.k)).formula == "C | (q in X & k in X)"
    assert ((X | Y) & ~S).formula == "(X | Y) & not S"
    assert (X | Y).k.formula == "k in (X | Y)"
    assert C & X.k == C & X.k != C & Y.k


def test_strategies_with_one_rule_share_a_pass() -> None:
    groups = by_rule([MASKS[name] for name in PROTOCOL])
    assert list(groups.values()) == [[0, 2, 3], [1], [4], [5], [6], [7]]
    assert next(iter(groups)) == C
    assert isinstance(C, Rule)


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(BenchmarkError, match="did you mean 'no_sink'"):
        mask_strategy("nosink")
