"""Prompts and steps in the parameters: what they make of rows, and what is said of a mistake."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from benchmark.errors import BenchmarkError
from benchmark.params import load_params
from benchmark.sources.datasets.local import LocalDataset
from benchmark.tasks.steps import STEPS, AnyStep
from benchmark.tasks.values import Cell, Written

ROWS = [
    {"text": f" row {n} is &amp; was ", "rating": [-3, 0.5, 2][n % 3], "options": ["red", "blue"], "n": n % 2}
    for n in range(30)
]
BINS = {"negative": [None, -1], "positive": [1, None]}
REVIEW: dict[str, Any] = {
    "prompt": "Review: {text}\nSentiment:",
    "target": "{sentiment}",
    "choices": ["negative", "positive"],
    "steps": [
        {"step": "unescape", "column": "text"},
        {
            "step": "bin",
            "column": "rating",
            "into": "sentiment",
            "bins": {"negative": [None, -1], "positive": [1, None]},
        },
    ],
    "pool": 8,
    "queries": 4,
}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def source(path: Path, **entry: Any) -> LocalDataset:
    return LocalDataset.model_validate({"source": "local", "pool_files": [str(path)], **entry})


def test_a_prompt_and_steps_make_examples(rows: Path) -> None:
    dataset = source(rows, **REVIEW, balance="label").build("d")
    assert (dataset.kind, dataset.metric, dataset.separator, dataset.stop) == (
        "classification",
        "accuracy",
        "\n\n",
        "\n",
    )
    assert Counter(example.label for example in dataset.pool) == {"negative": 4, "positive": 4}
    assert Counter(example.label for example in dataset.queries) == {"negative": 2, "positive": 2}
    for example in dataset.pool:
        number = int(example.id.removeprefix("pool-"))
        assert example.input == f"Review: row {number} is & was\nSentiment:"
        assert example.target == f" {['negative', '', 'positive'][number % 3]}"
        assert example.choices == (" negative", " positive")
    assert dataset.source["passed_over"]["pool"] == {"dropped_by_bin": 10}


def test_a_smaller_balanced_draw_begins_a_larger_one(rows: Path) -> None:
    large, small = (source(rows, **{**REVIEW, "pool": size}, balance="label").build("d").pool for size in (8, 4))
    assert large[:4] == small


def test_choices_of_the_row_and_answers_by_position(rows: Path) -> None:
    steps = [{"step": "item", "column": "options", "at": "n", "into": "answer"}]
    entry = {"prompt": "Which {{colour}}? {text}", "target": "{answer}", "choices": "{options}", "steps": steps}
    dataset = source(rows, **entry, pool=8, queries=2).build("d")
    assert {example.target for example in dataset.pool} == {" red", " blue"}
    assert all(example.choices == (" red", " blue") for example in dataset.pool)
    assert dataset.pool[0].input.startswith("Which {colour}? row")


def test_fields_of_values_references_and_other_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    chat = [{"input": [{"content": "x"}, {"content": f"say {n}"}], "ideal": [str(n), f"{n}.0"]} for n in range(6)]
    path.write_text("".join(json.dumps(row) + "\n" for row in chat))
    entry = {
        "prompt": "{input.1.content} >",
        "target": "{ideal.0}",
        "references": "{ideal}",
        "target_delimiter": "",
        "separator": " ; ",
        "stop": ";",
        "metric": "answer_match",
        "max_new_tokens": 3,
    }
    dataset = source(path, **entry, pool=3, queries=3).build("d")
    assert (dataset.kind, dataset.separator, dataset.stop, dataset.max_new_tokens) == ("generative", " ; ", ";", 3)
    number = dataset.pool[0].input.split()[1]
    assert (dataset.pool[0].target, dataset.pool[0].references) == (number, (number, f"{number}.0"))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"prompt": "{txet}"}, r"rows\.jsonl has no column 'txet' \(it has 'text', 'rating', 'options', 'n'\)"),
        ({"prompt": "{text.x}"}, r"rows\.jsonl, line \d+: column 'text' has no field 'x'"),
        (
            {"target": "{rating}"},
            r"rows\.jsonl, line \d+: the answer '.*' is outside the choices 'negative'",
        ),
        ({"prompt": "{options}"}, r"rows\.jsonl, line \d+: column 'options' holds a list, not a text"),
        ({"steps": [{"step": "lower", "column": "txt"}]}, r"has no column 'sentiment'"),
        ({"target": "{text}", "steps": [{"step": "lower", "column": "txt"}]}, r"no column 'txt' .*: correct the step"),
        ({"pool": 25}, r"gives 20 usable examples of 30 rows \(10 dropped by bin\), 25 were asked for"),
        ({"pool": 20}, r"query gives 0 usable examples .*20 in pool"),
        ({"balance": "label", "pool": 18, "queries": 4}, r"label 'negative' has 1 usable rows, and 2 are needed"),
        ({"metric": "acuracy"}, r"did you mean 'accuracy'"),
        ({"columns": {"other": "text"}}, r"has no column 'other' \(it has text, sentiment\): correct `columns`"),
    ],
)
def test_a_mistake_that_the_rows_show_is_one_line(rows: Path, change: dict[str, Any], line: str) -> None:
    with pytest.raises(BenchmarkError, match=line):
        source(rows, **{**REVIEW, **change}).build("d")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"template": "boolq"}, "either `template` or `prompt`"),
        ({"prompt": None}, "either `template` or `prompt`"),
        ({"target": None}, "needs a `target`"),
        ({"prompt": "{text} "}, "ends in white space"),
        ({"prompt": "{text"}, "expected .}. before end of string: write"),
        ({"prompt": "{}"}, "a placeholder is"),
        ({"choices": ["good", "bad ", "bad"]}, "names 'bad' twice"),
        ({"choices": ["good"]}, "two texts or more"),
        ({"choices": "good"}, "has to be a list of texts, or one placeholder"),
        ({"references": ["x"]}, "`references` is for generated answers"),
        ({"balance": "class"}, "balance"),
        ({"promt": "x"}, "did you mean 'prompt'.*The keys are source, template, prompt"),
        ({"steps": [{"step": "bin", "column": "r", "bins": {"a": [1, 3], "b": [2, 4]}}]}, "'a' and 'b' overlap"),
        ({"steps": [{"step": "bin", "column": "r", "bins": {"a": [3, 1]}}]}, "ends before it begins"),
        ({"steps": [{"step": "bins", "column": "r"}]}, "'bin'"),
        ({"steps": [{"step": "lower", "colum": "r"}]}, "did you mean 'column'"),
        ({"choices": ["caf\u00e9", "cafe\u0301"]}, "names 'café' twice"),
        ({"pool": True}, "`pool` cannot be true"),
        ({"steps": [{"step": "item", "column": "r", "at": True}]}, "`at` cannot be true"),
        ({"steps": [{"step": "keep", "column": "r", "values": [None]}]}, "a value is missing: write texts, in quotes"),
        ({"steps": [{"step": "map", "column": "r", "values": {"x": 1.5}}]}, "a value holds float, not a text"),
        ({"encoding": "utf8x"}, "unknown encoding: utf8x: name one that Python has"),
        ({"encoding": "rot13"}, "is not a text encoding"),
        ({"delimiter": "§"}, "'§' cannot stand between cells"),
        ({"delimiter": '"'}, "cannot stand between cells"),
        ({"target": "sentiment"}, "`target` is 'sentiment' for every row: write {column}"),
        ({"prompt": "Review: {{text}}"}, "`prompt` is .* for every row"),
        ({"label": "topic"}, "`label` is 'topic' for every row"),
        ({"choices": None, "references": ["{a}", "b"]}, "`references` is 'b' for every row"),
        ({"steps": [{"step": "bin", "column": "r", "bins": {"a": [float("inf"), None]}}]}, "finite number"),
    ],
)
def test_a_mistake_in_the_parameters_is_one_line(tmp_path: Path, change: dict[str, Any], line: str) -> None:
    base = yaml.safe_load(Path("params.yaml").read_text())
    entry = {"source": "local", "pool_files": ["a.csv"], **REVIEW, **change}
    base["datasets"] = {"mine": {key: value for key, value in entry.items() if value is not None}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(base))
    with pytest.raises(BenchmarkError, match=rf"params\.yaml: datasets\.mine.*{line}") as raised:
        load_params(tmp_path / "params.yaml")
    assert "\n" not in str(raised.value)


def test_yes_and_no_in_the_parameters_are_words(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("q,a\n" + "".join(f"q{n},{n % 3}\n" for n in range(12)))
    entry = f"""
  d:
    source: local
    pool_files: [{tmp_path / "a.csv"}]
    steps:
      - {{step: keep, column: a, values: [0, 1]}}
      - {{step: map, column: a, values: {{0: no, 1: yes}}}}
    prompt: "{{q}}"
    target: "{{a}}"
    choices: [no, yes]
    pool: 4
    queries: 2
