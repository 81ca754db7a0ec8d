"""`new NAME --model PATH --data FILE`: a complete small profile for a model and questions of one's own.

What the profile does not say about model and data (masks, statistics, the claim, ...) is taken from the embedded one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml

from benchmark.artefacts.features import LAYER
from benchmark.errors import BenchmarkError
from benchmark.sources.datasets.local import LocalDataset
from benchmark.tasks.example import comparable
from benchmark.tasks.formats import Reading, Rows, read_rows
from benchmark.tasks.numbers import parse_number
from benchmark.tasks.values import is_missing, spell, text, whole_number
from benchmark.tasks.values import listed as texts
from benchmark.yaml_loader import load_yaml

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ("question", "text", "input", "sentence", "prompt", "query", "problem", "review", "article", "utterance")
ANSWERS = (
    "answer",
    "label",
    "target",
    "output",
    "gold",
    "class",
    "category",
    "topic",
    "sentiment",
    "intent",
    "solution",
)
CHOICES = ("choices", "options", "candidates", "endings", "alternatives")
LOOKED_AT = 1000
CLASSES = 20
"""Different answers up to which they are taken for classes, if each occurs twice or more on average."""
SELECTORS = ("random", "nearest", "bm25", "activation", "perplexity", "predictive_entropy", "oracle")
"""Those that score few prompts."""


@dataclass(frozen=True, slots=True)
class Guess:
    """Parameters of the dataset that were guessed, and what to say about each."""

    parameters: dict[str, Any]
    said: list[str]


@click.command()
@click.argument("name")
@click.option("--model", required=True, type=click.Path(path_type=Path), help="A folder as save_pretrained writes it.")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="CSV, TSV, JSON Lines, JSON or Parquet.")
def new(name: str, model: Path, data: Path) -> None:
    """Write a small profile NAME/params.yaml for a model and data of your own, guessing its columns."""
    for line in write(name, model, data):
        click.echo(line)


def write(name: str, model: Path, data: Path) -> list[str]:
    """Writes the profile; returns what to say to the user.

    Raises `BenchmarkError`, and writes nothing, where the name is taken, the model or the data cannot be read, and
    where nothing can be drawn.
    """
    from benchmark import dvcfile

    folder = Path(name)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise BenchmarkError(f"{name!r} is not a name for a profile: lower-case letters, digits and _, a letter first")
    if folder.exists():
        raise BenchmarkError(f"{folder} is there already: choose another name, or edit {folder}/params.yaml")
    if not (model / "config.json").is_file() and model.suffix != ".gguf":
        raise BenchmarkError(f"{model} is not a model: a folder with config.json, as `save_pretrained` writes it")
    rows = read_rows([data], Reading())
    guess = guess_dataset(rows, data)
    dataset_name, model_name = _key(data.name.split(".")[0], "data"), _key(model.stem, "model")
    entry = {"source": "local", "pool_files": [_from_root(data)], **guess.parameters}
    drawn = LocalDataset.model_validate(entry).build(dataset_name)
    example = drawn.pool[0]
    content = _profile(name, model_name, model, {dataset_name: entry})
    folder.mkdir()
    path = folder / "params.yaml"
    head = f"# Made by `python -m benchmark new {name}`. What was guessed stands in `datasets`: correct it there.\n"
    path.write_text(head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
    made = dvcfile.render(path)
    noise = 1.96 / math.sqrt(max(1, len(drawn.pool) - 1))
    return [
        f"wrote {path}, and for DVC {', '.join(map(str, made))}",
        *(f"guessed: {line}" for line in guess.said),
        f"one example: {example.input!r} then {example.target!r}",
        f"drawn: {len(drawn.pool)} candidates, {len(drawn.queries)} queries; so a |rho| below about "
        f"{noise:.2f} is within chance",
        "next:",
        f"  python -m benchmark --params {path} check {dataset_name} {model_name}    # what the model sees",
        f"  python -m benchmark --params {path} doctor",
        f"  dvc --cd {folder} repro",
        f"  python -m benchmark --params {path} verdict    # and the page: {name}/results/report.html",
    ]


def guess_dataset(rows: Rows, data: Path) -> Guess:
    """Parameters for rows whose columns are looked at. Raises `BenchmarkError` where question or answer is unclear."""
    if len(rows) < 4:
        raise BenchmarkError(f"{data} has {len(rows)} rows: at least 4 are needed, some hundred for a verdict")
    sample = [rows.row(index, rows.names) for index in range(0, len(rows), max(1, len(rows) // LOOKED_AT))]
    columns = {name: [row[name] for row in sample if not is_missing(row[name])] for name in rows.names if name}
    texts, others = _texts(columns)
    question = _named(texts, QUESTIONS) or max(texts, key=lambda name: _mean_length(texts[name]), default=None)
    rest = {name: values for name, values in texts.items() if name != question}
    answer = _named(rest, ANSWERS)
    if answer is None and (named := _named(others, ANSWERS)):
        raise BenchmarkError(f"{data}: column {named!r} {others[named]}; write the profile by hand: docs/own-data.md")
    answer = answer or min(rest, key=lambda name: _mean_length(rest[name]), default=None)
    if question is None or answer is None:
        raise BenchmarkError(
            f"{data} has the columns {', '.join(map(repr, rows.names)) or 'none'}: two with texts are needed, a "
            f"question and an answer; if it is read wrongly, write the profile by hand with `delimiter` or `records`"
        )
    said = [f"what a model reads is column {question!r}, what it should write {answer!r}"]
    parameters: dict[str, Any] = {"prompt": f"Question: {{{question}}}\nAnswer:", "target": f"{{{answer}}}"}
    written = texts[answer]
    offering = {name: columns[name] for name in columns if columns[name] and name.lower() in CHOICES}
    listed = next((name for name, values in offering.items() if all(map(_is_list, values))), None)
    labelled = next((name for name, values in offering.items() if all(map(_is_labelled, values))), None)
    letters = _lettered(offering, texts, written)
    if listed is not None:
        parameters["choices"] = f"{{{listed}}}"
        said.append(f"a choice among the list in column {listed!r}")
        try:
            names, how = _positions(sample, listed, answer)
        except BenchmarkError as error:
            raise BenchmarkError(f"{data}: {error}; write the profile by hand: docs/own-data.md") from error
        if how:
            step = {"step": "item", "column": listed, "at": answer, "into": "answer_text"}
            parameters["steps"] = [step | ({"names": names} if names else {})]
            parameters["target"] = "{answer_text}"
            said.append(f"{answer!r} is a position in it, {how}")
    elif labelled is not None:
        parameters = {"template": "arc", "columns": {"question": question, "choices": labelled, "answerKey": answer}}
        said.append(f"a choice among the texts in column {labelled!r}, as in ARC")
    elif letters:
        offered = "".join(f"\n{letter}. {{{place}}}" for letter, place in letters.items())
        parameters |= {"prompt": f"Question: {{{question}}}{offered}\nAnswer:", "choices": list(letters)}
        said.append(f"a choice among the letters {', '.join(letters)}")
    elif classes := _classes(written, rows, answer):
        parameters["choices"] = classes
        said.append(f"{len(classes)} classes: {', '.join(classes)}")
        if all(len(name) == 1 for name in classes) and len(rest) > 2:
            said.append("these look like the letters of choices in other columns, which the prompt does not show yet")
    else:
        parameters |= _generated(written, said)
    usable = _distinct(rows, question, answer)
    queries = max(2, min(100, usable // 3))
    parameters |= {"pool": max(2, min(400, usable - queries)), "queries": queries}
    return Guess(parameters, said)


def _texts(columns: dict[str, list[Any]]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The texts of the columns that hold only these, and why each other one does not."""
    texts, others = {}, {}
    for name, values in columns.items():
        try:
            texts[name] = [spell(value).strip() for value in values]
        except BenchmarkError as error:
            others[name] = str(error)
    return {name: values for name, values in texts.items() if values}, others


