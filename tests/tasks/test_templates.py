"""Each template against its format, written out by hand."""

from __future__ import annotations

import re
from typing import Any

import pytest

from benchmark.errors import BenchmarkError
from benchmark.tasks.example import Example
from benchmark.tasks.metrics import get_metric
from benchmark.tasks.templates import TEMPLATES, get_template
from tests.hub_server.datasets import ROWS, UNLABELLED, make_rows

FOUR = {"text": ["wind", "a rock ", "sun", "ice"], "label": ["A", "B", "C", "D"]}
CASES: dict[str, tuple[dict[str, Any], Example]] = {
    "boolq": (
        {"question": "is the sky blue", "answer": True, "passage": "The sky is blue."},
        Example("The sky is blue.\nQuestion: is the sky blue?\nAnswer:", " yes", choices=(" no", " yes"), label="yes"),
    ),
    "arc": (
        {"question": "What erodes?", "choices": FOUR, "answerKey": "B"},
        Example("Question: What erodes?\nAnswer:", " a rock", choices=(" wind", " a rock", " sun", " ice")),
    ),
    "openbookqa": (
        {"question_stem": "Heat comes from the", "choices": FOUR, "answerKey": "C"},
        Example("Heat comes from the", " sun", choices=(" wind", " a rock", " sun", " ice")),
    ),
    "commonsense_qa": (
        {"question": "What is cold?", "choices": FOUR, "answerKey": "D"},
        Example(
            "Question: What is cold?\nA. wind\nB. a rock\nC. sun\nD. ice\nAnswer:",
            " D",
            choices=(" A", " B", " C", " D"),
        ),
    ),
    "ag_news": (
        {"text": "Shares rose. ", "label": 2},
        Example(
            "Article: Shares rose.\nTopic:",
            " Business",
            choices=(" World", " Sports", " Business", " Technology"),
            label="Business",
        ),
    ),
    "sst2": (
        {"sentence": "a joy ", "label": 1},
        Example(
            "a joy\nQuestion: Is this sentence positive or negative?\nAnswer:",
            " positive",
            choices=(" negative", " positive"),
            label="positive",
        ),
    ),
    "gsm8k": (
        {"question": "How many?", "answer": "10*150=<<10*150=1500>>1500\n#### 1,500"},
        Example("Question: How many?\nAnswer:", " 10*150=<<10*150=1500>>1500\n#### 1,500", references=("1500",)),
    ),
    "squad": (
        {
            "title": "Oslo",
            "context": "Oslo is in Norway.",
            "question": "Where is Oslo?",
            "answers": {"text": ["Norway", "in Norway", "Norway"], "answer_start": [11, 8, 11]},
        },
        Example(
            "Title: Oslo\n\nBackground: Oslo is in Norway.\n\nQuestion: Where is Oslo?\n\nAnswer:",
            " Norway",
            references=("Norway", "in Norway"),
        ),
    ),
    "nq_open": (
        {"question": "who wrote it", "answer": ["Ada", "Ada L."]},
        Example("Q: who wrote it?\nA:", " Ada", references=("Ada", "Ada L.")),
    ),
    "cnn_dailymail": (
        {"article": "It rained.", "highlights": "Rain .\nMuch of it ."},
        Example("Article: It rained.\n\nSummary:", " Rain . Much of it .", references=("Rain . Much of it .",)),
    ),
    "multiple_choice": (
        {"question": "Which?", "choices": ["x", "y"], "answer": 1},
        Example("Question: Which?\nAnswer:", " y", choices=(" x", " y")),
    ),
    "question_answer": (
        {"question": "Which?", "answer": "this"},
        Example("Question: Which?\nAnswer:", " this", references=("this",)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_row_is_rendered_as_written_here(name: str) -> None:
    row, expected = CASES[name]
    template = get_template(name)
    assert set(template.columns) == set(row)
    assert template.render(row) == expected


def test_every_template_is_tested() -> None:
    get_template("boolq")
    assert set(TEMPLATES) == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_what_a_template_declares_holds(name: str) -> None:
    template = get_template(name)
    get_metric(template.metric)
    rendered = template.render(CASES[name][0])
    assert rendered is not None
    assert bool(rendered.choices) == (template.kind == "classification")
    assert rendered.target.startswith(" ")
    assert not rendered.input.endswith(" ")
    assert template.kind == "classification" or template.stop not in rendered.target
    assert get_metric(template.metric)(rendered.target, rendered) == 1.0  # the gold answer is a right answer


@pytest.mark.parametrize("name", ROWS)
def test_rows_without_a_label_are_none(name: str) -> None:
    row = make_rows(name, 8, 0)[0]
    assert get_template(name).render(row) is not None
    assert get_template(name).render(row | UNLABELLED[name]) is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("arc", {"answerKey": "F"}),
        ("openbookqa", {"answerKey": "E"}),
        ("commonsense_qa", {"answerKey": "1"}),
        ("ag_news", {"label": 4}),
        ("sst2", {"label": 2}),
        ("boolq", {"answer": "maybe"}),
        ("multiple_choice", {"answer": 2}),
        ("multiple_choice", {"answer": "z"}),
    ],
)
def test_a_label_outside_the_choices_is_refused(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(BenchmarkError, match="outside the choices"):
        get_template(name).render(CASES[name][0] | change)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"choices": "red|blue", "answer": 0}, "column 'choices' is not a list, but 'red|blue'"),
        ({"choices": ["1", "2"], "answer": 1}, "answer 1 is a position, and also a choice"),
    ],
)
def test_choices_that_could_be_misread_are_refused(change: dict[str, Any], line: str) -> None:
    with pytest.raises(BenchmarkError, match=re.escape(line)):
        get_template("multiple_choice").render(CASES["multiple_choice"][0] | change)


def test_numbers_are_answers_too() -> None:
    for answer, references in ((4, ("4",)), ([4, "four", None], ("4", "four")), (0, ("0",))):
        rendered = get_template("question_answer").render({"question": "How many?", "answer": answer})
        assert rendered is not None
        assert (rendered.target, rendered.references) == (f" {references[0]}", references)
    for nothing in (None, "", " ", [], [None]):
        assert get_template("question_answer").render({"question": "How many?", "answer": nothing}) is None


def test_an_answer_without_a_number_is_refused() -> None:
    with pytest.raises(BenchmarkError, match=r"no number after '####': 'There are many\.'"):
        get_template("gsm8k").render({"question": "How many?", "answer": "There are many."})


@pytest.mark.parametrize(
    ("answer", "number"), [("#### 18", "18"), ("x\n#### -1,234", "-1234"), ("####  0.5", "0.5"), ("#### .75", ".75")]
)
def test_the_number_of_a_rationale(answer: str, number: str) -> None:
    rendered = get_template("gsm8k").render({"question": "How many?", "answer": answer})
    assert rendered is not None
    assert rendered.references == (number,)


def test_empty_contexts_leave_no_hole() -> None:
    boolq = get_template("boolq").render({"question": "is it so", "answer": False, "passage": ""})
    assert boolq is not None
    assert boolq.input == "Question: is it so?\nAnswer:"
    squad = get_template("squad").render(CASES["squad"][0] | {"context": ""})
    assert squad is not None
    assert squad.input == "Title: Oslo\n\nQuestion: Where is Oslo?\n\nAnswer:"


def test_an_unknown_template_is_told_its_neighbour() -> None:
    with pytest.raises(BenchmarkError, match="did you mean 'boolq'"):
        get_template("bolq")
