"""Values on their way from a file through each template to prompt and metric: as written, or refused by name."""

from __future__ import annotations

import csv
import datetime
import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.sources.datasets.local import LocalDataset
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example
from benchmark.tasks.metrics import get_metric
from benchmark.tasks.templates import TEMPLATES, get_template
from benchmark.tasks.values import Cell, Repeated, Written, parse_json, spell


def local(path: Path, **more: Any) -> LocalDataset:
    settings = {"pool": None, "queries": 2} | more
    form = {} if "prompt" in settings or "template" in settings else {"template": "question_answer"}
    return LocalDataset.model_validate({"source": "local", "pool_files": (str(path),), **form, **settings})


def targets(path: Path, **more: Any) -> set[str]:
    """All targets; the last two rows of a file are there to be queries."""
    queries = path.with_name("queries.jsonl")
    answer = {"choices": ["a", "b"], "answer": "a"} if more.get("template") == "multiple_choice" else {"answer": "a"}
    queries.write_text("".join(json.dumps({"question": f"other {n}", **answer}) + "\n" for n in range(2)))
    return {example.target for example in local(path, query_files=(str(queries),), **more).build("d").pool}


def outcome(path: Path, **more: Any) -> set[str] | str:
    """The targets, or the line that refuses them."""
    try:
        return targets(path, template="question_answer", allow_unscorable=9, **more)
    except BenchmarkError as error:
        return str(error)


def write_lines(path: Path, *rows: dict[str, Any] | str) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)
    )
    return path


def test_numbers_of_several_kinds_stay_as_they_are_written(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "a.jsonl", *(f'{{"question": "q{n}", "answer": {n}}}' for n in ("7", "2.5", "12", "1e5", "true"))
    )
    assert targets(path) == {" 7", " 2.5", " 12", " 1e5", " true"}


def test_true_in_a_csv_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        'question,choices,answer\nq,"[""true"", ""false""]",true\nr,"[""x"", ""true""]",true\n'
    )
    assert targets(tmp_path / "a.csv", template="multiple_choice") == {" true"}


@pytest.mark.parametrize(
    ("answer", "choices", "target"),
    [
        (True, ["true", "false"], " true"),
        (False, ["true", "false"], " false"),
        (1, ["x", "y"], " y"),
        (0, ["x", "y"], " x"),
        (Cell("0"), ["x", "y"], " x"),
        ("0", ["1", "0"], " 0"),
        (Written("2.50"), [Written("2.50"), 3], " 2.50"),
        (-1, [-1, 1], " -1"),
        ("1", ["x", "y"], " y"),
        ("-1", ["x", "y"], None),
        ("1", ["1", "2"], " 1"),
        (Cell("1.0"), ["x", "y"], " y"),
        (Cell("7.0"), ["7.0", "8.0"], " 7.0"),
        (-1, ["x", "y"], None),
        ("", ["x", "y"], None),
    ],
)
def test_an_answer_is_a_text_or_a_position_and_a_truth_value_is_no_position(
    answer: Any, choices: list[Any], target: str | None
) -> None:
    example = get_template("multiple_choice").render({"question": "q", "choices": choices, "answer": answer})
    assert (example and example.target) == target


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("multiple_choice", {"question": "q", "choices": ["no", "yes"], "answer": True}),
        ("multiple_choice", {"question": "q", "choices": ["a", None], "answer": "a"}),
        ("multiple_choice", {"question": "q", "choices": ["a", "a"], "answer": "a"}),
        ("multiple_choice", {"question": "q", "choices": ["0", "1"], "answer": Cell("2")}),
        ("sst2", {"sentence": "s", "label": True}),
        ("ag_news", {"text": "t", "label": True}),
        ("ag_news", {"text": "t", "label": 4}),
        ("multiple_choice", {"question": "q", "choices": ["1", "2"], "answer": Cell("1.0")}),
        ("multiple_choice", {"question": "q", "choices": ["7", "7.0"], "answer": Cell("7.0")}),
        ("multiple_choice", {"question": "q", "choices": ["a"], "answer": "a"}),
        ("multiple_choice", {"question": "q", "choices": ["a", ""], "answer": "a"}),
        ("multiple_choice", {"question": "q", "choices": ["a b", "a  b"], "answer": "a b"}),
        ("multiple_choice", {"question": "q", "choices": ["\u00e9", "e\u0301", "x"], "answer": "x"}),
        ("arc", {"question": "q", "choices": {"text": ["x", "y"], "label": ["A", "A"]}, "answerKey": "A"}),
        ("arc", {"question": "q", "choices": {"text": ["x"], "label": ["A"]}, "answerKey": "A"}),
        ("question_answer", {"question": "q", "answer": {"text": "x"}}),
        ("question_answer", {"question": "q", "answer": Repeated("text")}),
        ("question_answer", {"question": "q", "answer": b"x"}),
        ("question_answer", {"question": "q", "answer": Written("NaN")}),
        ("question_answer", {"question": "q", "answer": "\ud800"}),
        ("question_answer", {"question": None, "answer": "x"}),
        ("arc", {"question": "q", "choices": {"text": "ab", "label": ["A", "B"]}, "answerKey": "A"}),
        ("squad", {"title": "t", "context": "c", "question": "q", "answers": "Paris"}),
        ("gsm8k", {"question": "q", "answer": "it is twelve\n#### twelve"}),
    ],
)
def test_what_could_be_misread_is_refused(name: str, row: dict[str, Any]) -> None:
    with pytest.raises(BenchmarkError):
        get_template(name).render(row)


