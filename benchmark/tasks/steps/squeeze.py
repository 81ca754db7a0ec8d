"""Each run of white space as one space: a text of several lines on one."""

from __future__ import annotations

from typing import Literal

from benchmark.tasks.step import TextStep


class Squeeze(TextStep):
    step: Literal["squeeze"]

    def change(self, text: str) -> str:
        return " ".join(text.split())
