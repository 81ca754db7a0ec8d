"""What a task family is, and the registry of families.

    @family("topic", kind="classification", metric="accuracy")
    class Topic: ...

A family is a kind of task, such as telling two topics apart. `draw` fixes one task of the family: which topics, which
label word stands for which, which rule. A dataset and a training episode each hold examples of one such task, so that
only demonstrations tell a model which task it is. `example` draws one example of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from numpy.random import Generator

from benchmark.errors import unknown
from benchmark.tasks.dataset import Kind
from benchmark.tasks.embedded.lexicon import ADVERBS, LABEL_PAIRS, Lexicon
from benchmark.tasks.example import Example

ARROW = " ->"
SEPARATOR = "\n"
T = TypeVar("T")


class Task(Protocol):
    """One task of a family; `index` counts a task's examples, and balances what must be balanced.

    `explicit` is the same task told in words: classes labelled by their names, or a rule named by the cue. Training
    mixes such tasks in; no dataset does.
    """

    def explicit(self) -> Task: ...

    def example(self, generator: Generator, index: int) -> Example: ...


class TaskType(Protocol):
    def draw(self, generator: Generator, lexicon: Lexicon) -> Task: ...


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    kind: Kind
    metric: str
    max_new_tokens: int
    draw: Callable[[Generator, Lexicon], Task]


FAMILIES: dict[str, Family] = {}
D = TypeVar("D", bound=TaskType)


def family(name: str, *, kind: Kind, metric: str, max_new_tokens: int = 2) -> Callable[[D], D]:
    """Registers the task type under `name`; its class needs `draw` and its instances `example`."""

    def register(task_type: D) -> D:
        if name in FAMILIES:
            raise ValueError(f"the family {name} is registered twice")
        FAMILIES[name] = Family(name, kind, metric, max_new_tokens, task_type.draw)
        return task_type

    return register


def get_family(name: str) -> Family:
    """The family of that name; raises `BenchmarkError` for an unknown one."""
    if name not in FAMILIES:
        raise unknown("task family", name, FAMILIES)
    return FAMILIES[name]


def pick(generator: Generator, items: Sequence[T]) -> T:
    """One of the items."""
    return items[int(generator.integers(len(items)))]


def sample(generator: Generator, items: Sequence[T], size: int) -> list[T]:
    """`size` different items, in random order."""
    return [items[i] for i in generator.permutation(len(items))[:size]]


def shuffled(generator: Generator, items: Sequence[T]) -> list[T]:
    return sample(generator, items, len(items))


def draw_labels(generator: Generator, *, two_tokens: bool = False) -> tuple[str, str]:
    """The targets of the two classes: a pair of label words in random order, after an adverb for two tokens.

    The words of a pair belong together, so one demonstration tells both labels; nothing but a demonstration tells
    which of them stands for which class.
    """
    pair = shuffled(generator, pick(generator, LABEL_PAIRS))
    prefix = f" {pick(generator, ADVERBS)}" if two_tokens else ""
    return f"{prefix} {pair[0]}", f"{prefix} {pair[1]}"


def classified(cue: str, words: Sequence[str], labels: tuple[str, str], index: int, names: Sequence[str]) -> Example:
    """The example of class `index` (0 or 1), whose name is `names[index]`."""
    return Example(
        f"{cue} : {' '.join(words)}{ARROW}", labels[index], choices=tuple(sorted(labels)), label=names[index]
    )


def generated(cue: str, words: Sequence[str], answer: Sequence[str]) -> Example:
    text = " ".join(answer)
    return Example(f"{cue} : {' '.join(words)}{ARROW}", f" {text}", references=(text,))
