"""Which columns of somebody's rows are read, offered and written: parameters of a dataset, guessed by names and values.

    guess_dataset(rows, path).parameters        {"prompt": "Question: {question}\\nAnswer:", "target": "{answer}", ...}

Where several columns could be the answer, none is taken: a wrong guess would look like a result.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import comparable
from benchmark.tasks.numbers import parse_number
from benchmark.tasks.rows import Rows
from benchmark.tasks.values import is_missing, listed, spell, text, whole_number

# Names as their words, small: `answerKey`, "Answer Key" and `answer_key` are one. Those that come first are preferred.
QUESTIONS = (
    *("question", "instruction", "problem", "query", "prompt", "goal", "hypothesis", "ctx", "sentence", "utterance"),
    *("review", "text", "input", "article", "document", "dialogue"),
)
CONTEXTS = ("context", "passage", "article", "paragraph", "document", "story", "support", "premise", "text", "input")
ANSWERS = (
    *("correct answer", "best answer", "label text", "label name", "answer", "label", "target", "output", "gold"),
    *("correct", "cop", "response", "completion", "solution", "summary", "highlights", "class", "category", "topic"),
    *("sentiment", "intent", "answers"),
)
LISTS = ("choices", "options", "candidates", "endings", "alternatives")
NUMBERED = ("", "op", "opt", "option", "choice", "sol", "solution", "ending", "answer", "alternative", "candidate")
"""What stands before the number or letter of a choice's column: opa, sol1, ending0, "Option A"; A alone."""
PAIRS = (*QUESTIONS, "sent")
"""The same of texts that are read together: question1 and question2."""
ABOUT = {"id", "idx", "uid", "qid", "uuid", "index", "url", "source", "date", "time", "timestamp", "split", "type"}
"""Words in names of columns that say something about a row."""
NO_ANSWER = {"id", "type", "start", "incorrect", "wrong", "distractor", "explanation", *LISTS}
LETTERS = "ABCDEFGHIJ"
LOOKED_AT = 1000
CLASSES = 20
"""Different answers up to which they are taken for classes, if each occurs twice or more on average."""


