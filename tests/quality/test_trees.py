"""A tree's row holds every sequence, and each token sees exactly the tokens of its own path."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.quality.context import visible
from benchmark.quality.packing import packs
from benchmark.quality.trees import Rows, grow, grow_sorted

sequences = st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=6).map(tuple), min_size=1, max_size=8)


@given(sequences)
def test_each_token_sees_its_path(drawn: list[tuple[int, ...]]) -> None:
    drawn = sorted(drawn)
    tree = grow_sorted(drawn)
    assert len(tree) <= sum(map(len, drawn))
    assert len(tree) == len({ids[: n + 1] for ids in drawn for n in range(len(ids))})  # each beginning once
    seen = visible(torch.from_numpy(tree.end)[None])[0].numpy()
    for ids, path in zip(drawn, tree.paths, strict=True):
        assert tuple(tree.ids[path].tolist()) == ids
        assert tree.depth[path].tolist() == [*range(len(ids))]
        for n, place in enumerate(path):
            assert np.flatnonzero(seen[place]).tolist() == path[: n + 1].tolist()


def test_padding_is_seen_by_itself_alone() -> None:
    rows = Rows.of([grow([(5, 6, 7)], [0]), grow([(8,)], [0])])
    seen = visible(torch.from_numpy(rows.end))[1].numpy()
    assert seen.tolist() == np.eye(3, dtype=bool).tolist()
    assert rows.plain
    assert not Rows.of([grow([(1, 2), (1, 3)], [0, 1])]).plain


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 128))
def test_packs_hold_every_query_once_and_are_nearly_equal(sizes: list[int], width: int) -> None:
    made = packs(sizes, width)
    assert sorted(query for pack in made for query in pack) == [*range(len(sizes))]
    totals = [sum(sizes[query] for query in pack) for pack in made]
    assert max(totals) - min(totals) <= max(sizes)
    assert max(totals) < width + max(sizes) or len(made) == len(sizes)