def _lettered(offering: dict[str, list[Any]], texts: dict[str, list[str]], written: Sequence[str]) -> dict[str, str]:
    """The letters that answers are, each with the placeholder of its choice: a column, or a field in one; else none."""
    found = [{name: name for name in "ABCDE" if name in texts}]
    for column, values in offering.items():
        if all(isinstance(value, dict) for value in values):
            found.append({name: f"{column}.{name}" for name in values[0] if all(name in value for value in values)})
    return next((each for each in found if len(each) >= 2 and set(written) <= set(each)), {})


def _positions(sample: Sequence[dict[str, Any]], listed: str, answer: str) -> tuple[list[str], str]:
    """How answers name items of the list beside them: `names` of the step `item`, and in words; "" where they are the
    items themselves, or neither.
    """
    rows = [row for row in sample if not is_missing(row[answer]) and not is_missing(row[listed])]
    pairs = [(texts(row[listed], listed), comparable(text(row, answer))) for row in rows]
    if all(written in map(comparable, items) for items, written in pairs):
        return [], ""
    most = max(len(items) for items, _ in pairs)
    for first, how in (("0", "from 0"), ("1", "from 1"), ("A", "by letters"), ("a", "by letters")):
        names = [chr(ord(first) + place) if first.isalpha() else str(int(first) + place) for place in range(most)]
        if all(written in names[: len(items)] for items, written in pairs):
            unsure = first == "0" and not any(written == "0" for _, written in pairs)
            plain = first == "0" and all(whole_number(row[answer]) is not None for row in rows)
            return ([] if plain else names), how + (", or from 1: 0 does not occur" if unsure else "")
    return [], ""


