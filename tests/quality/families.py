"""The kinds of tokenizer that models bring, each trained on a few sentences: how it splits is theirs, only small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from benchmark.models.loading import LoadedModel, prefix_of
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example

INPUTS = (
    "The film isn't bad, it's   awful: 3/10!\nSentiment:",
    "Nine plus 12 makes 21, doesn't it?\nSentiment:",
    "  Café \u201cNaïve\u201d served 1,234 coffees (cold)\nSentiment:",
    "emoji 🙂🙃 and 中文 words\nSentiment:",
    "plain words only\nSentiment:",
    "ends with marks ...!?\nSentiment:",
    "(starts with one\nSentiment:",
    "\tindented\n\ntwice\nSentiment:",
)
CHOICES = (" yes", " no!", " not at all", " nothing")
ANSWERS = (" 21", " 3/10, awful", " Café", " plain words")
TEXT = [input + answer + "\n\n" for input in INPUTS for answer in (*CHOICES, *ANSWERS)]
SPECIAL = ["<unk>", "<s>", "</s>", "[gMASK]", "<sop>"]
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def _train(tokenizer: Tokenizer, unigram: bool = False, **options: Any) -> Tokenizer:
    """Short pieces only: no token is to hold a whole sentence."""
    trainer: Any
    if unigram:
        trainer = trainers.UnigramTrainer(vocab_size=300, special_tokens=SPECIAL, max_piece_length=6, **options)
    else:
        trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=SPECIAL, max_token_length=6, **options)
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def _byte_level(*first: Any, regex: bool = True) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*first, last])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    return _train(tokenizer, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def gpt2() -> Tokenizer:
    return _byte_level()


def smollm2() -> Tokenizer:
    return _byte_level(pre_tokenizers.Digits(individual_digits=True))


def llama3() -> Tokenizer:
    return _byte_level(pre_tokenizers.Split(Regex(LLAMA_3), "isolated"), regex=False)


def glm() -> Tokenizer:
    """Two special tokens before a text, and no BOS."""
    tokenizer = llama3()
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[gMASK]", "<sop>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[gMASK] <sop> $A", special_tokens=ids)
    return tokenizer


def llama2() -> Tokenizer:
    """A dummy prefix, and merges over the whole text: nothing is split into words."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.add_tokens(BYTES)
    _train(tokenizer, limit_alphabet=60)
    model = [("<s>", tokenizer.token_to_id("<s>"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=model)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


def phi3() -> Tokenizer:
    """Metaspace that marks the first word, and does not split."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first", split=False)
    return _train(tokenizer)


def metaspace() -> Tokenizer:
    """Unigram over words that each start with a mark."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    return _train(tokenizer, unigram=True, unk_token="<unk>")


def greedy() -> Tokenizer:
    """Byte pairs of the whole text as it is: merges across every border there is."""
    return _train(Tokenizer(models.BPE(unk_token="<unk>")))


FAMILIES: dict[str, Callable[[], Tokenizer]] = {
    build.__name__: build for build in (gpt2, smollm2, llama3, glm, llama2, phi3, metaspace, greedy)
}
FIRST = {"glm": ("[gMASK]", "<sop>"), "llama2": ("<s>",)}
"""What stands before a prompt's text."""


def make_tokenizer(family: str) -> PreTrainedTokenizerFast:
    special = {"bos_token": AddedToken("<s>", special=True)} if family == "llama2" else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=FAMILIES[family](), unk_token="<unk>", clean_up_tokenization_spaces=False, **special
    )


def make_model(family: str) -> LoadedModel:
    """A random Llama with that tokenizer, far from a uniform distribution."""
    tokenizer = make_tokenizer(family)
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
        max_position_embeddings=1024,
    )
    model = LlamaForCausalLM._from_config(config, attn_implementation="sdpa").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(torch.randn(parameter.shape) * 0.3)
    return LoadedModel(family, model, tokenizer, family in FIRST, prefix_of(tokenizer))


def make_dataset(kind: str, separator: str, n_pool: int = 6, n_queries: int = 3) -> Dataset:
    generator = np.random.default_rng(5)

    def examples(part: str, inputs: Sequence[str]) -> tuple[Example, ...]:
        made = []
        for index, input in enumerate(inputs):
            if kind == "classification":
                target = str(generator.choice(CHOICES[: 2 + index % 3]))
                choices = CHOICES[: 2 + index % 3]
                made.append(Example(input, target, choices=choices, label=target, id=f"{part}{index}"))
            else:
                target = str(generator.choice(ANSWERS))
                made.append(Example(input, target, references=(target,), id=f"{part}{index}"))
        return tuple(made)

    metric = "accuracy" if kind == "classification" else "exact_match"
    parts = examples("c", INPUTS[:n_pool]), examples("q", INPUTS[-n_queries:])
    return Dataset("sentences", "classification" if kind == "classification" else "generative", metric, separator,
                   "\n", 5, *parts)  # fmt: skip
