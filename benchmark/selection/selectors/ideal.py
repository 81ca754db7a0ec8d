"""IDEAL (Zhang et al. 2024): candidates from which most of the pool is reached by diffusion along a graph.

A candidate points to its 10 nearest; an edge is taken with a probability of its cosine over the sum of these 10
(independent cascades). Which edges are taken is drawn first, for each of 10 simulations; a candidate then reaches the
same others whichever were chosen before, so that the greedy choice needs no further draw and is exact for these graphs.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from benchmark.selection.feature import features_of, names_of
from benchmark.selection.graph import neighbours
from benchmark.selection.pool import Members, Pool
from benchmark.selection.selector import Selector, register

NEIGHBOURS = 10
SIMULATIONS = 10


@dataclass(frozen=True, kw_only=True)
class Ideal(Selector):
    """Each step takes the candidate that adds most to what is reached, on average over the simulations."""

    name: str = "ideal"

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        order = pool.shuffled(generator)
        nearest, likeness = neighbours(features_of(pool, self.features).candidates[order], NEIGHBOURS)
        reached = np.stack([reach(nearest, live(likeness, generator)) for _ in range(SIMULATIONS)])
        return order[spread(reached, k)]


def live(likeness: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.bool_]:
    """Which edges are taken in one simulation, bool [n, 10]; those with a cosine of zero or less never are."""
    weight = np.maximum(likeness, 0)
    total = weight.sum(axis=1, keepdims=True)
    return generator.random(likeness.shape) < weight / np.where(total > 0, total, 1)


def reach(nearest: NDArray[np.int64], taken: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Which candidates each one reaches along taken edges, itself included: bits, uint8 [n, ceil(n / 8)]."""
    n = len(nearest)
    start, place = np.nonzero(taken)
    edges = sparse.csr_array((np.ones(len(start), dtype=bool), (start, nearest[start, place])), shape=(n, n))
    count, component = connected_components(edges, connection="strong")  # within one, all reach the same
    bits = np.zeros((count, (n + 7) // 8), dtype=np.uint8)
    members = np.arange(n)
    np.bitwise_or.at(bits, (component, members // 8), (128 >> (members % 8)).astype(np.uint8))
    across = component[start] != component[nearest[start, place]]
    pairs = np.unique(np.stack([component[start], component[nearest[start, place]]], axis=1)[across], axis=0)
    first = np.searchsorted(pairs[:, 0], np.arange(count + 1))
    for node in _leaves_first(pairs, count):
        for target in pairs[first[node] : first[node + 1], 1]:
            bits[node] |= bits[target]
    return np.asarray(bits[component])


def _leaves_first(pairs: NDArray[np.int64], count: int) -> list[int]:
    """Nodes of a graph without cycles, each after all that its edges (pairs of start and end) lead to."""
    before: list[list[int]] = [[] for _ in range(count)]
    for start, end in pairs.tolist():
        before[end].append(start)
    open_edges = np.bincount(pairs[:, 0], minlength=count).tolist() if len(pairs) else [0] * count
    ready = [node for node in range(count) if open_edges[node] == 0]
    ordered: list[int] = []
    while ready:
        node = ready.pop()
        ordered.append(node)
        for start in before[node]:
            open_edges[start] -= 1
            if open_edges[start] == 0:
                ready.append(start)
    return ordered


def spread(reached: NDArray[np.uint8], k: int) -> NDArray[np.int64]:
    """Greedy maximum of what k rows reach together, summed over simulations: bits [simulation, n, bytes] to int64 [k].

    What a row adds never grows, so that only the rows at the top are counted again (Leskovec et al. 2007).
    """
    covered = np.zeros(reached.shape[::2], dtype=np.uint8)

    def adds(row: int) -> int:
        return int(np.bitwise_count(reached[:, row] & ~covered).sum(dtype=np.int64))

    queue = [(-adds(row), row) for row in range(reached.shape[1])]
    heapq.heapify(queue)
    chosen: list[int] = []
    while len(chosen) < k:
        stale, row = heapq.heappop(queue)
        now = -adds(row)
        if now == stale:
            chosen.append(row)
            covered |= reached[:, row]
        else:
            heapq.heappush(queue, (now, row))
    return np.array(chosen, dtype=np.int64)


@register("ideal")
def ideal(pool: Pool) -> Iterator[Ideal]:
    """IDEAL: candidates whose influence spreads over most of the pool"""
    return (Ideal(features=features) for features in names_of(pool))
