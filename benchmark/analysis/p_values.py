"""One way to write a p-value everywhere."""

from __future__ import annotations


def p_text(p: float) -> str:
    """`p < 0.001`, or `p = ` and three decimals."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
