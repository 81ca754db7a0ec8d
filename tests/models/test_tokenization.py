"""A tokenizer is what its tokenizer.json says, or the model is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from benchmark.errors import BenchmarkError
from benchmark.models.loading import load_tokenizer
from benchmark.models.tokenization import TEXTS, require_as_written

BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False)
DIGITS = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), BYTES])


def folder_of(path: Path, before: pre_tokenizers.PreTokenizer, lower: bool, kind: str | None, model_type: str) -> Path:
    """A model folder's config and tokenizer, of byte pairs; `kind` is its tokenizer_class."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase() if lower else None
    tokenizer.pre_tokenizer, tokenizer.decoder = before, decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=letters, special_tokens=["<pad>"], show_progress=False
    )
    tokenizer.train_from_iterator(["so many words and  1984 numbers,  2 by  2"] * 9, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>").save_pretrained(path)
    settings = json.loads((path / "tokenizer_config.json").read_text())
    settings["tokenizer_class"] = kind
    (path / "tokenizer_config.json").write_text(json.dumps({k: v for k, v in settings.items() if v is not None}))
    (path / "config.json").write_text(json.dumps({"model_type": model_type}))
    return path


def ids_written(path: Path, text: str) -> list[int]:
    return list(Tokenizer.from_file(str(path / "tokenizer.json")).encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize(
    ("before", "lower", "kind", "model_type"),
    [
        (DIGITS, False, "GPT2Tokenizer", "llama"),  # as SmolLM2's own folder has it
        (DIGITS, False, None, "gpt2"),
        (BYTES, True, None, "gpt2"),
        (BYTES, True, "Qwen2Tokenizer", "qwen2"),
    ],
    ids=["digits", "digits by model type", "capitals by model type", "capitals"],
)
def test_what_transformers_builds_anew_is_refused_and_the_remedy_works(
    tmp_path: Path, before: pre_tokenizers.PreTokenizer, lower: bool, kind: str | None, model_type: str
) -> None:
    folder = folder_of(tmp_path, before, lower, kind, model_type)
    with pytest.raises(BenchmarkError, match=r"set tokenizer_class in .* to PreTrainedTokenizerFast"):
        require_as_written("mine", folder, load_tokenizer(folder))
    settings = folder / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    tokenizer = load_tokenizer(folder)
    require_as_written("mine", folder, tokenizer)
    assert all(tokenizer(text, add_special_tokens=False)["input_ids"] == ids_written(folder, text) for text in TEXTS)


@pytest.mark.parametrize("kind", ["GPT2Tokenizer", "PreTrainedTokenizerFast", None])
def test_a_tokenizer_that_is_read_as_written_passes(tmp_path: Path, kind: str | None) -> None:
    folder = folder_of(tmp_path, BYTES, False, kind, "gpt2")
    tokenizer = load_tokenizer(folder)
    require_as_written("mine", folder, tokenizer)
    assert all(tokenizer(text, add_special_tokens=False)["input_ids"] == ids_written(folder, text) for text in TEXTS)
