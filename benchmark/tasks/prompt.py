"""A prompt in the parameters: texts with placeholders, filled from the columns of a row.

    Text("Review: {text}\\nSentiment:").fill(row)
    Text("{input.1.content}")                       a field in a value: of a list by position, of an object by name

`{{` and `}}` are braces. A value is stripped of the white space around it, and otherwise stands as it is.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.tasks.dataset import Kind
from benchmark.tasks.example import Example, comparable
from benchmark.tasks.template import Template, choice, require_choices
from benchmark.tasks.values import Row, is_missing, listed, spell


@dataclass(frozen=True, slots=True)
class Text:
    """A text with placeholders. Raises `ValueError` where it is not well-formed."""

    pattern: str

    def __post_init__(self) -> None:
        self._parts()

    def _parts(self) -> list[tuple[str, str | None]]:
        """Fixed texts, each with the placeholder after it, if there is one."""
        try:
            parts = list(string.Formatter().parse(self.pattern))
        except ValueError as error:
            raise ValueError(
                f"{self.pattern!r}: {error}: write {{{{ and }}}} for braces, {{column}} for a value"
            ) from None
        for _, name, form, conversion in parts:
            if name is not None and (not name.strip() or form or conversion):
                raise ValueError(
                    f"{self.pattern!r}: a placeholder is {{column}} or {{column.field}}, without '!' and ':'; where a "
                    f"name holds these, give it another by `columns`"
                )
        return [(fixed, name) for fixed, name, _, _ in parts]

    @property
    def placeholders(self) -> tuple[str, ...]:
        return tuple(name for _, name in self._parts() if name is not None)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name.partition(".")[0] for name in self.placeholders))

    def fill(self, row: Row) -> str | None:
        """The text with the row's values; None where one is missing."""
        filled = []
        for fixed, name in self._parts():
            filled.append(fixed)
            if name is not None:
                value = field(row, name)
                if is_missing(value):
                    return None
                filled.append(_spelled(value, name).strip())
        return "".join(filled)


def field(row: Row, name: str) -> Any:
    """The value of a placeholder. Raises `BenchmarkError` naming the field that is not there."""
    column, *path = name.split(".")
    value, reached = row[column], column
    for part in path:
        if value is None:
            return None
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            there = f"it has {', '.join(map(str, value))}" if isinstance(value, dict) else f"it is {str(value)[:40]!r}"
            raise BenchmarkError(f"column {reached!r} has no field {part!r}: {there}")
        reached += f".{part}"
    return value


def _spelled(value: object, name: str) -> str:
    try:
        return spell(value)
    except BenchmarkError as error:
        raise BenchmarkError(f"column {name!r} {error}") from error


@dataclass(frozen=True, slots=True)
class Texts:
    """Several texts: each with placeholders of its own, or all from one placeholder whose value is a list."""

    patterns: str | Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.patterns, str):
            parts = Text(self.patterns)._parts()
            if len(parts) != 1 or parts[0][0] or parts[0][1] is None:
                raise ValueError(
                    f"{self.patterns!r} has to be a list of texts, or one placeholder of a list: '{{column}}'"
                )
        else:
            for pattern in self.patterns:
                Text(pattern)

    @property
    def columns(self) -> tuple[str, ...]:
        each = [self.patterns] if isinstance(self.patterns, str) else self.patterns
        return tuple(dict.fromkeys(column for pattern in each for column in Text(pattern).columns))

    @property
    def fixed(self) -> bool:
        return not self.columns

    def fill(self, row: Row) -> list[str]:
        """The texts; a listed pattern whose value is missing is left out, and a missing item of a list is refused."""
        if isinstance(self.patterns, str):
            name = Text(self.patterns).placeholders[0]
            return [text.strip() for text in listed(field(row, name), name)]
        return [text.strip() for text in (Text(pattern).fill(row) for pattern in self.patterns) if text is not None]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a prompt in the parameters says; `template` makes of it what a template in a file is."""

    prompt: Text
    target: Text
    delimiter: str
    choices: Texts | None
    references: Texts | None
    label: Text | None

    @property
    def columns(self) -> tuple[str, ...]:
        parts = (self.prompt, self.target, self.choices, self.references, self.label)
        return tuple(dict.fromkeys(column for part in parts if part is not None for column in part.columns))

    def render(self, row: Row) -> Example | None:
        """The example of a row; None where its target is missing."""
        target = self.target.fill(row)
        if target is None:
            return None
        target = target.strip()
        text = self.prompt.fill(row)
        if text is None:
            missing = next(name for name in self.prompt.placeholders if is_missing(field(row, name)))
            raise BenchmarkError(
                f"column {missing!r} is missing: complete it, or pass such rows over by the step "
                f"{{step: present, column: {missing.partition('.')[0]}}}"
            )
        label = comparable(self.label.fill(row) or "") if self.label else ""
        if self.choices is None:
            others = self.references.fill(row) if self.references else []
            references = tuple(dict.fromkeys(answer for answer in (target, *others) if answer))
            return Example(text, self.delimiter + target, references=references, label=label)
        choices = self.choices.fill(row)
        if not self.choices.fixed:  # those are checked with the parameters
            require_choices(choices)
        target = choices[choice(target, choices)]
        if not self.label and self.choices.fixed:
            label = target
        return Example(
            text, self.delimiter + target, choices=tuple(self.delimiter + choice for choice in choices), label=label
        )

    def template(self, max_new_tokens: int) -> Template:
        """What a template in a file is, with the usual metric of its kind."""
        kind: Kind = "generative" if self.choices is None else "classification"
        return Template(
            "prompt",
            kind,
            "exact_match" if self.choices is None else "accuracy",
            self.columns,
            self.render,
            separator="\n\n",
            stop="\n",
            max_new_tokens=max_new_tokens,
            typical=(150, 10),
        )
