"""A text in lower case."""

from __future__ import annotations

from typing import Literal

from benchmark.tasks.step import TextStep


class Lower(TextStep):
    step: Literal["lower"]

    def change(self, text: str) -> str:
        return text.lower()