@pytest.mark.parametrize(
    ("label", "target"),
    [
        ("0", " negative"),
        ("1", " positive"),
        (Cell("1"), " positive"),
        (Written("1.0"), " positive"),
        (Cell(" 0.0 "), " negative"),
        ("-1", None),
        (Written("-1.0"), None),
        ("", None),
    ],
)
def test_a_class_number_may_stand_in_quotes_or_end_in_zeros(label: Any, target: str | None) -> None:
    example = get_template("sst2").render({"sentence": "s", "label": label})
    assert (example and example.target) == target


@pytest.mark.parametrize("label", ["positive", True, Written("1.5"), Cell("1_0"), "one", "\u0661"])
def test_what_is_no_class_number_is_said(label: Any) -> None:
    with pytest.raises(BenchmarkError, match="outside the choices, which are the class numbers 0, 1: the step `map`"):
        get_template("sst2").render({"sentence": "s", "label": label})


@pytest.mark.parametrize(("answer", "target"), [("no", " no"), ("Yes", " yes"), ("1", " yes"), ("False", " no")])
def test_boolq_takes_its_own_choices_for_answers(answer: str, target: str) -> None:
    example = get_template("boolq").render({"question": "q", "passage": "p", "answer": answer})
    assert example is not None
    assert example.target == target


@pytest.mark.parametrize(("key", "labels"), [(0, [0, 1]), ("0", ["0", "1"]), (0, ["0", "1"]), ("", ["", "b"])])
def test_an_answer_that_is_false_to_python_is_an_answer(key: Any, labels: list[Any]) -> None:
    row = {"question": "q", "choices": {"text": ["x", "y"], "label": labels}, "answerKey": key}
    example = get_template("arc").render(row)
    assert example is not None
    assert example.target == " x"


def test_an_answer_is_the_choice_that_reads_the_same() -> None:
    row = {"question": "q", "choices": ["caf\u00e9 au lait", "tea"], "answer": "cafe\u0301  au lait"}
    example = get_template("multiple_choice").render(row)
    assert example is not None
    assert example.target == " caf\u00e9 au lait"


@pytest.mark.parametrize(("value", "named"), [({}, "'answer'"), (["a", {}], r"'answer\[1\]'")])
def test_a_value_that_is_refused_is_named_as_it_stands(value: Any, named: str) -> None:
    with pytest.raises(BenchmarkError, match=f"column {named} holds a mapping"):
        get_template("question_answer").render({"question": "q", "answer": value})


def test_one_text_where_a_list_is_usual_is_one_answer() -> None:
    one = get_template("nq_open").render({"question": "q", "answer": "Paris"})
    two = get_template("squad").render({"title": "", "context": "c", "question": "q", "answers": {"text": "Paris"}})
    assert one is not None
    assert two is not None
    assert (one.target, one.references) == (two.target, two.references) == (" Paris", ("Paris",))


def test_columns_that_nobody_uses_do_no_harm(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "a.jsonl",
        {"question": "q", "answer": "x", "odd": 1, "huge": 10**400},
        '{"question": "r", "answer": "y", "odd": "text", "huge": ' + "9" * 5000 + ', "n": NaN}',
    )
    assert targets(tmp_path / "a.jsonl") == {" x", " y"}
    (tmp_path / "b.csv").write_text(f"question,answer,odd\nq,x,1\nr,y,{'z' * 140_000}\n")
    assert targets(tmp_path / "b.csv") == {" x", " y"}


def test_the_same_text_written_differently_is_no_query(tmp_path: Path) -> None:
    rows = ["Who  wrote it?", "Who wrote it?", "Café?", "Cafe\u0301?", "two\r\nlines", "two\nlines", "own", "another"]
    path = write_lines(tmp_path / "a.jsonl", *({"question": row, "answer": "x"} for row in rows))
    dataset = local(path, pool=3).build("d")
    assert len(dataset.pool) + len(dataset.queries) == 5
    with pytest.raises(BenchmarkError, match=r"gives 1 usable examples .*in pool"):
        local(path, pool=4).build("d")
    asked = {f"Question: {row}\nAnswer:" for row in rows}
    assert {example.input for example in (*dataset.pool, *dataset.queries)} <= asked  # as they stand in the file


