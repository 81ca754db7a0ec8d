"""A template: how a row of a real dataset becomes the text that a model reads and the text that it should write.

    @template(kind="classification", metric="accuracy", columns=("sentence", "label"))
    def my_dataset(row): return Example(f"{row['sentence']}\\nMood:", " good", choices=(" bad", " good"))

Every module in `templates/` is found by itself, so a new file there is all that a new template takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmark.errors import BenchmarkError, unknown
from benchmark.tasks.dataset import Kind
from benchmark.tasks.example import Example, comparable
from benchmark.tasks.values import Row, is_missing, listed, text, whole_number

Render = Callable[[Mapping[str, Any]], Example | None]
"""Renders a row that holds the template's columns; None for a row without a label."""


@dataclass(frozen=True, slots=True)
class Template:
    """`typical`: characters of an input and of a target, roughly, for a plan made before the dataset is there."""

    name: str
    kind: Kind
    metric: str
    columns: tuple[str, ...]
    render: Render
    separator: str
    stop: str
    max_new_tokens: int
    typical: tuple[int, int]

    def but(self, **other: Any) -> Template:
        """This template, with the values given that are not None."""
        return replace(self, **{name: value for name, value in other.items() if value is not None})


TEMPLATES: dict[str, Template] = {}


def template(
    *,
    kind: Kind,
    metric: str,
    columns: Sequence[str],
    typical: tuple[int, int],
    separator: str = "\n\n",
    stop: str = "\n",
    max_new_tokens: int = 16,
) -> Callable[[Render], Render]:
    """Registers the decorated function as the template of its name."""

    def register(render: Render) -> Render:
        name = render.__name__
        TEMPLATES[name] = Template(name, kind, metric, tuple(columns), render, separator, stop, max_new_tokens, typical)
        return render

    return register


def get_template(name: str) -> Template:
    """The template of that name; raises `BenchmarkError` for an unknown one."""
    if name not in TEMPLATES:
        raise unknown("template", name, TEMPLATES)
    return TEMPLATES[name]


def require_choices(texts: Sequence[str]) -> None:
    """Raises `BenchmarkError` unless there are two choices or more, none empty, each another text to a reader."""
    if len(texts) < 2:
        raise BenchmarkError(f"two choices or more are needed, and there is {', '.join(map(repr, texts)) or 'none'}")
    most, count = Counter(map(comparable, texts)).most_common(1)[0]
    if count > 1:
        raise BenchmarkError(f"the choice {most!r} occurs twice: {', '.join(map(repr, texts))}")
    if "" in map(comparable, texts):
        raise BenchmarkError(f"a choice is empty: {', '.join(map(repr, texts))}")


def choice(written: str, options: Sequence[str]) -> int:
    """The position of the option that is the same text to a reader; raises `BenchmarkError` where none is."""
    same = [position for position, option in enumerate(options) if comparable(option) == comparable(written)]
    if not same:
        raise BenchmarkError(f"the answer {written!r} is outside the choices {', '.join(map(repr, options))}")
    return same[0]


def class_number(row: Row, column: str, count: int) -> int | None:
    """The number of a class, 0 to `count` - 1; None where it is missing or -1, as unlabelled rows have it."""
    value = row[column]
    if is_missing(value):
        return None
    number = whole_number(value)
    if number == -1:
        return None
    numbers = ", ".join(map(str, range(count)))
    if number is None:
        raise BenchmarkError(
            f"the label {value!r} is outside the choices, which are the class numbers {numbers}: the step `map` gives "
            f"other labels their numbers"
        )
    if not 0 <= number < count:
        raise BenchmarkError(f"the label {value!r} is outside the choices {numbers}")
    return number


def lettered(row: Row, key: str = "answerKey") -> tuple[list[str], list[str], int] | None:
    """Texts and labels of a row's `choices` {text, label}, and the position of its answer; None without an answer."""
    choices = row["choices"]
    if not isinstance(choices, Mapping) or not all(isinstance(choices.get(part), list) for part in ("text", "label")):
        raise BenchmarkError(f"column 'choices' does not hold the lists `text` and `label`: {str(choices)[:60]!r}")
    texts, labels = ([item.strip() for item in listed(choices[part], f"choices.{part}")] for part in ("text", "label"))
    if len({*map(comparable, labels)}) < len(labels):
        raise BenchmarkError(f"a label of its choices occurs twice: {', '.join(map(repr, labels))}")
    if len(texts) != len(labels):
        raise BenchmarkError(f"column 'choices' holds {len(texts)} texts and {len(labels)} labels")
    if is_missing(row[key]) and "" not in labels:
        return None
    return texts, labels, choice("" if row[key] is None else text(row, key), labels)
