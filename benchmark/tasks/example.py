"""One example of a task, in words: the text a model reads (input) and the text it should write (target).

prompt = bos + demonstration.input + demonstration.target + separator + query.input + query.target
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from benchmark.errors import BenchmarkError

INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\ufeff"))  # soft hyphen, zero-width space, byte order mark


def comparable(text: str) -> str:
    """A text for comparison: Unicode composed (NFC), each run of white space one space, nothing invisible."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(INVISIBLE))
    return " ".join(text.split())


@dataclass(frozen=True, slots=True)
class Example:
    """An example in words. A space between input and target belongs to the target, as tokenizers have it.

    `choices` are the targets of a classification task, all of them, the gold one included, in a fixed order; empty
    for a generative one. `references` are the answers that the metric accepts; `label` is the gold class, or empty.
    `id` is given by the dataset that the example stands in: what makes an example leaves it out.
    """

    input: str
    target: str
    choices: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    label: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if not self.input.strip():
            raise BenchmarkError(f"{self._name} has an empty input")
        if not self.target.strip():
            raise BenchmarkError(f"{self._name} has an empty target")
        if self.choices and self.target not in self.choices:
            raise BenchmarkError(f"the target {self.target!r} of {self._name} is none of its choices {self.choices}")
        if len(set(self.choices)) < len(self.choices):
            raise BenchmarkError(f"a choice of {self._name} occurs twice: {self.choices}")
        if not self.choices and not self.references:
            raise BenchmarkError(f"{self._name} has neither choices nor a reference answer")

    @property
    def _name(self) -> str:
        return f"example {self.id}" if self.id else "the example"

    @property
    def key(self) -> tuple[str, str]:
        """Input and target for comparison: two examples of one key are the same to a reader."""
        return comparable(self.input), comparable(self.target)

    @property
    def gold(self) -> int:
        """The index of the target among the choices."""
        return self.choices.index(self.target)
