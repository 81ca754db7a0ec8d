"""HTML entities as the characters that they stand for: `&amp;` is &."""

from __future__ import annotations

import html
from typing import Literal

from benchmark.tasks.step import TextStep


class Unescape(TextStep):
    step: Literal["unescape"]

    def change(self, text: str) -> str:
        return html.unescape(text)
