"""`new NAME --model PATH --data FILE`: a complete small profile for a model and questions of one's own.

What the profile does not say about model and data (masks, statistics, the claim, ...) is taken from the embedded one.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import click
import numpy as np
import yaml

from benchmark.artefacts.features import LAYER
from benchmark.errors import BenchmarkError
from benchmark.sources.datasets.local import LocalDataset
from benchmark.tasks.drawing import Recipe, leftover
from benchmark.tasks.formats import Reading, Rows, read_rows
from benchmark.tasks.guessing import guess_dataset
from benchmark.yaml_loader import load_yaml

ROOT = Path(__file__).resolve().parents[2]
SELECTORS = ("random", "nearest", "bm25", "activation", "perplexity", "predictive_entropy", "oracle")
"""Those that score few prompts."""


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
    dataset_name, model_name = _key(data.name.split(".")[0], "data"), _key(model.name.removesuffix(".gguf"), "model")
    entry: dict[str, Any] = {"source": "local", "pool_files": [_from_root(data)], **guess.parameters}
    entry |= _sizes(rows, LocalDataset.model_validate(entry).recipe())
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


def _sizes(rows: Rows, recipe: Recipe) -> dict[str, int]:
    """How many candidates and queries the rows can give."""
    usable = sum(1 for _ in leftover(rows, recipe, np.random.default_rng(0), ()))
    queries = max(2, min(100, usable // 3))
    return {"pool": max(2, min(400, usable - queries)), "queries": queries}


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
