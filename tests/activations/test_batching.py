from hypothesis import given
from hypothesis import strategies as st

from benchmark.activations.batching import length_batches, padding_waste


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 200))
def test_every_item_once_longest_first_within_budget(lengths: list[int], budget: int) -> None:
    batches = length_batches(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    flat = [lengths[i] for batch in batches for i in batch]
    assert flat == sorted(lengths, reverse=True)
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget for batch in batches)


def test_items_keep_their_names() -> None:
    assert length_batches([3, 9, 3], 6, items=[7, 8, 5]) == [[8], [5, 7]]


def test_padding_waste() -> None:
    assert padding_waste([4, 4, 4], 100) == 0
    assert padding_waste([4, 2], 100) == 0.25
    assert padding_waste([4, 2], 4) == 0
