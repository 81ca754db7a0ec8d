"""Segments are read off offsets of the whole text, whatever the tokenizer merges."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from benchmark.tasks.tokens import encode, leading_ids, tokenize


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    vocabulary = {word: i for i, word in enumerate(["<s>", "<unk>", "a", "b", "=>", "yes", "no", ";"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>")


@pytest.fixture(scope="module")
def pieces() -> PreTrainedTokenizerFast:
    """A byte-pair tokenizer without pre-tokenization: it merges across any boundary."""
    vocabulary = {piece: i for i, piece in enumerate(["a", "b", ":", "\n", " ", ": ", "ab", " b"])}
    merges = [(":", " "), ("a", "b"), (" ", "b")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def test_words_split_where_the_target_begins(words: PreTrainedTokenizerFast) -> None:
    tokens = tokenize(words, "a b =>", " yes no", bos=True)
    assert (tokens.ids, tokens.n_input, tokens.n_target) == ((0, 2, 3, 4, 5, 6), 4, 2)
    assert tokenize(words, "a =>", "").n_target == 0


def test_a_tokenizer_without_bos_adds_none(pieces: PreTrainedTokenizerFast) -> None:
    assert tokenize(pieces, "a", "b", bos=True).ids == (6,)


def test_a_token_that_straddles_belongs_to_the_target(pieces: PreTrainedTokenizerFast) -> None:
    tokens = tokenize(pieces, "a", "bb")
    assert (tokens.ids, tokens.n_input) == ((6, 1), 0)
    assert tokenize(pieces, "a:", " a").n_target == 2  # ": " holds the target's space


def test_a_text_is_encoded_as_it_stands(pieces: PreTrainedTokenizerFast) -> None:
    one, two = encode(pieces, ["a: b", "ab"])
    assert (one.ids, one.ends) == ((0, 5, 1), (1, 3, 4))
    assert [one.before(border) for border in range(5)] == [0, 1, 1, 2, 3]
    assert two.ids == (6,)


def test_what_comes_before_a_text(words: PreTrainedTokenizerFast, pieces: PreTrainedTokenizerFast) -> None:
    assert leading_ids(words) == (0,)  # BOS, though this tokenizer leaves it to its user
    assert leading_ids(pieces) == ()
