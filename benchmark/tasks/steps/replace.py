"""One text in place of another, wherever it occurs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from benchmark.tasks.step import TextStep


class Replace(TextStep):
    step: Literal["replace"]
    old: str = Field(min_length=1)
    new: str

    def change(self, text: str) -> str:
        return text.replace(self.old, self.new)
