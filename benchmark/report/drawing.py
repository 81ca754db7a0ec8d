"""A figure on its way to the page: drawn once, kept as SVG (compact, deterministic) and as PNG."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from html import escape

from matplotlib.figure import Figure

DPI = 110


@dataclass(frozen=True)
class Drawing:
    """A drawn figure. `name` is its file's stem; `alt` says in words what it shows; `caption` how to read it, behind
    `lead`, its first words."""

    name: str
    alt: str
    lead: str
    caption: str
    svg: str
    png: bytes


def drawing(name: str, figure: Figure, *, alt: str, caption: str = "", lead: str = "", zoom: float = 1.2) -> Drawing:
    """Renders a figure; the same figure gives the same bytes. On the page it grows to `zoom` times its inches."""
    vector, raster = io.StringIO(), io.BytesIO()
    figure.savefig(vector, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    figure.set_layout_engine("none")  # laid out once: the second rendering keeps it
    figure.savefig(raster, format="png", dpi=DPI, metadata={"Software": None})
    return Drawing(name, alt, lead, caption, compact(vector.getvalue(), name, alt, zoom), raster.getvalue())


def compact(svg: str, name: str, alt: str, zoom: float) -> str:
    """The SVG element alone, without metadata; paths in tenths of a point; its ids prefixed by `name`, for a page holds
    several."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", svg))
    svg = re.sub(r'\sid="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", svg)
    svg = re.sub(r"(url\(#|href=\"#)", rf"\g<1>{name}-", svg)
    head, body = svg.split(">", 1)
    body = re.sub(r'\sd="[^"]+"', lambda path: _rounded(path[0], 1), body)
    body = re.sub(r"<[^>]+>", lambda tag: _rounded(tag[0], 2), body)  # not the words between the tags
    body = re.sub(r">\s+<", "><", re.sub(r"\s*\n\s*", " ", body))
    box = re.search(r'viewBox="([^"]+)"', head)
    width = float(box[1].split()[2]) if box else 0.0
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'viewBox="{box[1] if box else ""}" style="max-width:{round(width * 4 / 3 * zoom)}px">'
        f"<title>{escape(alt)}</title>{body.strip()}"
    )


def _rounded(text: str, digits: int) -> str:
    pattern = rf"-?\d+\.\d{{{digits + 1},}}"
    return re.sub(pattern, lambda m: f"{float(m[0]):.{digits}f}".rstrip("0").rstrip("."), text)
