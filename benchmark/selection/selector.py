"""What a selector is, and the registry of selector families."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import unknown
from benchmark.selection.pool import Pool, UndefinedError

Direction = Literal["highest", "lowest", ""]
DIRECTIONS: tuple[Direction, Direction] = ("highest", "lowest")
NOISE = 1e-5  # of a score's range; between two processors, most scores differ by less than 4e-6 of it


class Selector(Protocol):
    """Picks candidates. `direction` and `mask` are empty where they mean nothing."""

    @property
    def name(self) -> str: ...

    @property
    def direction(self) -> Direction: ...

    @property
    def mask(self) -> str: ...

    @property
    def needs_label(self) -> bool:
        """Whether it reads a label, so that it cannot be used on an unlabelled pool."""
        ...

    def __call__(self, pool: Pool, k: int, generator: np.random.Generator) -> NDArray[np.int64]:
        """Indices int64 [k] of distinct candidates in prompt order, the most preferred first.

        Depends on the pool and the generator alone, and not on the candidates' order except where they tie. Raises
        `BenchmarkError` for a k that the pool cannot fill, `UndefinedError` where the candidates cannot be told apart.
        """
        ...


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
