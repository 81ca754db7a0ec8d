"""What each selector takes on a large pool: processor seconds and peak memory, each in a process of its own.

    python -m benchmark.timing.selectors [FAMILY ...] [--candidates 10000] [--dimension 384]

The pool is made up: random unit vectors, the hardest for k-means, and texts of random words. What the model would say
is made up, too: its passes are not in the time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.selection import Features, Pool, create, names
from benchmark.selection.feature import unit
from benchmark.selection.pool import Dictionary, Prompts, RandomSets
from benchmark.timing.status import status

ROOT = Path(__file__).resolve().parents[2]
SECONDS, GIGABYTES = 10.0, 1.0
"""What a selector may take with 10,000 candidates of 384 features."""
CANDIDATES, DIMENSION, CHOSEN, CHOICES = 10_000, 384, 8, 3
ASIDE, ASKED, SETS, WORDS = 100, 100, 1000, 5000
WIDTH, ACTIVE = 4608, 400
"""Features of a sparse autoencoder, and how many of them are at work in a candidate of some dozen tokens."""


@dataclass(frozen=True, slots=True)
class Usage:
    """`gigabytes` are the whole process's, Python and its libraries included."""

    family: str
    seconds: float
    gigabytes: float

    @property
    def fits(self) -> bool:
        return self.seconds <= SECONDS and self.gigabytes <= GIGABYTES


def usage(family: str, candidates: int = CANDIDATES, dimension: int = DIMENSION) -> Usage:
    """Measures the first selector of a family in a new process. Raises `BenchmarkError` where it fails."""
    command = [sys.executable, "-m", "benchmark.timing.selectors", "--one", family]
    command += ["--candidates", str(candidates), "--dimension", str(dimension)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        why = (done.stderr.strip() or "no message").splitlines()[-1]
        raise BenchmarkError(f"{family} could not be measured: {why}")
    return Usage(**json.loads(done.stdout))


def measure(family: str, candidates: int, dimension: int) -> Usage:
    """As `usage`, in this process, whose peak must not have been reached before."""
    generator = np.random.default_rng(0)
    pool = make_pool(candidates, dimension, generator)
    selector = next(iter(create(pool, [family])))
    start = time.process_time()
    prompts = selector.plan(pool, CHOSEN, generator)
    spent = time.process_time() - start
    if prompts is not None:
        pool = replace(pool, prompts=prompts, answers=_said(prompts, generator))
    start = time.process_time()
    selector(pool, CHOSEN, generator)
    return Usage(family, spent + time.process_time() - start, status("VmHWM") / 1e9)


def make_pool(candidates: int, dimension: int, generator: np.random.Generator) -> Pool:
    """A pool of random candidates, with queries set aside and queries that judge."""
    words = np.array([f"word{i}" for i in range(WORDS)])

    def texts(n: int) -> tuple[str, ...]:
        return tuple(" ".join(row) for row in words[(WORDS * generator.random((n, 12)) ** 3).astype(np.int64)])

    def rows(n: int) -> NDArray[np.float32]:
        return unit(generator.normal(size=(n, dimension)).astype(np.float32))

    at_work = np.stack([generator.choice(WIDTH, ACTIVE, replace=False) for _ in range(candidates)])
    starts = np.arange(0, at_work.size + 1, ACTIVE)
    features = scipy.sparse.csr_array(
        (np.ones(at_work.size, dtype=bool), at_work.ravel(), starts), shape=(candidates, WIDTH)
    )
    members = np.stack([generator.choice(candidates, CHOSEN, replace=False) for _ in range(SETS)])
    return Pool(
        inputs=texts(candidates),
        scores=generator.normal(size=(candidates, 1, 1)),
        masks=("input",),
        statistics=("kurtosis",),
        unlabelled_masks=("input",),
        perplexity=generator.random(candidates),
        predictive_entropy=generator.random(candidates),
        query_inputs=texts(ASIDE),
        gain=generator.normal(size=(candidates, ASIDE)),
        random_sets=(RandomSets(members, generator.random((SETS, ASIDE))),),
        n_choices=CHOICES,
        feature_names=("embeddings",),
        embeddings={"embeddings": Features(rows(candidates), rows(ASIDE), rows(ASKED))},
        asked_inputs=texts(ASKED),
        dictionaries={"mlp_output": Dictionary(generator.random(candidates), features)},
    )


def _said(prompts: Prompts, generator: np.random.Generator) -> NDArray[np.float64]:
    return -generator.gamma(2.0, size=(len(prompts.asked), CHOICES if prompts.read == "choices" else 1))


@click.command()
@click.argument("families", nargs=-1)
@click.option("--candidates", default=CANDIDATES, show_default=True, type=click.IntRange(min=CHOSEN))
@click.option("--dimension", default=DIMENSION, show_default=True, type=click.IntRange(min=2))
@click.option("--one", hidden=True)
def main(families: tuple[str, ...], candidates: int, dimension: int, one: str | None) -> None:
    """Print processor seconds and peak memory of selector FAMILIES (all by default) on a large pool."""
    if one:
        click.echo(json.dumps(asdict(measure(one, candidates, dimension))))
        return
    click.echo(f"{candidates:,} candidates, {dimension} features, {CHOSEN} chosen\n{'':<20}{'seconds':>8}{'GB':>6}")
    try:
        for family in families or names():
            found = usage(family, candidates, dimension)
            over = "" if found.fits else f"  over {SECONDS:g} s or {GIGABYTES:g} GB"
            click.echo(f"{family:<20}{found.seconds:>8.2f}{found.gigabytes:>6.2f}{over}")
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
