#!/usr/bin/env bash
# transformers: AutoTokenizer takes the vocabulary out of a tokenizer.json and builds the rest anew, by the class it believes in.
#
# Guessed first: tokenizer.json is the whole tokenizer; whatever class is named, a fast tokenizer splits text as the file says,
# and what `save_pretrained` wrote comes back.
# Behaviour: a class named in tokenizer_config.json (GPT2Tokenizer), or that belongs to config.json's model type (gpt2, qwen2),
# replaces normalizer and pre-tokenizer by its own. Digits that were to stand alone after white space, lower-casing, even a
# vocabulary of whole words are lost without a warning. With model type qwen2 that is so for a folder which
# `PreTrainedTokenizerFast.save_pretrained` has just written and named itself. LlamaTokenizer warns in the same situation.
# What follows for a user: name PreTrainedTokenizerFast and load with that class, or compare some ids with
# `tokenizers.Tokenizer.from_file`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet transformers==5.23.0 tokenizers==0.23.2
cd "$folder"
TRANSFORMERS_VERBOSITY=warning "$folder/venv/bin/python" - 2> "$folder/warnings" <<'PYTHON'
import json
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

print("transformers", version("transformers"), "tokenizers", version("tokenizers"))
LETTERS = pre_tokenizers.ByteLevel.alphabet()


def byte_pairs(lower: bool) -> Tokenizer:
    """Byte pairs as SmolLM2's: digits stand alone, then GPT-2's byte level; lower-cased, if asked for."""
    tokenizer = Tokenizer(models.BPE())
    if lower:
        tokenizer.normalizer = normalizers.Lowercase()
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), bytes_])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=LETTERS, special_tokens=["<pad>"], show_progress=False)
    tokenizer.train_from_iterator(["so many words and  1984 numbers,  2 by  2"] * 9, trainer)
    return tokenizer


words = Tokenizer(models.WordLevel({"<unk>": 0, "red": 1, "green": 2, "<pad>": 3}, unk_token="<unk>"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
CASES = [  # name, tokenizer, text, tokenizer_class (None: as save_pretrained wrote it), model type
    ("digits, as SmolLM2's folder is", byte_pairs(False), "and  1984", "GPT2Tokenizer", "llama"),
    ("lower-casing, as it was saved", byte_pairs(True), "So many", None, "qwen2"),
    ("words, as they were saved", words, "red green", None, "qwen2"),
    ("words, class taken out", words, "red green", "", "gpt2"),
    ("digits, as they were saved", byte_pairs(False), "and  1984", None, "llama"),
]
changed = {}
for name, tokenizer, text, kind, model_type in CASES:
    place = Path(name.replace(" ", "_"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>").save_pretrained(place)
    settings = json.loads((place / "tokenizer_config.json").read_text())
    if kind is not None:
        settings["tokenizer_class"] = kind
        (place / "tokenizer_config.json").write_text(json.dumps({k: v for k, v in settings.items() if v != ""}))
    (place / "config.json").write_text(json.dumps({"model_type": model_type}))
    loaded = AutoTokenizer.from_pretrained(place)
    right = Tokenizer.from_file(str(place / "tokenizer.json")).encode(text).tokens
    found = loaded.tokenize(text)
    changed[name] = found != right
    print(f"{name:31} | {model_type:5} | {type(loaded).__name__:17} | {text!r}: {right} in the file, {found} loaded")
assert changed.pop("digits, as they were saved") is False
assert all(changed.values()), "the behaviour changed: the tokenizer.json is read as it is"
PYTHON
said=$(grep -v "^$" "$folder/warnings" | grep -civ "pytorch\|tensorflow\|models won't be available" || true)
echo "warnings about it: $said"
test "$said" = 0