@dataclass(slots=True)
class Guess:
    """Parameters of the dataset that were guessed, and what to say about each."""

    parameters: dict[str, Any]
    said: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Some of the rows; of each column the values that are there, and their texts where it holds nothing else."""

    rows: Rows
    sample: list[dict[str, Any]]
    columns: dict[str, list[Any]]
    texts: dict[str, list[str]]
    others: dict[str, str]
    """Why a column is not one of texts."""

    @classmethod
    def of(cls, rows: Rows) -> Table:
        sample = [rows.row(index, rows.names) for index in range(0, len(rows), max(1, len(rows) // LOOKED_AT))]
        there = {name: [row[name] for row in sample if not is_missing(row[name])] for name in rows.names if name}
        columns = {name: values for name, values in there.items() if values}
        texts, others = {}, {}
        for name, values in columns.items():
            try:
                texts[name] = [spell(value).strip() for value in values]
            except BenchmarkError as error:
                others[name] = str(error)
        return cls(rows, sample, columns, texts, others)

    def always(self, name: str) -> bool:
        return len(self.columns[name]) == len(self.sample)


@dataclass(slots=True)
class Holes:
    """Placeholders of columns. One whose name cannot stand in one gets another, which `renamed` keeps."""

    taken: Collection[str]
    renamed: dict[str, str] = field(default_factory=dict)

    def __call__(self, column: str, inside: str = "") -> str:
        if not re.search(r"[.{}!:\[\]]", column) and column == column.strip():
            return f"{{{column}{inside}}}"
        name = re.sub(r"\W+", "_", column).strip("_") or "column"
        while name in self.taken or self.renamed.get(name, column) != column:
            name += "_"
        self.renamed[name] = column
        return f"{{{name}{inside}}}"

    def used(self, parameters: dict[str, Any]) -> dict[str, str]:
        """Those new names that stand in the parameters."""
        written = str(parameters)
        return {name: column for name, column in self.renamed.items() if re.search(rf"{{{name}[.}}]", written)}


@dataclass(frozen=True, slots=True)
class Offer:
    """Choices in columns of their own, or in the fields of one: the letter, placeholder and name of each."""

    letters: Sequence[str]
    holes: list[str]
    names: Sequence[str]
    texts: list[list[str]]
    """The choices of each row."""


def guess_dataset(rows: Rows, data: Path) -> Guess:
    """Parameters for rows whose columns are looked at. Raises `BenchmarkError` where question or answer is unclear."""
    if len(rows) < 4:
        raise BenchmarkError(f"{data} has {len(rows)} rows: at least 4 are needed, some hundred for a verdict")
    table = Table.of(rows)
    try:
        return _guess(table)
    except BenchmarkError as error:
        raise BenchmarkError(f"{data}: {error}; or write the profile by hand: docs/own-data.md") from error


def _guess(table: Table) -> Guess:
    columns, texts = table.columns, table.texts
    if {"title", "context", "question", "answers"} <= {*columns} and all(map(_has_texts, columns["answers"])):
        return Guess({"template": "squad"}, ["rows as SQuAD has them"])
    apart = next(_numbered(texts, NUMBERED), [])
    answer = _named([name for name in columns if name not in apart], ANSWERS, NO_ANSWER)
    shown = _shown({name: texts[name] for name in texts if name != answer and (name not in apart or answer is None)})
    if answer is None or not shown:
        answer = _only_other(table, shown)
    before, after = (_beside(table, known, {*shown, answer, *apart}) for known in (CONTEXTS, LISTS))
    shown = [*before, *shown, *after]
    hole = Holes(columns)
    guess = Guess(
        {"prompt": _prompt(shown, hole), "target": hole(answer)},
        [f"what a model reads is column {' and '.join(map(repr, shown))}, what it should write {answer!r}"],
    )
    partly = [name for name in shown if not table.always(name)]
    if partly:
        guess.parameters["steps"] = [{"step": "present", "column": name} for name in partly]
        guess.said.append(f"rows without {' or '.join(map(repr, partly))} are passed over")
    if answer in texts:
        if not (_choices(guess, table, answer, shown, apart, hole) or _classes(guess, table, answer)):
            _generated(guess, texts[answer])
    elif all(map(_is_list, columns[answer])) or all(map(_has_texts, columns[answer])):
        _first_of_several(guess, columns[answer], answer, hole)
    else:
        raise BenchmarkError(f"column {answer!r} {table.others[answer]}")
    if renamed := hole.used(guess.parameters):
        guess.parameters["columns"] = renamed
    return guess


# --- what is read ---


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def _named(names: Iterable[str], known: Sequence[str], never: Collection[str] = ()) -> str | None:
    """The column that is named so; else one with such a word in its name, and none of `never`."""
    words = {name: _words(name) for name in names}
    exact = (name for wanted in known for name in words if " ".join(words[name]) == wanted)
    within = (name for wanted in known for name in words if wanted in words[name] and not {*never} & {*words[name]})
    return next(exact, None) or next(within, None)


def _numbered(names: Iterable[str], stems: Collection[str]) -> Iterator[list[str]]:
    """Columns that are counted from 0, 1 or a, after one of `stems`: option_a, option_b, ..."""
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for name in names:
        found = re.fullmatch(r"(.*?)[\W_]*([0-9]|[a-j])", name.strip().lower())
        if found:
            groups[found[1]].setdefault(found[2], name)
    for stem, marks in groups.items():
        if (_words(stem) or [""])[-1] not in stems:
            continue
        for first in "01a" if stem else "a":
            run = [marks[mark] for mark in takewhile(marks.__contains__, (chr(ord(first) + n) for n in range(10)))]
            if len(run) > 1:
                yield run


def _shown(texts: dict[str, list[str]]) -> list[str]:
    """The question, or the two that are read together; else the column with the longest texts."""
    named = _named([name for name in texts if len(_words(name)) == 1], QUESTIONS)
    if named is None and (pair := next(_numbered(texts, PAIRS), None)):
        return pair
    free = {name: values for name, values in texts.items() if not ABOUT & {*_words(name)}}
    longest = max(free, key=lambda name: sum(map(len, free[name])) / len(free[name]), default=None)
    named = named or _named(free, QUESTIONS) or longest
    return [] if named is None else [named]


def _only_other(table: Table, shown: Sequence[str]) -> str:
    """The answer where no name says which it is: the one other column. Raises `BenchmarkError` where there is none."""
    rest = [name for name in table.texts if name not in shown and not ABOUT & {*_words(name)}]
    if shown and len(rest) == 1:
        return rest[0]
    if shown and rest:
        raise BenchmarkError(
            f"which of its columns is the answer is unclear ({', '.join(map(repr, rest))}): rename it `answer`, and "
            f"what a model should read `question`; where these are no names, state `header`"
        )
    raise BenchmarkError(
        f"it has the columns {', '.join(map(repr, table.rows.names)) or 'none'}: two with texts are needed, a question "
        f"and an answer; if it is read wrongly, state `delimiter` or `records`"
    )


def _beside(table: Table, known: Sequence[str], used: Collection[str]) -> list[str]:
    """Texts that belong to the question, if at least half of the rows have them."""
    free = [name for name in table.texts if name not in used and 2 * len(table.texts[name]) >= len(table.sample)]
    return [name for wanted in known for name in free if " ".join(_words(name)) == wanted]


def _prompt(shown: Sequence[str], hole: Holes) -> str:
    titles = [" ".join(_words(name)).capitalize() for name in shown] if len(shown) > 1 else ["Question"]
    return "".join(f"{title}: {hole(name)}\n" for title, name in zip(titles, shown, strict=True)) + "Answer:"


# --- what is written ---


def _choices(guess: Guess, table: Table, answer: str, shown: Sequence[str], apart: list[str], hole: Holes) -> bool:
    """Adds the choices that the rows offer; False where they offer none, or none that the answers could be."""
    offering = [name for name in table.columns if {*_words(name)} & {*LISTS} and table.always(name)]
    lists = [name for name in offering if all(map(_is_list, table.columns[name]))]
    labelled = [name for name in offering if all(map(_is_labelled, table.columns[name]))]
    if lists:
        _from_list(guess, table, answer, lists[0], hole)
    elif labelled and len(shown) == 1:
        names = {"question": shown[0], "choices": labelled[0], "answerKey": answer}
        del guess.parameters["prompt"], guess.parameters["target"]
        guess.parameters |= {"template": "arc", "columns": names}
        guess.said.append(f"a choice among the texts in column {labelled[0]!r}, as in ARC")
    else:
        return any(_from_offer(guess, table, answer, offer) for offer in _offers(table, offering, apart, hole))
    return True


def _pairs(table: Table, answer: str, texts: Sequence[list[str]]) -> list[tuple[list[str], str]]:
    """The choices and the answer of each row that has one."""
    return [
        (items, comparable(text(row, answer)))
        for row, items in zip(table.sample, texts, strict=True)
        if not is_missing(row[answer]) and whole_number(row[answer]) != -1
    ]


def _ways(pairs: Sequence[tuple[list[str], str]], *names: Sequence[str]) -> tuple[list[str], str] | None:
    """Words for the first choice, the second and so on that answers are, and how to say it; no words where answers are
    the choices themselves; None where they are neither.
    """
    if all(written in map(comparable, items) for items, written in pairs):
        return [], "is one of them"
    most = max((len(items) for items, _ in pairs), default=0)
    from_0, from_1 = ([str(first + place) for place in range(most)] for first in (0, 1))
    zero = any(_as_position(written) == "0" for _, written in pairs)
    for words, how in (
        *((words, "by name") for words in names),
        (from_0, "from 0" if zero else "from 0, or from 1: 0 does not occur"),
        (from_1, "from 1"),
        (LETTERS, "by letters"),
        (LETTERS.lower(), "by letters"),
    ):
        if all(_as_position(written) in [*words][: len(items)] for items, written in pairs):
            return [*words][:most], f"is a position, {how}"
    return None


def _as_position(written: str) -> str:
    number = whole_number(written)
    return written if number is None else str(number)


def _from_list(guess: Guess, table: Table, answer: str, column: str, hole: Holes) -> None:
    found = _ways(_pairs(table, answer, [listed(row[column], column) for row in table.sample]))
    if found is None:
        raise BenchmarkError(
            f"column {answer!r} is neither an item of the list in column {column!r} nor a position in it"
        )
    words, how = found
    guess.parameters["choices"] = hole(column)
    guess.said.append(f"a choice among the list in column {column!r}: {answer!r} {how}")
    if words:
        step: dict[str, Any] = {"step": "item", "column": column, "at": answer, "into": "answer_text"}
        if words[0] != "0":
            step["names"] = words
        guess.parameters["steps"] = [*guess.parameters.get("steps", []), step]
        guess.parameters["target"] = "{answer_text}"


def _offers(table: Table, offering: Sequence[str], apart: list[str], hole: Holes) -> Iterator[Offer]:
    for column in offering:
        values = table.columns[column]
        if all(isinstance(value, dict) for value in values):
            keys = [key for key in values[0] if all(key in value for value in values)]
            texts = [listed([value[key] for key in keys], column) for value in values]
            yield Offer(keys, [hole(column, f".{key}") for key in keys], [], texts)
    names = [*takewhile(table.always, apart)]
    if len(names) > 1:
        texts = [[text(row, name) for name in names] for row in table.sample]
        yield Offer(LETTERS[: len(names)], [hole(name) for name in names], names, texts)


def _from_offer(guess: Guess, table: Table, answer: str, offer: Offer) -> bool:
    found = _ways(_pairs(table, answer, offer.texts), offer.letters, offer.names)
    if found is None or len(offer.holes) < 2:
        return False
    words, how = found
    if not words:
        guess.parameters["choices"] = offer.holes
        guess.said.append(f"a choice among {', '.join(offer.holes)}: {answer!r} {how}")
        return True
    offered = "".join(f"\n{letter}. {hole}" for letter, hole in zip(offer.letters, offer.holes, strict=True))
    prompt = guess.parameters["prompt"].removesuffix("\nAnswer:")
    guess.parameters |= {"prompt": f"{prompt}{offered}\nAnswer:", "choices": [*offer.letters]}
    guess.said.append(f"a choice among the letters {', '.join(offer.letters)}: {answer!r} {how}")
    if words == [*offer.letters]:
        return True
    letters = dict(zip(words, offer.letters, strict=True))
    written = {*table.texts[answer]}
    values = letters | {raw: letters[_as_position(raw)] for raw in sorted(written) if _as_position(raw) in letters}
    steps = guess.parameters.get("steps", [])
    if any(whole_number(raw) == -1 for raw in written):
        steps = [*steps, {"step": "keep", "column": answer, "values": [*values]}]
        guess.said.append(f"rows whose {answer!r} is -1 are unlabelled")
    guess.parameters["steps"] = [*steps, {"step": "map", "column": answer, "into": "answer_letter", "values": values}]
    guess.parameters["target"] = "{answer_letter}"
    return True


def _classes(guess: Guess, table: Table, answer: str) -> bool:
    """Adds the different answers of all rows, sorted, where they are few and those looked at repeat."""
    written, rows = table.texts[answer], table.rows
    if not 2 <= len(set(written)) <= CLASSES or len(written) < 2 * len(set(written)):
        return False
    values = (rows.row(index, [answer])[answer] for index in range(len(rows)))
    classes = sorted({spell(value).strip() for value in values if not is_missing(value)})
    if len(classes) > CLASSES:
        return False
    guess.parameters["choices"] = classes
    guess.said.append(f"{len(classes)} classes: {', '.join(classes)}")
    if all(len(name) == 1 and name.isalpha() for name in classes):
        guess.said.append("these look like the letters of choices in other columns, which the prompt does not show yet")
    return True


def _generated(guess: Guess, written: Sequence[str]) -> None:
    numbers = all(parse_number(text) is not None for text in written)
    metric = "numeric_match" if numbers else "answer_match"
    limit = max(16, *map(len, written))
    guess.parameters |= {"metric": metric, "max_new_tokens": limit}
    guess.said.append(f"the answer is generated, up to {limit} tokens, and compared by {metric}")
    if any("\n" in text for text in written):
        guess.parameters |= {"stop": "\n\n", "separator": "\n\n\n"}
        guess.said.append("answers have several lines: one ends at an empty line")


def _first_of_several(guess: Guess, values: Sequence[Any], answer: str, hole: Holes) -> None:
    inside = ".text" if isinstance(values[0], dict) else ""
    several = [value["text"] if inside else value for value in values]
    if not all(several):
        raise BenchmarkError(f"column {answer!r} holds a list without a text in some rows: leave these out")
    guess.parameters |= {"target": hole(answer, f"{inside}.0"), "references": hole(answer, inside)}
    guess.said.append(f"the first text of {answer!r} is the target, and the others count, too")
    _generated(guess, [each for texts in several for each in listed(texts, answer)])


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _has_texts(value: object) -> bool:
    """Whether answers are as SQuAD has them."""
    return isinstance(value, dict) and _is_list(value.get("text"))


def _is_labelled(value: object) -> bool:
    """Whether choices are as ARC has them: lists of texts and of their labels."""
    return isinstance(value, dict) and {*value} == {"text", "label"} and all(map(_is_list, value.values()))
