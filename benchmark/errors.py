"""The one exception that a user is meant to see.

Raise `BenchmarkError` for anything that bad input, a bad file or the machine can cause: the command line prints its
message as one line and exits with 1. Any other exception is a defect of this project, and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

STOPPED = "stopped; what is finished is kept, and the next run goes on there"
"""What Ctrl-C is answered with."""


class BenchmarkError(Exception):
    """A failure with a cause and a remedy, in one line."""


def unknown(kind: str, name: object, known: Iterable[str]) -> BenchmarkError:
    """The error for a name that is in no registry: the nearest known one is suggested, the rest are listed.

    >>> str(unknown("mask", "causl", ["causal", "self"]))
    "unknown mask 'causl': did you mean 'causal'? Known: causal, self"
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return BenchmarkError(f"unknown {kind} {name!r}: {hint}Known: {', '.join(names)}")
