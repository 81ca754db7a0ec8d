"""The tokenizer of a GGUF file: byte-level byte pairs, and a pre-tokenizer that is known exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmark.errors import BenchmarkError
from benchmark.models.gguf.reading import GgufFile

if TYPE_CHECKING:
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer

CONTROL, USER_DEFINED = 3, 4
"""Values of `tokenizer.ggml.token_type` for tokens that text is never split into."""

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")


@dataclass(frozen=True, slots=True)
class Cutting:
    """How text is cut before byte pairs are merged. `whole`: a piece that is in the vocabulary is not cut further."""

    split: Callable[[], PreTokenizer]
    normalise: Callable[[], Normalizer] | None = None
    whole: bool = False
    bos: bool = False


def _bytes_after(pattern: str) -> PreTokenizer:
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _gpt2() -> PreTokenizer:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.ByteLevel(add_prefix_space=False)


def _digits_then_gpt2() -> PreTokenizer:
    from tokenizers import pre_tokenizers

    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), _gpt2()])


def _nfc() -> Normalizer:
    from tokenizers import normalizers

    return normalizers.NFC()


LLAMA_BPE = Cutting(lambda: _bytes_after(LLAMA3), whole=True, bos=True)
PRE_TOKENIZERS = {
    "gpt-2": Cutting(_gpt2),
    "smollm": Cutting(_digits_then_gpt2),
    "qwen2": Cutting(lambda: _bytes_after(QWEN2), normalise=_nfc),
    "llama-bpe": LLAMA_BPE,
    "llama3": LLAMA_BPE,
    "llama-v3": LLAMA_BPE,
}
"""By `tokenizer.ggml.pre`. `bos`: what holds where the file does not say whether BOS comes first."""


def build_tokenizer(file: GgufFile) -> tuple[str, dict[str, Any]]:
    """The contents of tokenizer.json and tokenizer_config.json.

    Raises `BenchmarkError` for a tokenizer of another kind than byte-level byte pairs, and for a pre-tokenizer that is
    not known exactly.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models

    pre = _pre_tokenizer(file)
    tokens = [str(token) for token in file.require("tokenizer.ggml.tokens")]
    merges = [(left, right) for left, _, right in (str(merge).partition(" ") for merge in _merges(file))]
    kinds = [int(kind) for kind in file.keys.get("tokenizer.ggml.token_type", [1] * len(tokens))]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    if len(vocabulary) != len(tokens) or len(kinds) != len(tokens):
        raise BenchmarkError(f"{file.path.name}: its vocabulary names a token twice, or lacks a type: it is damaged")
    try:
        tokenizer = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=pre.whole))
    except Exception as error:  # tokenizers raises bare Exception
        raise BenchmarkError(f"{file.path.name}: its merges do not fit its vocabulary: {error}") from error
    if pre.normalise:
        tokenizer.normalizer = pre.normalise()
    tokenizer.pre_tokenizer = pre.split()
    tokenizer.decoder = decoders.ByteLevel()
    added = [
        AddedToken(token, special=kind == CONTROL, normalized=False)
        for token, kind in zip(tokens, kinds, strict=True)
        if kind in (CONTROL, USER_DEFINED)
    ]
    tokenizer.add_special_tokens([token for token in added if token.special])
    tokenizer.add_tokens([token for token in added if not token.special])
    special = {
        f"{name}_token": tokens[int(file.keys[key])]
        for name, key in (
            ("bos", "tokenizer.ggml.bos_token_id"),
            ("eos", "tokenizer.ggml.eos_token_id"),
            ("unk", "tokenizer.ggml.unknown_token_id"),
            ("pad", "tokenizer.ggml.padding_token_id"),
        )
        if key in file.keys
    }
    _put_bos_first(file, tokenizer, bool(file.keys.get("tokenizer.ggml.add_bos_token", pre.bos)))
    config = {
        **special,
        "clean_up_tokenization_spaces": False,
        "model_max_length": int(file.require(f"{file.architecture}.context_length")),
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    return tokenizer.to_str(pretty=False), config


def _merges(file: GgufFile) -> list[Any]:
    return list(file.require("tokenizer.ggml.merges"))


def _pre_tokenizer(file: GgufFile) -> Cutting:
    model = str(file.require("tokenizer.ggml.model"))
    if model != "gpt2":
        raise BenchmarkError(
            f"{file.path.name} has a tokenizer of kind {model!r}; only byte-level byte pairs ('gpt2') are converted: "
            f"use the model's safetensors and tokenizer.json"
        )
    if file.keys.get("tokenizer.ggml.add_eos_token", False):
        raise BenchmarkError(f"{file.path.name} asks for EOS after every text, which no prompt here has: clear the key")
    name = str(file.keys.get("tokenizer.ggml.pre", ""))
    if name not in PRE_TOKENIZERS:
        raise BenchmarkError(
            f"{file.path.name}: its pre-tokenizer {name!r} is not known exactly (known: "
            f"{', '.join(sorted(PRE_TOKENIZERS))}): use the model's safetensors and tokenizer.json"
        )
    return PRE_TOKENIZERS[name]


def _put_bos_first(file: GgufFile, tokenizer: Any, wanted: bool) -> None:
    from tokenizers import processors

    if not wanted:
        tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
        return
    index = int(file.require("tokenizer.ggml.bos_token_id"))
    bos = tokenizer.id_to_token(index)
    template = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos} $B:1", special_tokens=[(bos, index)]
    )
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
