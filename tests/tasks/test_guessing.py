"""Columns as datasets on the hub and in spreadsheets have them: what is read, offered and written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import BenchmarkError
from benchmark.sources.datasets.local import LocalDataset
from benchmark.tasks.example import Example
from benchmark.tasks.formats import Reading, read_rows
from benchmark.tasks.guessing import guess_dataset

ROWS = 24


def four(n: int) -> list[str]:
    return [f"{colour} {n}" for colour in ("red", "blue", "green", "black")]


def examples(folder: Path, row: Callable[[int], dict[str, Any]]) -> tuple[dict[int, Example], dict[str, Any]]:
    """The example of each row under the guess, by the number of the row, and the guess itself."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row(n)) + "\n" for n in range(ROWS)))
    rows = read_rows([path], Reading())
    guess = guess_dataset(rows, path).parameters
    recipe = LocalDataset.model_validate({"source": "local", "pool_files": [str(path)], **guess}).recipe()
    recipe.require(rows)
    rendered = {n: recipe.render(rows, n) for n in range(ROWS)}
    return {n: example for n, example in rendered.items() if isinstance(example, Example)}, guess


def by_letter(n: int) -> tuple[str, tuple[str, ...]]:
    return "ABCD"[n % 4], tuple("ABCD")


def by_text(n: int) -> tuple[str, tuple[str, ...]]:
    return four(n)[n % 4], tuple(four(n))


NAMES = ("opa", "opb", "opc", "opd")
LETTERED = [f"Option {letter}" for letter in "ABCD"]
CHOSEN: dict[str, tuple[Callable[[int], dict[str, Any]], Callable[[int], tuple[str, tuple[str, ...]]]]] = {
    "medmcqa": (
        lambda n: {"id": n, "question": f"q {n}", **dict(zip(NAMES, four(n), strict=True)), "cop": n % 4, "exp": "e"},
        by_letter,
    ),
    "a position from 1, in quotes": (
        lambda n: {"sentence": f"q {n}", **{f"option{k + 1}": four(n)[k] for k in range(4)}, "answer": str(n % 4 + 1)},
        by_letter,
    ),
    "swag": (
        lambda n: {"sent1": f"q {n}", "sent2": "She", **{f"ending{k}": four(n)[k] for k in range(4)}, "label": n % 4},
        by_letter,
    ),
    "letters of another case": (
        lambda n: {"Q": f"q {n}", **dict(zip(LETTERED, four(n), strict=True)), "Correct Answer": "abcd"[n % 4]},
        by_letter,
    ),
    "names of columns": (
        lambda n: {"question": f"q {n}", **dict(zip(NAMES, four(n), strict=True)), "answer": NAMES[n % 4]},
        by_letter,
    ),
    "texts of columns": (
        lambda n: {"question": f"q {n}", **dict(zip(NAMES, four(n), strict=True)), "answer": four(n)[n % 4]},
        by_text,
    ),
    "texts of an object": (
        lambda n: {"question": f"q {n}", "options": dict(zip("ABCD", four(n), strict=True)), "answer": four(n)[n % 4]},
        by_text,
    ),
    "hellaswag": (
        lambda n: {"ind": n, "ctx_a": "a", "ctx_b": "b", "ctx": f"q {n}", "endings": four(n), "label": str(n % 4)},
        by_text,
    ),
    "a name with a dot": (
        lambda n: {"in.question": f"q {n}", "answer.options": four(n), "out.answer": "ABCD"[n % 4]},
        by_text,
    ),
    "openbookqa": (
        lambda n: {
            "id": f"7-{n}",
            "question_stem": f"q {n}",
            "choices": {"text": four(n), "label": [*"ABCD"]},
            "answerKey": "ABCD"[n % 4],
        },
        by_text,
    ),
}


@pytest.mark.parametrize("form", CHOSEN)
def test_choices_are_found_and_the_answer_among_them(tmp_path: Path, form: str) -> None:
    row, expected = CHOSEN[form]
    found, _ = examples(tmp_path, row)
    assert [*found] == [*range(ROWS)]
    for n, example in found.items():
        target, choices = expected(n)
        assert f"q {n}" in example.input
        assert (example.target.strip(), tuple(choice.strip() for choice in example.choices)) == (target, choices)
        if target in "ABCD":
            assert [line for line in example.input.splitlines() if line[1:3] == ". "] == [
                f"{letter}. {each}" for letter, each in zip("ABCD", four(n), strict=True)
            ]


