"""Trying again what may work the next time: a server that is busy, a connection that was cut."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from benchmark.errors import BenchmarkError

T = TypeVar("T")
log = logging.getLogger(__name__)
_at_once: ContextVar[bool] = ContextVar("at_once", default=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """What an exception means. `error`: what is raised when it is final; `told`: what failed and how, for the log;
    `wait`: the seconds that the server asks for.
    """

    error: BenchmarkError
    transient: bool = False
    told: str = ""
    wait: float | None = None


@contextmanager
def at_once() -> Iterator[None]:
    """In this block a fault is final: nothing is waited for, as someone who asks what is wrong expects."""
    token = _at_once.set(True)
    try:
        yield
    finally:
        _at_once.reset(token)


def patiently(
    call: Callable[[], T],
    fault_of: Callable[[Exception], Fault | None],
    waits: Sequence[float],
    progress: Callable[[], int] | None = None,
) -> T:
    """`call()`, again after each transient fault, and its `BenchmarkError` when the waits are used up.

    `fault_of` says what an exception means, None where it is no fault of the kind. `waits` are the seconds before the
    second attempt, the third, ... `progress` is a count that grows while the call gets on (bytes received): an attempt
    that moved it does not count.
    """
    attempt, reached = 0, progress() if progress else 0
    while True:
        try:
            return call()
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise
            now = progress() if progress else 0
            if now > reached:
                attempt, reached = 0, now
            if not fault.transient or _at_once.get() or attempt == len(waits):
                raise fault.error from error
            wait = fault.wait or waits[attempt]
            attempt += 1
            log.warning("%s; attempt %d in %.0f s", fault.told, attempt + 1, wait)
        time.sleep(wait)
