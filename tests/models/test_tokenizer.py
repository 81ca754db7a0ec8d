"""The word-level tokenizer: ids, offsets, round trip, and the trip over the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from benchmark.models.tokenizer import BOS, UNKNOWN, build_tokenizer, vocabulary
from benchmark.tasks.tokens import tokenize

TEXT = "topic : the fox ran ->"


@pytest.mark.parametrize("bos", [True, False])
def test_every_word_has_one_id(bos: bool) -> None:
    words = vocabulary(bos=bos)
    assert len(set(words)) == len(words)
    assert (BOS in words) == bos
    ids = build_tokenizer(bos=bos).get_vocab()
    assert [word for word, _ in sorted(ids.items(), key=lambda item: item[1])] == list(words)


def test_segments_follow_the_offsets() -> None:
    tokenizer = build_tokenizer(bos=True)
    tokens = tokenize(tokenizer, "keep : fox wolf ->", " fox wolf\n", bos=True)
    words = tokenizer.convert_ids_to_tokens(tokens.ids)
    assert words == [BOS, "keep", ":", "fox", "wolf", "->", "fox", "wolf", "\n"]
    assert (tokens.n_input, tokens.n_target) == (6, 3)
    assert tokenizer.decode(tokens.ids[6:8]) == "fox wolf"


def test_no_bos_means_none_even_if_asked_for() -> None:
    tokenizer = build_tokenizer(bos=False)
    tokens = tokenize(tokenizer, "keep : fox ->", " fox", bos=True)
    assert tokenizer.convert_ids_to_tokens(tokens.ids)[0] == "keep"


def test_a_foreign_word_is_unknown_and_the_disk_changes_nothing(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(bos=True)
    assert tokenizer.convert_ids_to_tokens(tokenizer(TEXT)["input_ids"])[4] == UNKNOWN
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again(TEXT)["input_ids"] == tokenizer(TEXT)["input_ids"]
    assert again.bos_token == BOS
