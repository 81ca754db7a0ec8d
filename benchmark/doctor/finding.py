"""One line of the doctor's: what was looked at, whether it is well, and what to do if not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """`NOTE` is worth knowing and stops nothing; `FIX` would make the run fail."""

    OK = "ok"
    NOTE = "note"
    FIX = "FIX"


@dataclass(frozen=True, slots=True)
class Finding:
    state: State
    subject: str
    text: str

    @property
    def blocks(self) -> bool:
        return self.state is State.FIX

    def __str__(self) -> str:
        return f"{self.state.value:<5} {self.subject}: {' '.join(self.text.split())}"


def ok(subject: str, text: str) -> Finding:
    return Finding(State.OK, subject, text)


def note(subject: str, text: str) -> Finding:
    return Finding(State.NOTE, subject, text)


def fix(subject: str, text: str) -> Finding:
    return Finding(State.FIX, subject, text)