WRITTEN: dict[str, tuple[Callable[[int], dict[str, Any]], list[str], str]] = {
    "sciq": (
        lambda n: {"question": f"q {n}", "distractor1": "x", "correct_answer": f"a {n}", "support": f"s {n}"},
        ["Support: s {n}", "Question: q {n}"],
        "a {n}",
    ),
    "boolq": (
        lambda n: {"question": f"q {n}", "answer": bool(n % 2), "passage": f"p {n}"},
        ["Passage: p {n}", "Question: q {n}"],
        "{truth}",
    ),
    "snli": (
        lambda n: {"premise": f"a long premise {n}", "hypothesis": f"h {n}", "label": n % 2},
        ["Premise: a long premise {n}", "Hypothesis: h {n}"],
        "{class}",
    ),
    "qqp": (
        lambda n: {"question1": f"q {n}", "question2": f"r {n}", "is_duplicate": n % 2, "id": n, "qid1": 2 * n},
        ["Question 1: q {n}", "Question 2: r {n}"],
        "{class}",
    ),
    "squad": (
        lambda n: {"id": "5", "title": "t", "context": f"c {n}", "question": f"q {n}", "answers": {"text": [f"a {n}"]}},
        ["c {n}", "q {n}"],
        "a {n}",
    ),
    "web questions": (
        lambda n: {"url": f"u{n}", "question": f"q {n}", "answers": [f"a {n}", "other"]},
        ["Question: q {n}"],
        "a {n}",
    ),
    "truthfulqa": (
        lambda n: {
            "type": "x",
            "category": "c",
            "question": f"q {n}",
            "best_answer": f"a {n}",
            "correct_answers": ["y"],
        },
        ["Question: q {n}"],
        "a {n}",
    ),
    "cnn": (
        lambda n: {"article": f"a long story {n} " * 9, "highlights": f"a {n}", "id": f"abc{n}"},
        ["Question: a long story {n} a"],
        "a {n}",
    ),
    "mathqa": (
        lambda n: {"Problem": f"q {n}", "options": f"a ) {n} , b ) 0", "correct": "ab"[n % 2], "category": "gain"},
        ["Problem: q {n}", "Options: a ) {n} , b ) 0"],
        "{letter}",
    ),
    "words beside numbers": (
        lambda n: {"text": f"q {n}", "label": n % 2, "label_text": f"class {n % 2}"},
        ["Question: q {n}"],
        "class {class}",
    ),
    "names that are alike but for a sign": (
        lambda n: {"the.question": f"q {n}", "the_question": n, "the:context": f"c {n}", "answer": "x"},
        ["q {n}"],
        "x",
    ),
    "a name with braces": (
        lambda n: {"Question: what {this}?": f"q {n}", "Answer": f"a {n}"},
        ["Question: q {n}"],
        "a {n}",
    ),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_what_is_read_and_written_is_found(tmp_path: Path, form: str) -> None:
    row, read, written = WRITTEN[form]
    found, _ = examples(tmp_path, row)
    assert [*found] == [*range(ROWS)]
    for n, example in found.items():
        values = {"n": n, "class": n % 2, "truth": ["false", "true"][n % 2], "letter": "ab"[n % 2]}
        assert example.target.strip() == written.format(**values)
        assert [line for line in read if line.format(**values) not in example.input] == []


def test_all_answers_of_a_list_count(tmp_path: Path) -> None:
    found, _ = examples(tmp_path, lambda n: {"question": f"q {n}", "answer": [f"a {n}", f"b {n}"]})
    assert found[3].references == ("a 3", "b 3")


def test_rows_that_are_not_whole_are_passed_over(tmp_path: Path) -> None:
    found, _ = examples(
        tmp_path,
        lambda n: {"goal": f"q {n}", "sol1": f"x {n}", "sol2": f"y {n}", "label": -1 if n % 3 == 0 else n % 2},
    )
    assert [*found] == [n for n in range(ROWS) if n % 3]
    found, guess = examples(
        tmp_path,
        lambda n: {"instruction": f"q {n}", "input": "" if n % 4 == 0 else f"i {n}", "output": f"a {n}"},
    )
    assert [*found] == [n for n in range(ROWS) if n % 4]
    assert guess["steps"] == [{"step": "present", "column": "input"}]
    found, _ = examples(  # where few rows have it, it is not needed
        tmp_path,
        lambda n: {"instruction": f"q {n}", "input": f"i {n}" if n % 4 == 0 else "", "output": f"a {n}"},
    )
    assert len(found) == ROWS


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (
            lambda n: {"uid": f"u{n}", "frage": f"frage {n}", "antwort": f"a {n}", "buch": "b"},
            "answer is unclear .*rename",
        ),
        (lambda n: {"question": f"q {n}", "answer": {"value": n}}, "column 'answer' holds a mapping"),
        (lambda n: {"question": f"q {n}", "answers": [] if n == 5 else ["a"]}, "a list without a text in some rows"),
        (lambda n: {"messages": [{"role": "user", "content": f"q {n}"}]}, "has the columns 'messages': two with texts"),
        (lambda n: {"question;answer": f"q;{n}"}, "two with texts are needed.* state `delimiter`"),
        (
            lambda n: {"q": f"q {n}", "options": ["x", "y"], "answer": f"z{n}"},
            "neither an item of the list .* nor a position",
        ),
    ],
)
def test_what_is_unclear_is_not_guessed(tmp_path: Path, row: Callable[[int], dict[str, Any]], line: str) -> None:
    with pytest.raises(BenchmarkError, match=rf"rows\.jsonl: .*{line}.*write the profile by hand"):
        examples(tmp_path, row)
