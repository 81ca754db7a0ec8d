"""One example of a task, rendered: the text a model reads (input) and the text it should write (target).

prompt = bos + demonstration.input + demonstration.target + separator + query.input + query.target
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.errors import BenchmarkError


@dataclass(frozen=True, slots=True)
class Example:
    """A rendered example. A space between input and target belongs to the target, as tokenizers have it.

    `choices` are the targets of a classification task, all of them, the gold one included, in a fixed order; empty
    for a generative one. `references` are the answers that the metric accepts; `label` is the gold class, or empty.
    """

    id: str
    input: str
    target: str
    choices: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    label: str = ""

    def __post_init__(self) -> None:
        if not self.input.strip():
            raise BenchmarkError(f"example {self.id} has an empty input")
        if not self.target.strip():
            raise BenchmarkError(f"example {self.id} has an empty target")
        if self.choices and self.target not in self.choices:
            raise BenchmarkError(f"example {self.id}: its target {self.target!r} is none of its choices {self.choices}")
        if not self.choices and not self.references:
            raise BenchmarkError(f"example {self.id} has neither choices nor a reference answer")

    @property
    def gold(self) -> int:
        """The index of the target among the choices."""
        return self.choices.index(self.target)
