"""How the figures look: one typeface, few lines, and colours that colour-blind readers can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#22252a"
MUTED = "#6b7078"
FAINT = "#d9dce0"
# Okabe and Ito (2008)
BLUE = "#0072B2"
VERMILLION = "#D55E00"
ORANGE = "#E69F00"
GREEN = "#009E73"
DIVERGING = "RdBu_r"
VERDICTS = {"reproduced": BLUE, "refuted": VERMILLION, "exceeded": ORANGE, "inconclusive": MUTED}

RC = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",  # text stays text: small, searchable, and set in the reader's typeface
    "svg.hashsalt": "benchmark",
    "axes.unicode_minus": True,
}


@contextmanager
def styled() -> Iterator[None]:
    """The project's figure style, within a block; nothing global is left behind."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that many inches, free of pyplot's global state."""
    return Figure(figsize=(width, height))


def bound_line(axes: Axes, bound: float, *, both: bool = False, horizontal: bool = False) -> None:
    """The bound of the claim, dashed."""
    for value in (bound, -bound) if both else (bound,):
        draw = axes.axhline if horizontal else axes.axvline
        draw(value, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)


def number(value: float, digits: int = 2) -> str:
    """A correlation as statisticians print it: no zero before the point, a true minus sign."""
    text = f"{value:.{digits}f}"
    if abs(float(text)) < 1:
        text = text.replace("0.", ".", 1)
    return text.replace("-", "\N{MINUS SIGN}") if float(f"{value:.{digits}f}") != 0 else f".{'0' * digits}"


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else f"{0:.{digits}f}"


def tag(axes: Axes, x: float, y: float, text: str, *, left: bool, color: str = INK, weight: str = "normal") -> None:
    """Words beside a vertical line at x, their top at y, a little to its left or right."""
    axes.annotate(text, (x, y), xytext=(-4 if left else 4, 0), textcoords="offset points",
                  ha="right" if left else "left", va="top", color=color, weight=weight)  # fmt: skip


def words(key: str) -> str:
    """A key as a reader would write it."""
    return key.replace("_", " ")