def test_a_line_separator_in_a_text_survives_the_disk(tmp_path: Path) -> None:
    texts = ["Which line\u2028comes next?", "and\x85here?", "or\u2029there?", "plain?"]
    path = write_lines(tmp_path / "a.jsonl", *({"question": text, "answer": "x"} for text in texts))
    dataset = local(path, pool=2).build("d")
    dataset.write(tmp_path / "out")
    assert Dataset.read(tmp_path / "out") == dataset


@pytest.mark.parametrize(
    ("row", "more", "why"),
    [
        ({"question": "q", "answer": "two\nlines"}, {"template": "question_answer"}, "answer_match gives 0 for 'two'"),
        (
            {"question": "q", "answer": "w " * 40},
            {"template": "question_answer"},
            "it has 40 words, and max_new_tokens is 32",
        ),
        ({"article": "a", "highlights": "да"}, {"template": "cnn_dailymail"}, "rouge_l gives 0 for 'да'"),
        (
            {"question": "q", "answer": "twelve"},
            {"template": "question_answer", "metric": "numeric_match"},
            "numeric_match",
        ),
    ],
)
def test_a_gold_answer_that_cannot_score_is_refused_unless_allowed(
    tmp_path: Path, row: dict[str, Any], more: dict[str, Any], why: str
) -> None:
    column = "article" if "article" in row else "question"
    fine = dict.fromkeys(row, "fine 5")
    rows = [row, *({**fine, column: f"other {n}"} for n in range(3))]
    path = write_lines(tmp_path / "a.jsonl", *rows)
    with pytest.raises(
        BenchmarkError, match=rf"1 of 4 rows do not score 1 .* of .*a\.jsonl, line 1: {why}.*`allow_unscorable: 1`"
    ):
        local(path, pool=2, **more).build("d")
    assert local(path, pool=2, allow_unscorable=1, **more).build("d").source["unscorable"] == 1


@pytest.mark.parametrize(
    ("answer", "number"), [("#### 3/4", "3/4"), ("#### 5\nno:\n#### 12", "12"), ("#### -$1,200", "-$1200")]
)
def test_the_last_number_of_a_rationale_scores_against_itself(answer: str, number: str) -> None:
    example = get_template("gsm8k").render({"question": "q", "answer": answer})
    assert example is not None
    assert example.references == (number,)
    assert get_metric("numeric_match")(example.target, example) == 1


def score(metric: str, prediction: str, gold: str) -> float:
    return get_metric(metric)(prediction, Example("q", f" {gold or 'x'}", references=(gold,)))


@pytest.mark.parametrize(
    ("prediction", "gold", "expected"),
    [
        ("1/4", "3/4", 0), ("3/4", "3/4", 1), ("0.75", "3/4", 1), ("6/8", "3/4", 1), ("1 1/2", "3/2", 1),
        ("\u22125", "5", 0), ("\u22125", "-5", 1), ("-$5", "5", 0), ("$5", "5", 1), ("$-5", "-5", 1),
        ("12", "1,2", 0), ("2", "1,2", 0), ("1,2", "1,2", 0), ("1,200", "1200", 1), ("1 200", "200", 0),
        ("12345678901234567890", "12345678901234567891", 0), ("12345678901234567890", "12345678901234567890", 1),
        ("twelve", "twelve", 0), ("12", "twelve", 0), ("50%", "0.5", 1), ("50%", "50", 0), ("1.5e3", "1500", 1),
        ("1e999999999", "1", 0), ("it is 72.", "72.0", 1), ("GPT-4", "4", 0), ("10:30", "30", 0), ("5 or 6", "6", 1),
    ],
)  # fmt: skip
def test_numbers_are_compared_exactly(prediction: str, gold: str, expected: float) -> None:
    assert score("numeric_match", prediction, gold) == expected


@pytest.mark.parametrize("metric", ["answer_match", "answer_f1"])
@pytest.mark.parametrize(
    ("prediction", "gold", "expected"),
    [
        ("", "A", 0), ("the", "A", 0), ("A", "A", 1), ("+", "-", 0), ("-", "-", 1), ("", "-", 0),
        ("1.5", "15", 0), ("1.5.", "15", 0), ("-5", "5", 0), ("5", "-5", 0), ("1,000", "1000", 1),
        ("The Eiffel Tower!", "eiffel tower", 1), ("10:30", "1030", 0), ("5.0", "5", 1),
    ],
)  # fmt: skip
def test_a_short_answer_is_not_normalised_away(metric: str, prediction: str, gold: str, expected: float) -> None:
    assert score(metric, prediction, gold) == pytest.approx(expected)


