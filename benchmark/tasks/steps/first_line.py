"""The first line of a text, such as a headline above its article."""

from __future__ import annotations

from typing import Literal

from benchmark.tasks.step import TextStep


class FirstLine(TextStep):
    step: Literal["first_line"]

    def change(self, text: str) -> str:
        return text.lstrip().replace("\r\n", "\n").replace("\r", "\n").partition("\n")[0].rstrip()
