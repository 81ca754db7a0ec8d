"""Ten thousand candidates with 384 features: seconds, and less than a gigabyte, for every selector that reads them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmark.selection import create
from tests.selection.conftest import make_pool

FAMILIES = sorted({each.name for each in create(make_pool(3)) if each.features == "hidden"})
LIMIT_SECONDS = 10
LIMIT_GIGABYTES = 1.0
SCRIPT = """
import resource, sys, time
from dataclasses import replace
import numpy as np
from benchmark.selection import Features, create
from tests.selection.conftest import make_pool, rows, say

generator = np.random.default_rng(0)
pool = make_pool(10_000, feature_names=("hidden",), random_sets=())
parts = (rows(generator, n, 384).astype(np.float32) for n in (10_000, 12, 6))
pool = replace(pool, embeddings={"hidden": Features(*parts)})
selector = next(iter(create(pool, [sys.argv[1]])))
start = time.process_time()
prompts = selector.plan(pool, 8, generator)
spent = time.process_time() - start
if prompts is not None:
    pool = replace(pool, prompts=prompts, answers=say(pool, prompts))
start = time.process_time()
chosen = selector(pool, 8, generator)
spent += time.process_time() - start
assert chosen.shape[-1] == 8
print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_ten_thousand_candidates_take_seconds_and_less_than_a_gigabyte(family: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, family], capture_output=True, text=True, check=True)
    seconds, gigabytes = map(float, done.stdout.split())
    print(f"{family}: {seconds:.1f} s, {gigabytes:.2f} GB with Python and its libraries")
    assert seconds < LIMIT_SECONDS
    assert gigabytes < LIMIT_GIGABYTES
