"""A profile of one's own, as a new user makes it: a CSV of questions and a folder with a model."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from benchmark.cli import main
from benchmark.params import load_params


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gpt2").mkdir()
    (tmp_path / "gpt2" / "config.json").write_text("{}")
    return tmp_path


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


QUESTIONS = [{"id": n, "question": f"What is number {n}?", "answer": f"word {n}"} for n in range(60)]


def test_sixty_questions_become_a_profile_that_is_checked(place: Path) -> None:
    table(place / "My Questions.csv", QUESTIONS)
    code, said = run("new", "mine", "--model", "gpt2", "--data", "My Questions.csv")
    assert code == 0, said
    params = load_params(place / "mine" / "params.yaml")
    assert list(params.datasets) == ["my_questions"]
    assert list(params.models) == ["gpt2"]
    for line in (
        "wrote mine/params.yaml",
        "mine/dvc.yaml",
        "dvc --cd mine repro",
        "column 'question'",
        "40 candidates",
    ):
        assert line in said
    code, said = run("--params", "mine/params.yaml", "check", "my_questions")
    assert code == 0, said
    assert "« word" in said.replace("'", "")
    assert "between two examples: '\\n\\n'" in said


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            [{"sentence": f"text {n} of it", "label": ["bad", "good"][n % 2]} for n in range(20)],
            {"prompt": "Question: {sentence}\nAnswer:", "choices": ("bad", "good"), "target": "{label}"},
        ),
        (
            [{"question": f"sum {n}?", "answer": n * 7} for n in range(30)],
            {"metric": "numeric_match", "choices": None},
        ),
        (
            [{"question": f"q {n}?", "A": f"a{n}", "B": f"b{n}", "answer": "AB"[n % 2]} for n in range(12)],
            {"prompt": "Question: {question}\nA. {A}\nB. {B}\nAnswer:", "choices": ("A", "B")},
        ),
        (
            [{"question": f"q {n}?", "choices": json.dumps(["x", f"y{n}"]), "answer": n % 2} for n in range(12)],
            {"choices": "{choices}", "target": "{answer_text}"},
        ),
        (
            [{"question": f"q {n}?", "label": ["a", "b"][n >= 1500]} for n in range(1600)],
            {"choices": ("a", "b"), "target": "{label}"},
        ),
        ([{"Q": f"a longer text {n}", "K": f"k{n}"} for n in range(12)], {"target": "{K}", "metric": "answer_match"}),
    ],
)
def test_columns_are_guessed_and_the_guess_is_said(
    place: Path, rows: list[dict[str, Any]], expected: dict[str, Any]
) -> None:
    table(place / "rows.csv", rows)
    code, said = run("new", "mine", "--model", "gpt2", "--data", "rows.csv")
    assert code == 0, said
    assert "guessed:" in said
    made = load_params(place / "mine" / "params.yaml").datasets["rows"]
    assert {name: getattr(made, name) for name in expected} == expected


COLOURS = ("red", "blue", "green")


@pytest.mark.parametrize(
    ("form", "choices", "shown"),
    [
        (lambda n, texts: {"options": texts, "answer": "ABC"[n % 3]}, None, ""),
        (lambda n, texts: {"options": texts, "answer": "abc"[n % 3]}, None, ""),
        (lambda n, texts: {"options": texts, "answer": n % 3}, None, ""),
        (lambda n, texts: {"options": texts, "answer": n % 3 + 1}, None, ""),
        (lambda n, texts: {"endings": texts, "label": str(n % 3)}, None, ""),
        (lambda n, texts: {"choices": texts, "answer": texts[n % 3]}, None, ""),
        (lambda n, texts: {"choices": {"text": texts, "label": [*"ABC"]}, "label": "ABC"[n % 3]}, None, ""),
        (lambda n, texts: {"options": dict(zip("ABC", texts, strict=True)), "answer": "ABC"[n % 3]}, "ABC", "B. "),
        (lambda n, texts: {"options": [n, n + 1, n + 2], "answer": n + n % 3}, "numbers", ""),
        (lambda n, texts: {"options": texts, "answer": None if n % 4 == 0 else "ABC"[n % 3]}, None, ""),
    ],
    ids=["letters", "small", "from 0", "from 1", "in quotes", "texts", "ARC", "object", "numbers", "unlabelled"],
)
def test_choices_in_the_forms_that_datasets_have(place: Path, form: Any, choices: str | None, shown: str) -> None:
    """Every candidate's choices and gold answer are those of its row."""
    texts = [[f"{colour} {n}" for colour in COLOURS] for n in range(36)]
    rows = [{"question": f"Which is the one, {n}?", **form(n, texts[n])} for n in range(36)]
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, said = run("new", "mine", "--model", "gpt2", "--data", "rows.jsonl")
    assert code == 0, said
    dataset = load_params(place / "mine" / "params.yaml").datasets["rows"].build("rows")
    for example in (*dataset.pool, *dataset.queries):
        n = int(example.id.rpartition("-")[2])
        offered = {None: texts[n], "ABC": [*"ABC"], "numbers": [str(n), str(n + 1), str(n + 2)]}[choices]
        assert [each.strip() for each in example.choices] == offered
        assert example.target.strip() == offered[n % 3]
        assert example.input.startswith(f"Question: Which is the one, {n}?")
        assert f"{shown}{texts[n][1]}" in example.input or not shown


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("Mine", "gpt2", "rows.csv"), "is not a name for a profile"),
        (("mine", "none", "rows.csv"), "none is not a model"),
        (("mine", "gpt2", "none.csv"), "none.csv is missing"),
        (("mine", "gpt2", "few.csv"), "few.csv has 1 rows"),
        (("mine", "gpt2", "nan.jsonl"), "nan.jsonl: column 'answer' is NaN, which is not a value"),
        (("mine", "gpt2", "one.csv"), "has the columns 'question': two with texts are needed"),
        (("mine", "gpt2", "mapped.jsonl"), "mapped.jsonl: column 'choices[0]' holds a mapping"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(place: Path, arguments: tuple[str, ...], line: str) -> None:
    table(place / "rows.csv", QUESTIONS)
    table(place / "few.csv", QUESTIONS[:1])
    (place / "nan.jsonl").write_text('{"id": 1, "question": "a text", "answer": NaN}\n' * 5)
    mapped = {"question": "a text", "choices": [{"label": "A", "text": "x"}], "answer": "A"}
    (place / "mapped.jsonl").write_text("".join(json.dumps(mapped | {"id": n}) + "\n" for n in range(9)))
    table(place / "one.csv", [{"question": f"q {n}"} for n in range(9)])
    name, model, data = arguments
    code, said = run("new", name, "--model", model, "--data", data)
    assert code == 1
    assert line in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert not (place / name.lower()).exists()


def test_a_profile_that_is_there_stays(place: Path) -> None:
    table(place / "rows.csv", QUESTIONS)
    run("new", "mine", "--model", "gpt2", "--data", "rows.csv")
    before = (place / "mine" / "params.yaml").read_bytes()
    assert run("new", "mine", "--model", "gpt2", "--data", "rows.csv")[0] == 1
    assert (place / "mine" / "params.yaml").read_bytes() == before


def test_check_says_what_looks_wrong(place: Path) -> None:
    rows = [{"question": f"What is the name of the thing called {n}?", "answer": "yes"} for n in range(20)]
    rows += [{"question": "What is the name &amp; place of the one called x?", "answer": "two\nlines"}]
    rows += [{"question": f"{n} " + "long " * 200, "answer": "\ufffd"} for n in range(2)]
    rows += [{"question": f"Which language is {n}?", "answer": answer} for n, answer in enumerate(("C", "C++"))]
    rows += [{"question": f"Nothing {n}?", "answer": "nan"} for n in range(2)]
    rows += [{"question": "A caf\u00c3\u00a9 in<br />town?", "answer": "Yes"}]
    table(place / "rows.csv", rows)
    entry = {"source": "local", "template": "question_answer", "pool_files": ["rows.csv"], "pool": 18, "queries": 10}
    base = (Path(__file__).parents[2] / "params.yaml").read_text()
    content = yaml.safe_load(base) | {"datasets": {"rows": entry}}
    (place / "params.yaml").write_text(yaml.safe_dump(content))
    code, said = run("check", "rows")
    assert code == 0, said
    for line in (
        "1 gold answers do not score 1 against themselves, which the dataset stage refuses",
        "2 targets are 'nan' or the like",
        "answer_match takes 'C",
        "near-duplicates: ",
        "2 rows hold the character U+FFFD",
        "2 rows hold HTML, ",
        "1 rows hold UTF-8 that was read in another `encoding`, ",
        "'caf\u00c3\u00a9' for 'caf\u00e9'",
        "2 inputs are over 10 times as long",
    ):
        assert line in said
    assert run("check", "none")[1].startswith("error: unknown dataset 'none'")


@pytest.mark.parametrize(
    ("answers", "line"), [("yes yes", "every answer is 'yes'"), ("Yes yes", "of pool-\\d+ differ in case alone")]
)
def test_check_looks_at_the_answers_together(place: Path, answers: str, line: str) -> None:
    table(place / "rows.csv", [{"q": f"What is {n}?", "a": answers.split()[n % 2]} for n in range(20)])
    entry = {"source": "local", "prompt": "{q}", "target": "{a}", "pool_files": ["rows.csv"], "pool": 9, "queries": 4}
    base = (Path(__file__).parents[2] / "params.yaml").read_text()
    (place / "params.yaml").write_text(yaml.safe_dump(yaml.safe_load(base) | {"datasets": {"rows": entry}}))
    assert re.search(f"look at: .*{line}", run("check", "rows")[1])
