"""Does extraction's memory grow with the pool, or with the layers? Each answer comes from a process of its own.

    python -m benchmark.timing.memory          a table: by candidates, by layers, and what keeping every output takes
    python -m benchmark.timing.memory --quality pretrained qwen25 movies       scoring: the peak over the weights

The peak is the kernel's high-water mark of the process (Linux: VmHWM), so it misses nothing that was freed; what stood
before, libraries and model, is taken off. (`getrusage`'s peak starts with that of the parent process.)
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import click

from benchmark.errors import BenchmarkError
from benchmark.models.loading import LoadedModel
from benchmark.params import Params, load_params
from benchmark.timing.status import status

ROOT = Path(__file__).resolve().parents[2]
LAYERS, CANDIDATES = 8, 64
MANY_LAYERS, MANY_CANDIDATES = 32, 256
HIDDEN, TOKEN_BUDGET, REPEATS = 128, 1024, 8
"""An example's input is repeated: a pool is several batches, and its outputs outweigh what libraries allocate."""
WAYS = ("ours", "stored")
SCORED, QUERIES = 8, 12
"""Candidates, or sets, and queries that fill a batch."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes: `peak` above what stood before, of which `scores` is the result; `outputs`: all MLP outputs, float32."""

    way: str
    layers: int
    candidates: int
    peak: int
    scores: int
    outputs: int


def usage(layers: int, candidates: int, way: str = "ours") -> Usage:
    """Measures in a new process: statistics of every layer under every mask (`ours`), or every output kept."""
    command = [sys.executable, "-m", "benchmark.timing.memory", "--one", str(layers), str(candidates), way]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise BenchmarkError(f"memory could not be measured: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    return Usage(**json.loads(done.stdout))


def measure(layers: int, candidates: int, way: str) -> Usage:
    """As `usage`, in this process, whose peak must not have been reached before."""
    import torch

    from benchmark.activations.extraction import extract
    from benchmark.activations.masks import MASKS
    from benchmark.models.decoder import find_decoder
    from benchmark.models.loading import load_tokenizer
    from benchmark.tasks.embedded import build_dataset
    from benchmark.tasks.tokens import tokenize_example
    from benchmark.timing.workload import Shape, random_model

    torch.set_num_threads(1)
    tokenizer = load_tokenizer(ROOT / "data/models/tiny_llama")
    shape = Shape(layers=layers, hidden=HIDDEN, rows=1, tokens=128)
    model = random_model(shape, vocabulary=len(tokenizer))
    loaded = LoadedModel("memory", model, tokenizer, add_bos=True)
    few = build_dataset("memory", "topic", seed=0, n_pool=CANDIDATES, n_queries=1).pool
    pool = [
        replace(example, id=str(index), input=" ".join([example.input] * REPEATS))
        for index, example in zip(range(candidates), itertools.cycle(few))
    ]
    tokens = sum(len(tokenize_example(tokenizer, example, bos=True)) for example in pool)
    extract(loaded, pool[:1], token_budget=TOKEN_BUDGET)  # what libraries allocate once
    before = status("VmRSS")
    if way == "stored":
        kept: list[torch.Tensor] = []
        decoder = find_decoder(model)
        handles = [mlp.register_forward_hook(lambda m, a, out: kept.append(out.float())) for mlp in decoder.mlps]
        extract(loaded, pool, masks=("causal",), token_budget=TOKEN_BUDGET)
        for handle in handles:
            handle.remove()
        scores = 0
    else:
        scores = extract(loaded, pool, masks=tuple(MASKS), token_budget=TOKEN_BUDGET).scores.nbytes
    return Usage(way, layers, candidates, status("VmHWM") - before, scores, tokens * layers * HIDDEN * 4)


@dataclass(frozen=True, slots=True)
class Peaks:
    """Bytes: of the weights, and the whole process's peak, Python and its libraries included, after each step."""

    weights: int
    steps: dict[str, int]


def quality(params: Params, model: str, dataset: str) -> Peaks:
    """What the quality stage takes of a profile's model, in this process: few candidates, sets and queries.

    They fill batches of the profile's token budget; more of them are more batches of that size.
    """
    import numpy as np

    from benchmark.models.loading import load_model
    from benchmark.quality.quality import draw_sets, measure_quality, score_sets
    from benchmark.tasks.dataset import Dataset

    data = Dataset.read(params.dataset_folder(dataset))
    data = replace(data, queries=data.queries[:QUERIES])
    loaded = load_model(params.model_folder(model), "cpu", params.dtype)
    budget, largest = params.quality.token_budget, max(params.quality.set_sizes)
    steps = {"loaded": status("VmHWM")}
    measure_quality(loaded, data, range(SCORED), budget)
    steps[f"{SCORED} candidates"] = status("VmHWM")
    members = draw_sets(len(data.pool), largest, SCORED, np.random.default_rng(0))
    score_sets(loaded, data, members, range(len(data.queries)), budget)
    steps[f"{SCORED} sets of {largest}"] = status("VmHWM")
    return Peaks(sum(weights.nbytes for weights in loaded.model.parameters()), steps)


@click.command()
@click.option("--one", type=(int, int, click.Choice(WAYS)), hidden=True)
@click.option("--quality", "stage", type=(str, str, str), metavar="PROFILE MODEL DATASET", help="Of scoring, instead.")
def main(one: tuple[int, int, str] | None, stage: tuple[str, str, str] | None) -> None:
    """Print the peak memory of extraction by candidates and by layers, beside that of keeping every output."""
    try:
        if stage:
            profile, model, dataset = stage
            peaks = quality(load_params(Path(profile) / "params.yaml"), model, dataset)
            click.echo(f"{'MiB':<20}{'peak':>8}  over weights of {peaks.weights / 2**20:.0f}")
            for name, size in peaks.steps.items():
                click.echo(f"{name:<20}{size / 2**20:>8.0f}{size / peaks.weights:>14.3f}")
            return
        if one:
            found = measure(*one)
            click.echo(json.dumps({name: getattr(found, name) for name in Usage.__slots__}))
            return
        click.echo("MiB         layers  candidates     peak  of which scores  all outputs")
        for way, layers, candidates in (
            ("ours", LAYERS, CANDIDATES),
            ("ours", LAYERS, MANY_CANDIDATES),
            ("ours", MANY_LAYERS, CANDIDATES),
            ("stored", LAYERS, CANDIDATES),
            ("stored", MANY_LAYERS, CANDIDATES),
        ):
            row = usage(layers, candidates, way)
            sizes = [size / 2**20 for size in (row.peak, row.scores, row.outputs)]
            click.echo(f"{way:<12}{layers:>6}{candidates:>12}{sizes[0]:>9.1f}{sizes[1]:>17.1f}{sizes[2]:>13.1f}")
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
