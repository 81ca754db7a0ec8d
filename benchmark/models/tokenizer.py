"""A word-level tokenizer over the vocabulary of the embedded tasks: a token is a word, a mark or a line break."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

from benchmark.tasks.embedded import lexicon

TOKEN = r"\n|\S+"  # what one token is
PAD, UNKNOWN, BOS = "<pad>", "<unk>", "<bos>"
MARKS = ("\n", "->", ":")
CUES = ("topic", "most", "review", "claim", "mood", "find", "keep", "quote")
NAMES = ("affirmed", "negated", "stated", "asked")
GRAMMAR = ("was", "not")


@cache
def vocabulary(*, bos: bool) -> tuple[str, ...]:
    """Every word the embedded tasks can use, in the order of their ids; BOS only where a model has one."""
    groups: tuple[Sequence[str], ...] = (
        (PAD, UNKNOWN, *((BOS,) if bos else ())),
        MARKS,
        CUES,
        NAMES,
        [*lexicon.TOPICS, *lexicon.SENTIMENTS],
        GRAMMAR,
        lexicon.FILLERS,
        lexicon.INTENSIFIERS,
        lexicon.ADVERBS,
        [word for pair in lexicon.LABEL_PAIRS for word in pair],
        lexicon.SUBJECTS,
        *lexicon.SENTIMENTS.values(),
        *lexicon.TOPICS.values(),
    )
    return tuple(word for group in groups for word in group)


def build_tokenizer(*, bos: bool) -> PreTrainedTokenizerFast:
    """The tokenizer over `vocabulary(bos=bos)`; it adds no special token by itself."""
    ids = {word: index for index, word in enumerate(vocabulary(bos=bos))}
    tokenizer = Tokenizer(WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = Split(Regex(TOKEN), behavior="removed", invert=True)
    special = {"bos_token": BOS} if bos else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
        model_max_length=512,
        **special,
    )
