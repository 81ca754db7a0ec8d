"""What a comparison of two trees runs on: a folder with `dataset/` and `model/`, made once and read by both.

A new one is a function here with `@register`; it takes the folder, and its docstring is its help.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import BenchmarkError
from benchmark.params import load_params
from benchmark.storage import read_json, write_json
from benchmark.timing import worker

if TYPE_CHECKING:
    from benchmark.tasks.dataset import Dataset

ROOT = Path(__file__).resolve().parents[2]
Make = Callable[[Path], None]
INPUTS: dict[str, Make] = {}
MODEL = "tiny_llama"
QUERIES = 12
"""Of a model that is wide."""
SHOTS = (4, 8)


def register(make: Make) -> Make:
    INPUTS[make.__name__] = make
    return make


@register
def embedded(folder: Path) -> None:
    """A few dozen candidates of an embedded task, and the committed Llama."""
    from benchmark.tasks.embedded import build_dataset

    _write(folder, build_dataset("timing", "topic", seed=0, n_queries=16), pool=24, queries=12, scored=4)
    (folder / "model").symlink_to(ROOT / "data/models" / MODEL, target_is_directory=True)


@register
def shard(folder: Path) -> None:
    """A shard of an embedded pool, by as many queries as the profile has, and the committed Llama."""
    from benchmark.tasks.embedded import build_dataset

    _write(folder, build_dataset("timing", "topic", seed=0, n_queries=96), pool=100, queries=96, scored=100)
    (folder / "model").symlink_to(ROOT / "data/models" / MODEL, target_is_directory=True)


@register
def wide(folder: Path) -> None:
    """A random Llama, 8 layers of 512, with 16 candidates of 128 tokens: a third distinct, 4 targets of 4."""
    from tokenizers import Regex, Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from transformers import PreTrainedTokenizerFast

    from benchmark.tasks.dataset import Dataset
    from benchmark.tasks.example import Example
    from benchmark.timing.workload import CHOICES, DISTINCT_SHARE, STANDARD, TARGET, VOCABULARY, random_model

    words = ["<pad>", "\n", *(f"w{number}" for number in range(2, VOCABULARY))]
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token="<pad>"))
    tokenizer.pre_tokenizer = Split(Regex(r"\n|\S+"), behavior="removed", invert=True)
    generator = np.random.default_rng(0)
    drawn = words[2 : 2 + int(DISTINCT_SHARE * STANDARD.rows * STANDARD.tokens)]
    choices = tuple(" " + " ".join(row) for row in generator.choice(words[2:], (CHOICES, TARGET)))

    def example(name: str, target: int) -> Example:
        text = " ".join(generator.choice(drawn, STANDARD.tokens - TARGET))
        return Example(text, choices[target], choices=choices, label=str(target), id=name)

    pool = tuple(example(f"c{i}", int(generator.integers(CHOICES))) for i in range(STANDARD.rows))
    queries = tuple(example(f"q{i}", i % CHOICES) for i in range(QUERIES))
    dataset = Dataset("wide", "classification", "accuracy", "\n", "\n", 1, pool, queries)
    _write(folder, dataset, STANDARD.rows, QUERIES, scored=4)
    random_model(STANDARD).save_pretrained(folder / "model")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>").save_pretrained(folder / "model")
    write_json(folder / "model/manifest.json", {"name": "wide", "source": "local", "add_bos": False})


@register
def smollm2(folder: Path) -> None:
    """SmolLM2 of the pretrained profile and its film reviews, out of their packages."""
    params = load_params(ROOT / "pretrained/params.yaml")
    dataset: Dataset = params.datasets["movies"].build("movies")
    dataset = dataclasses.replace(dataset, separator="\n")  # an older tree refuses two of them with this tokenizer
    _write(folder, dataset, pool=24, queries=24, scored=2)
    params.models["smollm2"].fetch("smollm2", folder / "model", folder / "work")
    manifest = read_json(folder / "model/manifest.json")
    from benchmark.models.places import weights_folder  # an older tree has no word for the user's cache

    path = str(weights_folder(folder / "model", manifest))
    write_json(folder / "model/manifest.json", manifest | {"source": "local", "path": path})


@register
def selected(folder: Path) -> None:
    """The sets that selectors of the embedded profile choose without asking the model; after `make repro`."""
    from benchmark.selection import choose, plan
    from benchmark.stages.pools import read_material, read_pool

    params = load_params(ROOT / "params.yaml")
    section, name = params.selection, next(iter(params.datasets))
    if not params.part("quality", MODEL, name).is_dir():
        raise BenchmarkError("there are no results to select from: run `make repro` first")
    material = read_material(params, MODEL, name)
    pool = read_pool(params, MODEL, name, material)
    families = [
        family
        for family in section.selectors
        if not any(len(prompts.asked) for prompts in plan(pool, [family], SHOTS, params.seed).values())
    ]
    choices = choose(pool, families, SHOTS, params.seed, section.random_draws, {})
    for shots in SHOTS:
        members, asked = choices.asked(shots)
        write_json(folder / f"chosen_{shots}.json", members[np.asarray(asked.all(axis=1))].tolist())
    queries = tuple(material.data.queries[int(j)] for j in material.judging)
    dataset = dataclasses.replace(material.data, queries=queries)
    _write(folder, dataset, len(dataset.pool), len(queries), scored=0)
    (folder / "model").symlink_to(ROOT / "data/models" / MODEL, target_is_directory=True)


def _write(folder: Path, dataset: Dataset, pool: int, queries: int, scored: int) -> None:
    """So many of its candidates and queries; the first `scored` candidates are scored, or end the sets that are."""
    (folder / worker.SCORED).write_text(str(scored), encoding="utf-8")
    dataclasses.replace(dataset, pool=dataset.pool[:pool], queries=dataset.queries[:queries]).write(folder / "dataset")


def make(name: str, folder: Path) -> None:
    """Makes the inputs of that name in `folder`. Raises `BenchmarkError` where what they need is not there."""
    INPUTS[name](folder)
    shutil.rmtree(folder / "work", ignore_errors=True)
