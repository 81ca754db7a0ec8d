"""Training rows: their form, their weights, and the words they may use."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.models.rows import STOP, TARGET, Mixture, RowSource
from benchmark.models.tokenizer import build_tokenizer
from benchmark.tasks.embedded.lexicon import FILLERS, LABEL_PAIRS, lexicon


def source(*, bos: bool = True) -> RowSource:
    return RowSource(build_tokenizer(bos=bos))


@pytest.mark.parametrize("bos", [True, False])
def test_a_batch_has_one_length_and_starts_as_its_prompts_do(bos: bool) -> None:
    mixture = Mixture(texts=0.25, repetitions=0.25, dictionaries=0.25)
    rows = source(bos=bos).batch(np.random.default_rng(1), 12, 50, mixture)
    assert {len(row.ids) for row in rows} == {len(row.weights) for row in rows} == {50}
    bos_id = build_tokenizer(bos=bos).bos_token_id
    assert all((row.ids[0] == bos_id) == bos for row in rows)


def test_episodes_never_hold_held_out_words_and_texts_do() -> None:
    hidden = lexicon("held_out")
    words = {*hidden.words, *(word for group in hidden.sentiments.values() for word in group)}
    ids = set(build_tokenizer(bos=True).convert_tokens_to_ids(sorted(words)))
    generator, rows = np.random.default_rng(0), source()
    assert all(ids.isdisjoint(rows.episode(generator, 64, Mixture()).ids) for _ in range(200))
    assert ids == ids & {i for _ in range(200) for i in rows.text(generator, 64, Mixture()).ids}


def test_the_target_weighs_most_and_then_comes_the_stop() -> None:
    tokenizer = build_tokenizer(bos=True)
    row = source().episode(np.random.default_rng(3), 64, Mixture())
    tokens = tokenizer.convert_ids_to_tokens(row.ids)
    arrow, end = tokens.index("->"), tokens.index("\n")
    assert set(row.weights[arrow + 1 : end]) == {TARGET}
    assert row.weights[end] == STOP
    assert max(row.weights[: arrow + 1]) < STOP


def test_a_repetition_repeats() -> None:
    row = source(bos=False).repetition(np.random.default_rng(4), 64, Mixture())
    period = row.ids.index(row.ids[0], 1)
    assert row.ids[period:] == row.ids[:-period]


def test_echoes_repeat_examples_of_the_episode() -> None:
    tokenizer = build_tokenizer(bos=True)
    for share, fewest_repeats in ((0.0, 0), (0.9, 3)):
        rows, generator = source(), np.random.default_rng(5)
        mixture = Mixture(echoes=share, explicit=0.0)
        examples = tokenizer.decode(rows.episode(generator, 200, mixture).ids[1:]).split("\n")
        repeats = len(examples) - len(set(examples))
        assert len(examples) > 10
        assert repeats >= fewest_repeats


def test_a_dictionary_keeps_to_its_entries() -> None:
    """A word of a key has one value throughout; fillers, which stand in any key, are left out."""
    tokenizer, rows = build_tokenizer(bos=False), source(bos=False)
    labels = {word for pair in LABEL_PAIRS for word in pair}
    checked = 0
    for seed in range(60):
        row = rows.dictionary(np.random.default_rng(seed), 80, Mixture())
        values: dict[str, set[str]] = {}
        for line in tokenizer.decode(row.ids).split("\n")[:-1]:
            *key, value = line.split(" : ")[-1].split()
            for word in set(key) - {"->", *FILLERS} if value in labels else ():
                values.setdefault(word, set()).add(value)
        checked += len(values)
        assert all(len(found) == 1 for found in values.values())
    assert checked > 100
