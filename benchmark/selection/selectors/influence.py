"""Influence of a candidate on random sets (Nguyen and Wong 2023; Chang and Jia 2023): three ways to estimate it.

All read the performance of random sets on the queries set aside, which the quality stage measures anyway. A candidate
that is in no set is unknown, and comes after all others.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.selection.pool import Members, Pool, UndefinedError
from benchmark.selection.selector import Direction, Needs, Selector, register, top_known

PENALTY = 1e-4  # of the lasso

NEEDS = Needs(labels=True, queries="set_aside")


@dataclass(frozen=True, kw_only=True)
class FromSets(Selector):
    """Prefers the highest estimate."""

    direction: Direction = "highest"
    needs: Needs = NEEDS

    @abstractmethod
    def estimate(self, held: NDArray[np.bool_], performance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each candidate [n], from whether set s holds it, bool [s, n], and the sets' mean performance [s]."""

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        pool.require(k)
        if not pool.random_sets:
            raise UndefinedError("no random sets were scored")
        order = pool.shuffled(generator)
        held, performance = holding(pool)
        held = held[:, order]
        values = np.where(held.any(axis=0), self.estimate(held, performance), np.nan)
        return order[top_known(values, k, self.direction, generator)]


def holding(pool: Pool) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether each random set, of any size, holds each candidate, and its mean performance."""
    n_sets = sum(len(sets.members) for sets in pool.random_sets)
    held = np.zeros((n_sets, len(pool)), dtype=bool)
    start = 0
    for sets in pool.random_sets:
        held[start + np.arange(len(sets.members))[:, None], sets.members] = True
        start += len(sets.members)
    return held, np.concatenate([sets.performance.mean(axis=1) for sets in pool.random_sets])


@dataclass(frozen=True, kw_only=True)
class Influence(FromSets):
    """Mean performance of the sets with the candidate, minus that of the sets without it."""

    name: str = "influence"

    def estimate(self, held: NDArray[np.bool_], performance: NDArray[np.float64]) -> NDArray[np.float64]:
        with_it, n_with = performance @ held, held.sum(axis=0)
        n_without = len(held) - n_with
        if (n_without == 0).any():
            raise UndefinedError("every random set holds the same candidate")
        return np.asarray(with_it / np.maximum(n_with, 1) - (performance.sum() - with_it) / n_without)


@dataclass(frozen=True, kw_only=True)
class CondAcc(FromSets):
    """Mean performance of the sets with the candidate."""

    name: str = "cond_acc"

    def estimate(self, held: NDArray[np.bool_], performance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((performance @ held) / np.maximum(held.sum(axis=0), 1))


@dataclass(frozen=True, kw_only=True)
class Datamodel(FromSets):
    """The candidate's weight in a linear model of a set's performance, fitted by the lasso."""

    name: str = "datamodel"

    def estimate(self, held: NDArray[np.bool_], performance: NDArray[np.float64]) -> NDArray[np.float64]:
        from sklearn.linear_model import Lasso

        fitted = Lasso(alpha=PENALTY, max_iter=100_000, tol=1e-6).fit(held.astype(np.float64), performance)
        return np.asarray(fitted.coef_, dtype=np.float64)


@register("influence")
def influence(pool: Pool) -> Iterator[Influence]:
    """performance of random sets with the candidate, minus that of those without"""
    yield Influence()


@register("cond_acc")
def cond_acc(pool: Pool) -> Iterator[CondAcc]:
    """CondAcc: performance of random sets with the candidate"""
    yield CondAcc()


@register("datamodel")
def datamodel(pool: Pool) -> Iterator[Datamodel]:
    """the candidate's weight in a linear model of random sets' performance"""
    yield Datamodel()
