"""Dataset repositories with the columns, types and splits of the real ten and with odd cases, in made-up sentences."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import datasets
import numpy as np
from datasets import ClassLabel, Features, Value

from tests.hub_server.repository import Repository

NAMES = ("Ada", "Bo", "Chloë", "Dmitri", "Eve", "Fatima", "Grüße", "Hana", "東京", "José")
THINGS = ("apples", "coins", "books", "stamps", "eggs", "marbles", "shells", "pens")
PLACES = ("river", "mountain", "harbour", "museum", "desert", "valley", "bridge", "island")
COLOURS = ("red", "green", "blue", "white", "black", "yellow")

Row = dict[str, Any]
Splits = dict[str, list[Row]]


def _pick(generator: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(generator.integers(len(options)))]


def _sentence(generator: np.random.Generator, words: int = 1) -> str:
    return " ".join(
        f"{_pick(generator, NAMES)} saw {generator.integers(2, 90)} {_pick(generator, THINGS)} by the "
        f"{_pick(generator, COLOURS)} {_pick(generator, PLACES)}."
        for _ in range(words)
    )


def boolq_row(generator: np.random.Generator, index: int) -> Row:
    colour = _pick(generator, COLOURS)
    passage = f"{_sentence(generator, 2)} The {_pick(generator, PLACES)} number {index} is {colour}."
    if index == 3:
        passage = ""  # an empty context
    if index == 5:
        passage = _sentence(generator, 60)  # a long one
    return {
        "question": f"is place number {index} {_pick(generator, COLOURS)}",
        "answer": bool(generator.integers(2)),
        "passage": passage,
    }


def _choices(generator: np.random.Generator, number: int, labels: str) -> Row:
    picked = generator.permutation(len(PLACES))[:number]
    return {
        "text": [f"the {_pick(generator, COLOURS)} {PLACES[i]}" for i in picked],
        "label": list(labels[:number]),
    }


def arc_row(generator: np.random.Generator, index: int) -> Row:
    number = 3 + index % 3  # three to five choices
    labels = "12345" if index % 7 == 0 else "ABCDE"
    return {
        "id": f"Mercury_{index}",
        "question": f"{_sentence(generator)} Where was case {index} seen?",
        "choices": _choices(generator, number, labels),
        "answerKey": labels[int(generator.integers(number))],
    }


def openbookqa_row(generator: np.random.Generator, index: int) -> Row:
    return {
        "id": f"7-{index}",
        "question_stem": f"Thing number {index} which {_pick(generator, NAMES)} lost was found at",
        "choices": _choices(generator, 4, "ABCD"),
        "answerKey": "ABCD"[int(generator.integers(4))],
    }


def commonsense_qa_row(generator: np.random.Generator, index: int) -> Row:
    return {
        "id": f"{index:032x}",
        "question": f"Where would {_pick(generator, NAMES)} keep {index} {_pick(generator, THINGS)}?",
        "question_concept": "keep",
        "choices": _choices(generator, 5, "ABCDE"),
        "answerKey": "ABCDE"[int(generator.integers(5))],
    }


def ag_news_row(generator: np.random.Generator, index: int) -> Row:
    return {"text": f"Item {index}: {_sentence(generator, 2)}", "label": int(generator.integers(4))}


def sst2_row(generator: np.random.Generator, index: int) -> Row:
    return {"idx": index, "sentence": f"{_sentence(generator)} part {index} ", "label": int(generator.integers(2))}


def gsm8k_row(generator: np.random.Generator, index: int) -> Row:
    first, second = (int(value) for value in generator.integers(2, 900, 2))
    name, things = _pick(generator, NAMES), _pick(generator, THINGS)
    return {
        "question": f"{name} has {first} {things} in box {index} and finds {second} more. How many are there?",
        "answer": f"{first}+{second}=<<{first}+{second}={first + second}>>{first + second} {things}.\n"
        f"#### {first + second:,}",
    }


def squad_row(generator: np.random.Generator, index: int) -> Row:
    place = _pick(generator, PLACES)
    context = f"{_sentence(generator, 3)} The {place} was built in {1000 + index}."
    answer = str(1000 + index)
    return {
        "id": f"{index:024x}",
        "title": "Place_names",
        "context": "" if index == 3 else context,
        "question": f"When was the {place} built, in note {index}?",
        "answers": {"text": [answer, answer, f"in {answer}"], "answer_start": [context.index(answer)] * 3},
    }


def nq_open_row(generator: np.random.Generator, index: int) -> Row:
    name = _pick(generator, NAMES)
    return {
        "question": f"who found the {_pick(generator, THINGS)} in year {index}",
        "answer": [name, f"{name} the old"],
    }


def cnn_dailymail_row(generator: np.random.Generator, index: int) -> Row:
    return {
        "article": f"(CNN) -- Story {index}. {_sentence(generator, 12 if index % 5 else 40)}",
        "highlights": f"{_sentence(generator)}\n{_sentence(generator)}",
        "id": f"{index:040x}",
    }


LETTERED = {
    "choices": {"text": datasets.List(Value("string")), "label": datasets.List(Value("string"))},
    "answerKey": Value("string"),
}
TEXT = Value("string")
FEATURES: dict[str, Features] = {
    "boolq": Features({"question": TEXT, "answer": Value("bool"), "passage": TEXT}),
    "arc": Features({"id": TEXT, "question": TEXT, **LETTERED}),
    "openbookqa": Features({"id": TEXT, "question_stem": TEXT, **LETTERED}),
    "commonsense_qa": Features({"id": TEXT, "question": TEXT, "question_concept": TEXT, **LETTERED}),
    "ag_news": Features({"text": TEXT, "label": ClassLabel(names=["World", "Sports", "Business", "Sci/Tech"])}),
    "sst2": Features({"idx": Value("int32"), "sentence": TEXT, "label": ClassLabel(names=["negative", "positive"])}),
    "gsm8k": Features({"question": TEXT, "answer": TEXT}),
    "squad": Features(
        {
            "id": TEXT,
            "title": TEXT,
            "context": TEXT,
            "question": TEXT,
            "answers": {"text": datasets.List(TEXT), "answer_start": datasets.List(Value("int32"))},
        }
    ),
    "nq_open": Features({"question": TEXT, "answer": datasets.List(TEXT)}),
    "cnn_dailymail": Features({"article": TEXT, "highlights": TEXT, "id": TEXT}),
}
ROWS: dict[str, Callable[[np.random.Generator, int], Row]] = {
    "boolq": boolq_row,
    "arc": arc_row,
    "openbookqa": openbookqa_row,
    "commonsense_qa": commonsense_qa_row,
    "ag_news": ag_news_row,
    "sst2": sst2_row,
    "gsm8k": gsm8k_row,
    "squad": squad_row,
    "nq_open": nq_open_row,
    "cnn_dailymail": cnn_dailymail_row,
}
PLACE = {  # repository, configuration, folder of the files, split of the queries
    "boolq": ("google/boolq", "default", "data", "validation"),
    "arc": ("allenai/ai2_arc", "ARC-Challenge", "ARC-Challenge", "test"),
    "openbookqa": ("allenai/openbookqa", "main", "main", "test"),
    "commonsense_qa": ("tau/commonsense_qa", "default", "data", "validation"),
    "ag_news": ("fancyzhx/ag_news", "default", "data", "test"),
    "sst2": ("stanfordnlp/sst2", "default", "data", "validation"),
    "gsm8k": ("openai/gsm8k", "main", "main", "test"),
    "squad": ("rajpurkar/squad", "plain_text", "plain_text", "validation"),
    "nq_open": ("google-research-datasets/nq_open", "nq_open", "nq_open", "validation"),
    "cnn_dailymail": ("abisee/cnn_dailymail", "3.0.0", "3.0.0", "test"),
}
UNLABELLED: dict[str, Row] = {
    "arc": {"answerKey": ""},
    "openbookqa": {"answerKey": ""},
    "commonsense_qa": {"answerKey": ""},
    "ag_news": {"label": -1},
    "sst2": {"label": -1},
    "boolq": {"answer": None},
    "gsm8k": {"answer": ""},
    "squad": {"answers": {"text": [], "answer_start": []}},
    "nq_open": {"answer": []},
    "cnn_dailymail": {"highlights": ""},
}


def make_rows(template: str, count: int, seed: int) -> list[Row]:
    """Distinct rows, but the last three: one without a label, and two that repeat the first."""
    generator = np.random.default_rng([seed, len(template)])
    rows = [ROWS[template](generator, 10_000 * seed + index) for index in range(count - 3)]
    return [*rows, rows[1] | UNLABELLED[template], rows[0], rows[0]]


def to_parquet(rows: list[Row], features: Features | None = None) -> bytes:
    buffer = io.BytesIO()
    datasets.disable_progress_bars()
    datasets.Dataset.from_list(rows, features=features).to_parquet(buffer)
    return buffer.getvalue()


def dataset_repository(template: str, pool: int = 40, queries: int = 20, parts: int = 1) -> Repository:
    """The repository of the dataset that the template is for, with `parts` files for its train split."""
    name, config, folder, split = PLACE[template]
    features = FEATURES[template]
    train = make_rows(template, pool, 0)
    size = -(-len(train) // parts)
    files: dict[str, bytes | Any] = {
        f"{folder}/train-{part:05d}-of-{parts:05d}.parquet": to_parquet(
            train[part * size : (part + 1) * size], features
        )
        for part in range(parts)
    }
    files[f"{folder}/{split}-00000-of-00001.parquet"] = to_parquet(make_rows(template, queries, 1), features)
    entries = "".join(f"  - split: {s}\n    path: {folder}/{s}-*\n" for s in ("train", split))
    card = f"---\nlicense: cc-by-sa-4.0\nconfigs:\n- config_name: {config}\n  data_files:\n{entries}---\n# {name}\n"
    files["README.md"] = card.encode()
    return Repository("dataset", name, files)
