"""Token ids of texts as they stand, with the segment that each token belongs to, read off character offsets.

tokenize(a + b) is not tokenize(a) + tokenize(b): a segment's tokens depend on what stands beside it. So a text is
tokenized whole, and its segments are found by offsets. A token that holds characters of two segments belongs to the
later one.

Extraction reads a candidate alone: `tokenize_example` gives the tokens of its input and target, without what follows in
a prompt. They are those of the prompt, but for a last one that the tokenizer merges with the separator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from benchmark.tasks.example import Example

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tokens:
    """`ids` of input then target; the first `n_input` of them are input (what the tokenizer puts first included)."""

    ids: Ids
    n_input: int

    @property
    def n_target(self) -> int:
        return len(self.ids) - self.n_input

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Token ids of one text, and the character after each token's last one."""

    ids: Ids
    ends: tuple[int, ...]

    def before(self, border: int) -> int:
        """Tokens that hold no character from `border` on."""
        return sum(end <= border for end in self.ends)


def encode(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[Encoded]:
    """Each text's tokens without special ones.

    Raises `BenchmarkError` where the tokenizer gives no offsets (it is not a fast one).
    """
    if not tokenizer.is_fast:
        raise BenchmarkError(f"{type(tokenizer).__name__} gives no character offsets: a fast tokenizer is needed")
    encoded = tokenizer(
        list(texts),
        add_special_tokens=False,
        return_offsets_mapping=True,
        return_attention_mask=False,
        return_token_type_ids=False,
        verbose=False,  # how long a prompt may be is checked where it is run
    )
    columns = zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)
    return [Encoded(tuple(ids), tuple(end for _, end in offsets)) for ids, offsets in columns]


def tokenize(tokenizer: PreTrainedTokenizerBase, input: str, target: str, *, bos: bool = False) -> Tokens:
    """Tokens of `input + target`, after the tokenizer's own first tokens if `bos`.

    Raises `BenchmarkError` where the target has no token of its own or the tokenizer gives no offsets.
    """
    (encoded,) = encode(tokenizer, [input + target])
    n_input = encoded.before(len(input))
    if target and n_input == len(encoded.ids):
        raise BenchmarkError(f"the target {target!r} has no token of its own after {input[-20:]!r}")
    first = leading_ids(tokenizer) if bos else ()
    return Tokens((*first, *encoded.ids), len(first) + n_input)


def tokenize_example(tokenizer: PreTrainedTokenizerBase, example: Example, *, bos: bool = False) -> Tokens:
    return tokenize(tokenizer, example.input, example.target, bos=bos)


@cache
def leading_ids(tokenizer: PreTrainedTokenizerBase) -> Ids:
    """What the tokenizer puts before a text ([gMASK] <sop>, say); BOS where it has one and puts nothing."""
    plain = tokenizer("a", add_special_tokens=False)["input_ids"]
    whole = tokenizer("a")["input_ids"]
    for first in range(len(whole) - len(plain) + 1):
        if whole[first : first + len(plain)] == plain and first:
            return tuple(whole[:first])
    return () if tokenizer.bos_token_id is None else (int(tokenizer.bos_token_id),)
