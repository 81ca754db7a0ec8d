"""What a selector is, and the registry of selector families."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import unknown
from benchmark.selection.pool import Members, Pool, Prompts, UndefinedError

Direction = Literal["highest", "lowest", ""]
DIRECTIONS: tuple[Direction, Direction] = ("highest", "lowest")
NOISE = 1e-5  # of a score's range; between two processors, most scores differ by less than 4e-6 of it


@dataclass(frozen=True)
class Needs:
    """What a selector reads besides the candidates' inputs and its features.

    `labels` of the candidates, before it chooses; `queries`: inputs of those set aside, or of each one that it chooses
    for; `uncertainty`: how sure the model is of each candidate's label, which can be asked anew in each round.
    """

    labels: bool = False
    queries: Literal["none", "set_aside", "each"] = "none"
    uncertainty: bool = False


@dataclass(frozen=True, kw_only=True)
class Selector(ABC):
    """Picks candidates. `direction`, `mask` and `features` are empty where they mean nothing.

    `nested`: the choice of fewer is the most preferred part of a choice of more.
    """

    name: str
    direction: Direction = ""
    mask: str = ""
    features: str = ""
    needs: Needs = Needs()
    nested: bool = True

    @property
    def keys(self) -> dict[str, str]:
        """What names it in a table."""
        return {"selector": self.name, "direction": self.direction, "mask": self.mask, "features": self.features}

    @abstractmethod
    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> Members:
        """Indices of distinct candidates in prompt order, the same for the same pool and generator.

        int64 [k], the most preferred first; or, where `needs.queries` is `each`, int64 [q, k], a list for each of
        `pool.asked_inputs`, the most preferred last, next to the query. They do not depend on the candidates' order
        except where these tie. Raises `BenchmarkError` for a k that the pool cannot fill, `UndefinedError` where the
        candidates cannot be told apart.
        """

    def plan(self, pool: Pool, k: int, generator: np.random.Generator) -> Prompts | None:
        """The prompts to run first, whose `answers` the pool then has; None for a selector that needs none."""
        return None

    def count_prompts(self, n_candidates: int, n_asked: int) -> int:
        """How many prompts `plan` asks for, with so many candidates and so many queries to choose for."""
        return 0


Family = Callable[[Pool], Iterable[Selector]]
_families: dict[str, Family] = {}


def register(name: str) -> Callable[[Family], Family]:
    """Registers a function from a pool to the selectors of a family; its docstring's first line describes them."""

    def decorate(family: Family) -> Family:
        if name in _families:
            raise ValueError(f"selector family {name!r} is registered twice")
        _families[name] = family
        return family

    return decorate


def names() -> tuple[str, ...]:
    """The registered families, sorted."""
    return tuple(sorted(_families))


def modules() -> dict[str, str]:
    """{family: the module that registers it}."""
    return {name: _families[name].__module__ for name in names()}


def describe() -> dict[str, str]:
    """{family: one line about it}."""
    return {name: (_families[name].__doc__ or "").strip().split("\n")[0] for name in names()}


def create(pool: Pool, families: Sequence[str] | None = None) -> Iterator[Selector]:
    """The selectors of the given families (all by default) for this pool, family by family."""
    for name in names() if families is None else families:
        if name not in _families:
            raise unknown("selector", name, _families)
        yield from _families[name](pool)


def top(values: NDArray[np.float64], k: int, direction: Direction, generator: np.random.Generator) -> NDArray[np.int64]:
    """Indices int64 [k] of the k highest or lowest of `values` [n], best first; ties are broken by the generator.

    A draw for ties is fair: taking the first of them would prefer whatever order the pool happens to have. Neighbours
    nearer than `NOISE` of the range are a tie, too: which of them is larger is up to the processor.
    """
    if not np.isfinite(values).all():
        raise UndefinedError(f"{np.count_nonzero(~np.isfinite(values))} of {len(values)} scores are not finite")
    if len(values) > 1 and np.ptp(values) == 0:
        raise UndefinedError("the score is the same for every candidate")
    order = np.argsort(values)
    level = np.empty(len(values), dtype=np.int64)
    level[order] = np.cumsum(np.diff(values[order], prepend=values.min()) > NOISE * np.ptp(values))
    keys = -level if direction == "highest" else level
    return np.lexsort((generator.permutation(len(values)), keys))[:k].astype(np.int64)


def top_known(
    values: NDArray[np.float64], k: int, direction: Direction, generator: np.random.Generator
) -> NDArray[np.int64]:
    """As `top`, where NaN means that nothing is known of a candidate: it comes after all others, in random order."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        raise UndefinedError("nothing is known of any candidate")
    unknown_ones = generator.permutation(np.flatnonzero(np.isnan(values)))
    first = known[top(values[known], min(k, len(known)), direction, generator)]
    return np.concatenate([first, unknown_ones])[:k].astype(np.int64)


def complete(chosen: Sequence[int] | NDArray[np.int64], k: int, n: int) -> NDArray[np.int64]:
    """The first k of `chosen`, without repetitions, and then of the other candidates in their order, int64 [k]."""
    return np.array(list(dict.fromkeys([*map(int, chosen), *range(n)]))[:k], dtype=np.int64)


def require_choices(pool: Pool) -> None:
    """Raises `UndefinedError` for a generative task: its answers have no distribution over labels."""
    if pool.n_choices == 0:
        raise UndefinedError("a generative task has no labels to be sure of")


def label_distribution(pool: Pool) -> NDArray[np.float64]:
    """The model's distribution over the labels in each planned prompt, float64 [p, c]; 0 where there is no label."""
    if pool.answers is None:
        raise UndefinedError("its prompts were not run")
    return distribution(pool.answers)


def distribution(answers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-probabilities of labels scaled to probabilities that sum to 1, float64 [p, c]; 0 where `answers` is NaN."""
    probability = np.nan_to_num(np.exp(answers - np.nanmax(answers, axis=1, keepdims=True)))
    return np.asarray(probability / probability.sum(axis=1, keepdims=True))