def test_a_number_in_an_answer_is_one_word() -> None:
    assert score("answer_match", "1.5 km", "15 km") == 0
    assert score("answer_f1", "1.5 km", "15 km") == 0.5
    assert score("answer_match", "1,500 km", "1500 km") == 1


def test_squad_keeps_its_own_rule() -> None:
    assert score("squad_em", "", "A") == 1
    assert get_template("squad").metric == "squad_f1"
    assert {name for name, known in TEMPLATES.items() if known.metric.startswith("squad")} == {"squad"}


# --- whatever JSON, CSV and Parquet can hold ---

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBER = st.from_regex(r"\A-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,6})?([eE][-+]?[0-9]{1,2})?\Z")
SCALAR = st.one_of(TEXT.map(json.dumps), NUMBER, st.sampled_from(["true", "false", "null", "NaN", "Infinity"]))
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(TEXT, inner, max_size=3).map(
            lambda items: "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in items.items()) + "}"
        ),
    ),
    max_leaves=5,
)
SLOW = settings(max_examples=60, suppress_health_check=list(HealthCheck))


@given(name=st.sampled_from(sorted(TEMPLATES)), values=st.lists(VALUE, min_size=5, max_size=5))
@settings(max_examples=300)
def test_a_template_gives_an_example_or_nothing_or_a_line(name: str, values: list[str]) -> None:
    template = get_template(name)
    row = {column: parse_json(value) for column, value in zip(template.columns, values, strict=False)}
    example = None
    with suppress(BenchmarkError):
        example = template.render(row)
    if example is not None:
        assert bool(example.choices) == (template.kind == "classification")
        assert "None" not in example.target or any("None" in value for value in values)


@given(literals=st.lists(SCALAR, min_size=1, max_size=4))
@example(literals=['"0"', '"null"'])  # a word, not a missing value
@example(literals=["0", "null", "1"])
@SLOW
def test_what_json_holds_comes_out_as_it_is_written(tmp_path: Path, literals: list[str]) -> None:
    path = write_lines(
        tmp_path / "a.jsonl", *(f'{{"question": "q{n}", "answer": {x}}}' for n, x in enumerate(literals))
    )
    expected = {json.loads(x) if x.startswith(chr(34)) else x for x in literals if x != "null"}
    present = {f" {text.strip()}" for text in expected if text.strip()}
    refused = {"NaN", "Infinity"} & set(literals)
    found = outcome(path)
    if isinstance(found, str):
        assert refused or len(present) < 2, found
    else:
        assert found == present
        assert not refused


@given(cells=st.lists(TEXT, min_size=2, max_size=5))
@SLOW
def test_what_a_csv_holds_comes_out_as_it_is_written(tmp_path: Path, cells: list[str]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows(
        [["question", "answer"], *([f"q{n}", c] for n, c in enumerate(cells))]
    )
    (tmp_path / "a.csv").write_text(buffer.getvalue(), newline="")
    present = {f" {cell.strip()}" for cell in cells if cell.strip()}
    found = outcome(tmp_path / "a.csv")
    assert found == present or (isinstance(found, str) and len(present) < 2)


PARQUET = st.one_of(
    st.tuples(st.just(pa.string()), TEXT),
    st.tuples(st.just(pa.int64()), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(pa.uint64()), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(pa.bool_()), st.booleans()),
    st.tuples(st.just(pa.float64()), st.floats(allow_nan=True)),
    st.tuples(st.just(pa.binary()), st.binary(max_size=4)),
    st.tuples(st.just(pa.date32()), st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1))),
    st.tuples(st.just(pa.timestamp("us")), st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))),
)


@given(typed=PARQUET)
@SLOW
def test_what_parquet_holds_comes_out_as_it_is_written(tmp_path: Path, typed: tuple[pa.DataType, Any]) -> None:
    kind, value = typed
    table = pa.table({"question": ["q", "r", "s"], "answer": pa.array([value] * 3, kind)})
    pa.parquet.write_table(table, tmp_path / "a.parquet")
    readable = kind not in (pa.binary(), pa.timestamp("us")) and str(value) not in ("nan", "inf", "-inf")
    written = str(value).lower() if isinstance(value, bool) else str(value)
    found = outcome(tmp_path / "a.parquet")
    if isinstance(found, str):
        assert not readable or not written.strip(), found
    else:
        assert readable
        assert found == {f" {written.strip()}"}


@given(value=VALUE)
def test_a_value_is_spelled_or_refused(value: str) -> None:
    parsed = parse_json(value)
    try:
        text = spell(parsed)
    except BenchmarkError:
        assert parsed is None or isinstance(parsed, list | dict) or value in ("NaN", "Infinity")
    else:
        assert text == (parsed if isinstance(parsed, str) else value)
