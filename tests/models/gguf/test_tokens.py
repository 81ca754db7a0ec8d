"""The ids of a GGUF file's tokenizer are those of an independent tokenisation: published pattern, merges by rank."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerBase

from benchmark.hashing import sha256_file
from benchmark.models.gguf import convert
from benchmark.models.gguf.tokens import PRE_TOKENIZERS
from benchmark.models.loading import load_tokenizer, prefix_of
from tests.models.gguf.files import vocabulary, write_gguf

GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = {  # one after the other, each on the pieces of the one before
    "gpt-2": (GPT2,),
    "smollm": (r"\p{N}", GPT2),
    "qwen2": (QWEN2,),
    "llama-bpe": (LLAMA3,),
    "llama3": (LLAMA3,),
    "llama-v3": (LLAMA3,),
}
TEXTS = (
    "Review: it's 2023, and I can't say 1234567 good things.\n\nSentiment:",
    "  two spaces,   three  42 ,\t tabs\tand 3.14\n \n  ends in space ",
    "WE'LL SEE; They'Re HERE \r\n\r\nnext line\n",
    "Zürich, naïve cafe\u0301, 東京タワー, हिन्दी, 😀👍🏽, ①½٣",
    "x=[1,22,333,4444];  // comment\n\n\n    return {'a': 0x1F}",
    "",
    " ",
    "\n\n",
)


def byte_letters() -> dict[int, str]:
    """GPT-2's printable stand-in for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + place) for place, byte in enumerate(others)}


LETTERS = byte_letters()


def pieces(text: str, patterns: Sequence[str]) -> list[str]:
    """`text` cut into matches of the first pattern and what lies between them, and these by the next."""
    parts = [text]
    for pattern in patterns:
        cut: list[str] = []
        for part in parts:
            end = 0
            for match in regex.finditer(pattern, part):
                cut += [part[end : match.start()], match.group()]
                end = match.end()
            cut.append(part[end:])
        parts = [part for part in cut if part]
    return parts


def merged(piece: str, ids: dict[str, int], ranks: dict[tuple[str, str], int], whole: bool) -> list[int]:
    """Byte pairs joined, the pair of the lowest rank first and leftmost, until none is left."""
    symbols = [LETTERS[byte] for byte in piece.encode()]
    if whole and "".join(symbols) in ids:
        return [ids["".join(symbols)]]
    while len(symbols) > 1:
        pairs = [(ranks.get(pair, len(ranks)), place) for place, pair in enumerate(itertools.pairwise(symbols))]
        rank, place = min(pairs)
        if rank == len(ranks):
            break
        symbols[place : place + 2] = ["".join(symbols[place : place + 2])]
    return [ids[symbol] for symbol in symbols]


def reference(text: str, tokens: Sequence[str], merges: Sequence[str], pre: str) -> list[int]:
    ids = {token: index for index, token in enumerate(tokens)}
    ranks = {(left, right): rank for rank, (left, right) in enumerate(merge.split(" ") for merge in merges)}
    if pre == "qwen2":
        text = unicodedata.normalize("NFC", text)
    whole = pre.startswith("llama")
    return [index for piece in pieces(text, PATTERNS[pre]) for index in merged(piece, ids, ranks, whole)]


@pytest.fixture(scope="module", params=sorted(PRE_TOKENIZERS))
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, PreTrainedTokenizerBase]:
    folder = tmp_path_factory.mktemp("gguf")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ICL_BENCHMARK_CACHE", str(folder / "cache"))
        write_gguf(folder / "m.gguf", pre=request.param)
        return request.param, load_tokenizer(convert(folder / "m.gguf", sha256_file(folder / "m.gguf")).folder)


def ids_of(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return found


def test_every_known_pre_tokenizer_is_tried() -> None:
    assert set(PATTERNS) == set(PRE_TOKENIZERS)


@pytest.mark.parametrize("text", TEXTS)
def test_real_text(built: tuple[str, PreTrainedTokenizerBase], text: str) -> None:
    pre, tokenizer = built
    tokens, merges, _ = vocabulary()
    assert ids_of(tokenizer, text) == reference(text, tokens, merges, pre)


@settings(max_examples=200)
@given(text=st.text(alphabet=st.sampled_from(list("ab Z'stredlm 019²½,.;\n\r\t\u00a0é\u0301東😀-_")), max_size=30))
def test_any_text(built: tuple[str, PreTrainedTokenizerBase], text: str) -> None:
    pre, tokenizer = built
    tokens, merges, _ = vocabulary()
    assert ids_of(tokenizer, text) == reference(text, tokens, merges, pre)


def test_the_pre_tokenizers_differ(tmp_path: Path) -> None:
    cut = {pre: pieces("in 2023\n\n  42", patterns) for pre, patterns in PATTERNS.items()}
    assert cut["smollm"] == ["in", " ", "2", "0", "2", "3", "\n\n  ", "4", "2"]
    assert cut["gpt-2"] == ["in", " 2023", "\n\n ", " 42"]
    assert cut["llama-bpe"] == ["in", " ", "202", "3", "\n\n", " ", " ", "42"]
    assert cut["qwen2"][:6] == ["in", " ", "2", "0", "2", "3"]


@pytest.mark.parametrize(
    ("pre", "key", "prefix"),
    [
        ("llama-bpe", None, (0,)),  # what the file does not say: BOS for these, none for the others
        ("gpt-2", None, ()),
        ("smollm", None, ()),
        ("qwen2", None, ()),
        ("llama-bpe", False, ()),
        ("smollm", True, (0,)),
    ],
)
@pytest.mark.usefixtures("cache")
def test_bos(pre: str, key: bool | None, prefix: tuple[int, ...], tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", pre=pre, keys={"tokenizer.ggml.add_bos_token": key})
    tokenizer = load_tokenizer(convert(tmp_path / "m.gguf", sha256_file(tmp_path / "m.gguf")).folder)
    assert prefix_of(tokenizer) == prefix
    assert tokenizer("a b")["input_ids"] == [*prefix, *ids_of(tokenizer, "a b")]


def test_special_tokens_are_not_cut(built: tuple[str, PreTrainedTokenizerBase]) -> None:
    _, tokenizer = built
    assert ids_of(tokenizer, "<|eos|>") == [1]
    assert tokenizer.decode([1], skip_special_tokens=True) == ""
    text = "It's 42 cafés\n\n 東京"
    assert tokenizer.decode(ids_of(tokenizer, text)) == text
