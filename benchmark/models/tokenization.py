"""Whether transformers makes of a `tokenizer.json` the tokenizer that the file describes.

Where a config's model type or `tokenizer_class` names a class of its own, transformers 5 takes the vocabulary out of
the file and builds the rest anew: SmolLM2's single digits, a normaliser, a vocabulary of whole words are gone, and
nothing says so (`findings/transformers_auto_tokenizer_rebuilds.sh`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXTS = (
    "The answer is 42, isn't it?",
    "in 1984 and  20 apples",
    "x = 3\n\n 42\n    return 1_000.5",
    "HELLO World\tfrom Zürich",
    "cafe\u0301 de\u0301ja\u0300 vu",
    "日本語のテスト 🙂 “quoted” — done…",
)
"""Where tokenizers part ways: digits, runs of white space, capitals, marks that combine, other scripts."""


def require_as_written(name: str, folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raises `BenchmarkError` where `tokenizer` splits a text otherwise than the `tokenizer.json` of `folder` does."""
    from transformers import PreTrainedTokenizerFast

    if not (folder / "tokenizer.json").is_file():
        return
    written = PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    for text in TEXTS:
        ids, right = (each(text, add_special_tokens=False)["input_ids"] for each in (tokenizer, written))
        if ids != right:
            raise BenchmarkError(
                f"model {name}: transformers takes its tokenizer for a {type(tokenizer).__name__} and makes "
                f"{tokenizer.convert_ids_to_tokens(ids)} of {text!r}, where its tokenizer.json says "
                f"{written.convert_ids_to_tokens(right)}: set tokenizer_class in its tokenizer_config.json to "
                f"PreTrainedTokenizerFast, in a copy of the folder (source: local)"
            )
