"""A template: how a row of a real dataset becomes the text that a model reads and the text that it should write.

    @template(kind="classification", metric="accuracy", columns=("sentence", "label"))
    def my_dataset(row): return Example(f"{row['sentence']}\\nMood:", " good", choices=(" bad", " good"))

Every module in `templates/` is found by itself, so a new file there is all that a new template takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.errors import BenchmarkError, unknown
from benchmark.tasks.dataset import Kind
from benchmark.tasks.example import Example

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


def choice(answer: object, options: Sequence[object]) -> int:
    """The position of `answer` among `options`; raises `BenchmarkError` for a label outside the choices."""
    if answer not in options:
        raise BenchmarkError(f"the label {answer!r} is outside the choices {', '.join(map(repr, options))}")
    return list(options).index(answer)


def lettered(row: Mapping[str, Any], key: str = "answerKey") -> tuple[list[str], int] | None:
    """The texts of a row's `choices` {text, label} and the position of its answer; None without an answer."""
    texts, labels = list(row["choices"]["text"]), list(row["choices"]["label"])
    if not row[key]:
        return None
    return texts, choice(row[key], labels)