def _classes(written: Sequence[str], rows: Rows, answer: str) -> list[str]:
    """The different answers of all rows, sorted, where they are few and those looked at repeat; else none."""
    if not 2 <= len(set(written)) <= CLASSES or len(written) < 2 * len(set(written)):
        return []
    values = (rows.row(index, [answer])[answer] for index in range(len(rows)))
    found = {spell(value).strip() for value in values if not is_missing(value)}
    return sorted(found) if len(found) <= CLASSES else []


def _generated(written: Sequence[str], said: list[str]) -> dict[str, Any]:
    numbers = all(parse_number(text) is not None for text in written)
    metric = "numeric_match" if numbers else "answer_match"
    lines = any("\n" in text for text in written)
    longest = max(map(len, written))
    limit = max(16, longest)
    said.append(f"the answer is generated, up to {limit} tokens, and compared by {metric}")
    if lines:
        said.append("answers have several lines: one ends at an empty line")
    return {"metric": metric, "max_new_tokens": limit} | ({"stop": "\n\n", "separator": "\n\n\n"} if lines else {})


def _profile(name: str, model_name: str, model: Path, datasets: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = load_yaml((ROOT / "params.yaml").read_text(encoding="utf-8"))
    folders = {"params": f"{name}/params.yaml", "data": f"{name}/data", "results": f"{name}/results"}
    content |= {
        "profile": name,
        "paths": {**content["paths"], "root": "..", **folders},
        "device": "auto",
        "models": {model_name: {"source": "local", "path": _from_root(model)}},
        "datasets": datasets,
    }
    cheap = [selector for selector in content["selection"]["selectors"] if selector in SELECTORS]
    content["selection"]["selectors"] = cheap
    content["selection"]["rounds"]["models"] = []
    content["sae"]["models"] = {}  # a dictionary takes more text than is left of a small file
    families = content["claim"]["families"].items()
    content["claim"]["families"] = {key: family for key, family in families if LAYER not in family["layers"]}
    return content


def _from_root(path: Path) -> str:
    """The path as the stages, which run at the root, find it: from there, or absolute for one outside."""
    absolute = path.resolve()
    here = Path.cwd().resolve()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def _key(text: str, fallback: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"{fallback}_{plain}".rstrip("_")


def _named(columns: Iterable[str], known: Sequence[str]) -> str | None:
    by_name = {name.lower().strip(): name for name in reversed(list(columns))}
    return next((by_name[name] for name in known if name in by_name), None)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _mean_length(values: Sequence[str]) -> float:
    return sum(map(len, values)) / len(values)


def _is_labelled(value: object) -> bool:
    """Whether choices are as ARC has them: lists of texts and of their labels."""
    return isinstance(value, dict) and {*value} == {"text", "label"} and all(map(_is_list, value.values()))


def _distinct(rows: Rows, question: str, answer: str) -> int:
    """Different questions among the rows that have an answer."""
    pairs = (rows.row(index, [question, answer]) for index in range(len(rows)))
    return len({comparable(str(row[question])) for row in pairs if not is_missing(row[answer])})
