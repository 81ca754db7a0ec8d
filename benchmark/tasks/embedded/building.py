"""From a family and a seed to a `Dataset`: distinct candidates, and queries that are none of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tqdm import tqdm

from benchmark.errors import BenchmarkError
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.embedded.family import SEPARATOR, Task, get_family
from benchmark.tasks.embedded.lexicon import Split, lexicon
from benchmark.tasks.example import Example

ATTEMPTS = 200  # draws for each example wanted, before a family counts as too small


def _distinct(
    name: str, part: str, task: Task, generator: np.random.Generator, size: int, taken: set[str]
) -> tuple[Example, ...]:
    """`size` examples in random order, balanced by the task's own indices; their inputs are new, and join `taken`."""
    examples: list[Example] = []
    with tqdm(total=size, desc=name, unit="example", delay=2, disable=None) as bar:
        for _ in range(ATTEMPTS * size):
            example = task.example(generator, len(examples))
            if example.input in taken:
                continue
            taken.add(example.input)
            examples.append(example)
            bar.update()
            if len(examples) == size:
                order = generator.permutation(size)
                return tuple(replace(examples[i], id=f"{part}-{n:03d}") for n, i in enumerate(order))
    raise BenchmarkError(
        f"dataset {name}: its family has too few distinct examples ({len(taken)} found): lower n_pool or n_queries"
    )


def build_dataset(
    name: str, family: str, seed: int, n_pool: int = 200, n_queries: int = 96, split: Split = "seen"
) -> Dataset:
    """One task of the family, drawn from `seed`, with `n_pool` candidates and `n_queries` queries, all distinct.

    Raises `BenchmarkError` for an unknown family or split, and where the family has too few distinct examples.
    """
    if n_pool < 1 or n_queries < 1:
        raise BenchmarkError(f"dataset {name}: n_pool and n_queries must be at least 1, got {n_pool} and {n_queries}")
    kind = get_family(family)
    generator = np.random.default_rng([seed, *name.encode()])
    task = kind.draw(generator, lexicon(split))
    taken: set[str] = set()
    pool = _distinct(name, "pool", task, generator, n_pool, taken)
    queries = _distinct(name, "query", task, generator, n_queries, taken)
    dataset = Dataset(
        name=name,
        kind=kind.kind,
        metric=kind.metric,
        separator=SEPARATOR,
        stop=SEPARATOR,
        max_new_tokens=kind.max_new_tokens,
        pool=pool,
        queries=queries,
        source={"kind": "embedded", "family": family, "seed": seed, "split": split},
    )
    dataset.require_distinct(n_pool)
    return dataset
