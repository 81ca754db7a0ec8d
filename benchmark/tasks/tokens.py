"""Token ids of an example with the segment each token belongs to, read off character offsets.

tokenize(a + b) is not tokenize(a) + tokenize(b): an example is tokenized as it stands in the prompt, once, and its
segments are found by offsets. A prompt is the concatenation of examples' tokens; `check_boundary` proves, for given
examples, that tokenizing the whole text would give the same ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from benchmark.tasks.example import Example


@dataclass(frozen=True, slots=True)
class Tokens:
    """`ids` of input then target; the first `n_input` of them are input (BOS, where there is one, included)."""

    ids: tuple[int, ...]
    n_input: int

    @property
    def n_target(self) -> int:
        return len(self.ids) - self.n_input

    def __len__(self) -> int:
        return len(self.ids)


def tokenize(
    tokenizer: PreTrainedTokenizerBase, input: str, target: str, *, suffix: str = "", bos: bool = False
) -> Tokens:
    """Tokens of `input + target + suffix`, with BOS before them if `bos` and if the tokenizer has one.

    A token that holds a character of the target counts as target; so does the suffix (the separator behind a
    demonstration), so pass none where segments are pooled. Raises `BenchmarkError` where the target has no token of
    its own or the tokenizer gives no offsets (it is not a fast one).
    """
    if not tokenizer.is_fast:
        raise BenchmarkError(f"{type(tokenizer).__name__} gives no character offsets: a fast tokenizer is needed")
    encoded = tokenizer(input + target + suffix, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    n_input = sum(end <= len(input) for _, end in offsets)
    n_target = sum(len(input) < end and start < len(input) + len(target) for start, end in offsets)
    if n_target == 0 and target:
        raise BenchmarkError(f"the target {target!r} has no token of its own after {input[-20:]!r}")
    prefix = [tokenizer.bos_token_id] if bos and tokenizer.bos_token_id is not None else []
    return Tokens((*prefix, *ids), len(prefix) + n_input)


def tokenize_example(tokenizer: PreTrainedTokenizerBase, example: Example, *, bos: bool = False) -> Tokens:
    return tokenize(tokenizer, example.input, example.target, bos=bos)


def check_boundary(tokenizer: PreTrainedTokenizerBase, left: str, right: str) -> None:
    """Raises `BenchmarkError` unless no token crosses from `left` into `right`."""
    parts = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (left, right, left + right)]
    if parts[0] + parts[1] != parts[2]:
        raise BenchmarkError(
            f"a token crosses from {left[-12:]!r} into {right[:12]!r}: choose another separator for this tokenizer"
        )
