"""A text without what stands around every one of them: a fixed beginning and a fixed end."""

from __future__ import annotations

from typing import Literal

from benchmark.tasks.step import TextStep


class Strip(TextStep):
    """White space around the text goes, too, before and after."""

    step: Literal["strip"]
    prefix: str = ""
    suffix: str = ""

    def change(self, text: str) -> str:
        return text.strip().removeprefix(self.prefix).removesuffix(self.suffix).strip()