"""
    base = yaml.safe_load(Path("params.yaml").read_text())
    del base["datasets"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(base) + "datasets:" + entry)
    dataset = load_params(tmp_path / "params.yaml").datasets["d"].build("d")
    assert {example.target for example in (*dataset.pool, *dataset.queries)} == {" no", " yes"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(base) + "datasets:" + entry + "    pool: 5\n")
    with pytest.raises(BenchmarkError, match=r"is not a YAML file: line \d+ has the key 'pool' a second time"):
        load_params(tmp_path / "params.yaml")


def test_labels_that_read_the_same_are_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    labels = ("caf\u00e9", "cafe\u0301 ", "tea", "tea")
    path.write_text("".join(json.dumps({"q": f"q{n}", "label": labels[n % 4]}) + "\n" for n in range(20)))
    entry = {"prompt": "{q}", "target": "{label}", "label": "{label}", "balance": "label", "pool": 8, "queries": 4}
    assert Counter(example.label for example in source(path, **entry).build("d").pool) == {"caf\u00e9": 4, "tea": 4}
    steps = [{"step": "keep", "column": "label", "values": ["caf\u00e9"]}]
    assert len(source(path, **{**entry, "pool": 7, "queries": 3}, steps=steps).build("d").pool) == 7
    renamed = {"step": "map", "column": "label", "values": {"cafe\u0301": "c", "tea": "t"}}
    assert {e.label for e in source(path, **entry, steps=[renamed]).build("d").pool} == {"c", "t"}


def test_a_name_that_is_not_found_is_explained(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("in.text,cafe\u0301\nu,x\nv,y\nw,z\nx,z\n")
    entry = {"prompt": "{q}", "target": "{cafe\u0301}", "pool": 2, "queries": 2}
    assert source(tmp_path / "a.csv", **entry, columns={"q": "in.text"}).build("d").pool
    for change, line in (
        ({"prompt": "{in.text}"}, r"no column 'in' .* `columns` gives one whose name has a dot another"),
        ({"columns": {"q": "in.text"}, "target": "{caf\u00e9}"}, "one of them reads the same, but is made of other"),
    ):
        with pytest.raises(BenchmarkError, match=line):
            source(tmp_path / "a.csv", **entry | change).build("d")


def test_the_whole_of_a_file_leaves_no_queries(rows: Path) -> None:
    with pytest.raises(BenchmarkError, match="`pool: null` takes every row, and the queries are of the same files"):
        source(rows, **{**REVIEW, "pool": None}).build("d")


STEP: TypeAdapter[Any] = TypeAdapter(AnyStep)
NO_NUMBERS = ("share", "half", "nan", "inf", "underscore", "word", "truth")
MANY = {
    "at_column": 1,
    "text": " a =>\r\n b &lt; c ",
    "list": ["x", "y"],
    "scores": {"no": 0, "yes": Written("1.5")},
    "unsure": {"no": Written("NaN"), "yes": 1},
    "commas": {"no": "0,1", "yes": "0,9"},
    "n": 0,
    "price": Written("$-1,000"),
    "tenth": Written("0.10"),
    "blank": " ",
    "unlabelled": -1,
    "quoted": "1",
    "pandas": Cell("1.0"),
    "share": Cell("85%"),
    "half": Cell("1/2"),
    "nan": Written("NaN"),
    "inf": Cell("inf"),
    "underscore": Cell("1_000"),
    "word": Cell("NaN"),
    "truth": True,
}


@pytest.mark.parametrize(
    ("step", "changed"),
    [
        ({"step": "unescape", "column": "text"}, {"text": " a =>\r\n b < c "}),
        ({"step": "first_line", "column": "text", "into": "head"}, {"head": "a =>"}),
        ({"step": "squeeze", "column": "text"}, {"text": "a => b &lt; c"}),
        ({"step": "replace", "column": "text", "old": "&lt;", "new": "<"}, {"text": " a =>\r\n b < c "}),
        ({"step": "strip", "column": "text", "prefix": "a =>", "suffix": "c"}, {"text": "b &lt;"}),
        ({"step": "lower", "column": "text"}, {"text": MANY["text"]}),
        ({"step": "bin", "column": "n", "into": "l", "bins": {"low": [None, 0], "high": [1, 2]}}, {"l": "low"}),
        ({"step": "bin", "column": "n", "bins": {"high": [1, 2]}}, None),
        ({"step": "map", "column": "n", "values": {0: "no", 1: "yes"}}, {"n": "no"}),
        ({"step": "keep", "column": "n", "values": [0]}, {}),
        ({"step": "keep", "column": "n", "values": ["1"]}, None),
        ({"step": "present", "column": "n"}, {}),
        ({"step": "best", "column": "scores", "into": "a", "choices": "c"}, {"a": "yes", "c": ["no", "yes"]}),
        ({"step": "item", "column": "list", "at": 1, "into": "a"}, {"a": "y"}),
        ({"step": "item", "column": "list", "at": "at_column"}, {"list": "y"}),
        ({"step": "item", "column": "list", "at": "n", "names": [1, 0]}, {"list": "y"}),
        (
            {"step": "split", "column": "text", "separator": "=>", "parts": ["l", "r"]},
            {"l": " a ", "r": "\r\n b &lt; c "},
        ),
        ({"step": "listed", "column": "n"}, {"n": ["0"]}),
        (
            {"step": "bin", "column": "price", "into": "l", "bins": {"low": [None, -1000], "high": [0, None]}},
            {"l": "low"},
        ),
        ({"step": "bin", "column": "tenth", "bins": {"low": [None, 0.1]}}, {"tenth": "low"}),
        ({"step": "bin", "column": "tenth", "bins": {"high": [0.1, None]}}, {"tenth": "high"}),
        ({"step": "split", "column": "blank", "separator": "=>", "parts": ["l", "r"]}, {"l": None, "r": None}),
        ({"step": "item", "column": "list", "at": "unlabelled"}, {"list": None}),
        ({"step": "item", "column": "list", "at": "quoted"}, {"list": "y"}),
        ({"step": "item", "column": "list", "at": "pandas"}, {"list": "y"}),
        ({"step": "lower", "column": "word"}, {"word": "nan"}),
        ({"step": "listed", "column": "list"}, {"list": ["x", "y"]}),
    ],
)
def test_a_step_changes_what_it_says(step: dict[str, Any], changed: dict[str, Any] | None) -> None:
    made = STEP.validate_python(step)
    assert made.apply(MANY) == changed
    assert made.reads <= set(MANY)
    assert changed is None or set(changed) <= made.writes


@pytest.mark.parametrize(
    "step",
    [
        {"step": "bin", "column": "text", "bins": {"a": [0, 1]}},
        {"step": "map", "column": "n", "values": {"1": "x"}},
        {"step": "best", "column": "list", "into": "a", "choices": "c"},
        {"step": "best", "column": "unsure", "into": "a", "choices": "c"},
        {"step": "item", "column": "list", "at": 2},
        {"step": "item", "column": "list", "at": "text"},
        {"step": "item", "column": "list", "at": "n", "names": ["A", "B"]},
        {"step": "split", "column": "text", "separator": "|", "parts": ["l", "r"]},
        {"step": "lower", "column": "list"},
        {"step": "lower", "column": "nan"},
        {"step": "squeeze", "column": "nan"},
        {"step": "item", "column": "list", "at": -1},
        {"step": "best", "column": "commas", "into": "a", "choices": "c"},
        *({"step": "bin", "column": name, "bins": {"a": [None, 0], "b": [1, None]}} for name in NO_NUMBERS),
    ],
)
def test_a_value_that_a_step_cannot_take_is_named(step: dict[str, Any]) -> None:
    with pytest.raises(BenchmarkError, match="column '"):
        STEP.validate_python(step).apply(MANY)


def test_every_step_is_a_class_with_its_name() -> None:
    assert STEPS
    for name, kind in STEPS.items():
        assert kind.__module__ == f"benchmark.tasks.steps.{name}"
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        STEP.validate_python({"step": "none", "column": "a"})
