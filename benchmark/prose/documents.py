"""A document's numbers and blocks, compared with the result files or replaced by what these say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from benchmark.errors import BenchmarkError
from benchmark.prose.blocks import BLOCKS
from benchmark.prose.values import look_up, written

REFERENCE = r"<!-- (?P<reference>[\w./-]+\.(?:json|csv): .+?) -->"
VALUE = re.compile(rf"(?P<text>[-+]?\w[\w.,-]*)(?P<close>[`*_]{{0,3}}){REFERENCE}")
BLOCK = re.compile(
    r"^(?P<open><!-- (?P<kind>[a-z]+) ?(?P<what>[^\n]*?) ?-->\n)(?P<body>.*?)^(?P<close><!-- end -->)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Stale:
    """Line `line` of a document says one thing, and its source another."""

    line: int
    says: str
    source: str
    has: str

    def __str__(self) -> str:
        return f"{self.line}: says {self.says}, {self.source} has {self.has}"


def documents(root: Path = Path()) -> list[Path]:
    """README.md and docs/*.md."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def current(text: str) -> str:
    """`text` with every marked value and block as the result files have it. Raises `BenchmarkError`."""
    text = BLOCK.sub(lambda found: found["open"] + _block(found) + found["close"], text)
    return VALUE.sub(lambda found: _value(found) + found[0][len(found["text"]) :], text)


def stale(text: str) -> Iterator[Stale]:
    """What `current` would replace, in the order of the document; `BenchmarkError` for a mark that says nothing."""
    problems = [*_stale_blocks(text), *_stale_values(text)]
    yield from sorted(problems, key=lambda problem: problem.line)


def unmarked(text: str) -> list[str]:
    """The decimal numbers of `text` that no comment and no block says the source of.

    `0.71<!-- measured once -->` says that no file holds it.
    """
    plain = re.sub(r"\S+<!-- measured once -->", "", BLOCK.sub("", text))
    plain = VALUE.sub(lambda found: found["close"], plain)
    plain = re.sub(r"<!--.*?-->|```.*?```|`[^`]*`|\]\([^)]*\)", "", plain, flags=re.DOTALL)
    return re.findall(r"(?<![\w.-])[-+]?\d*\.\d+(?!\w|\.\d)", plain)


def _stale_blocks(text: str) -> Iterator[Stale]:
    for found in BLOCK.finditer(text):
        if found["kind"] in BLOCKS and (body := _block(found)) != found["body"]:
            pairs = enumerate(zip_longest(found["body"].splitlines(), body.splitlines(), fillvalue="nothing"), 1)
            further, (says, has) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
            yield Stale(_line(text, found.start()) + further, says, f"{found['kind']} {found['what']}", has)


def _stale_values(text: str) -> Iterator[Stale]:
    marks = [found.start() for found in re.finditer(REFERENCE, text)]
    for found in VALUE.finditer(text):
        marks.remove(found.start("reference") - len("<!-- "))
        value = _value(found)
        if value != found["text"]:
            yield Stale(_line(text, found.start()), found["text"], found["reference"], value)
    if marks:
        raise BenchmarkError(f"line {_line(text, marks[0])}: a comment that names a result file follows no number")


def _value(found: re.Match[str]) -> str:
    return written(look_up(found["reference"]), found["text"])


def _block(found: re.Match[str]) -> str:
    make = BLOCKS.get(found["kind"])
    try:
        return make(found["what"]) if make else found["body"]
    except BenchmarkError:
        raise
    except Exception as error:  # results of an earlier version lack a key, a table a column
        name = f"{found['kind']} {found['what']}"
        raise BenchmarkError(
            f"{name} cannot be made of the results that are there ({type(error).__name__}: {error}): run `dvc repro`"
        ) from error


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
