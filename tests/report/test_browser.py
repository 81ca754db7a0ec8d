"""The page in a browser: no script error, nothing missing, nothing wider than the screen, no label cut off."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.network_tools

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PROBE = """
<script>
const errors = [];
addEventListener("error", e => errors.push(e.message || e.target.outerHTML.slice(0, 80)), true);
addEventListener("load", () => {
  const wide = document.documentElement;
  const inside = e => e.closest(".scroll, figure svg");
  const svgs = [...document.querySelectorAll("figure svg")];
  const cut = [], sizes = [];
  for (const svg of svgs) {
    const box = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll("text")) {
      const t = text.getBoundingClientRect();
      if (t.left < box.left - 3 || t.right > box.right + 3 || t.top < box.top - 3 || t.bottom > box.bottom + 3)
        cut.push(text.textContent);
      sizes.push(parseFloat(getComputedStyle(text).fontSize)
        * Math.hypot(text.getScreenCTM().a, text.getScreenCTM().b));
    }
  }
  const found = {
    errors, cut, smallest: Math.min(...sizes), width: innerWidth, scroll: wide.scrollWidth,
    overflowing: [...document.body.querySelectorAll("*")].filter(e => !inside(e) && !e.closest("svg")
      && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.className),
    empty: svgs.filter(s => s.getBoundingClientRect().height < 40 || s.querySelectorAll("path, use").length < 3).length,
    figures: svgs.length, height: document.body.getBoundingClientRect().height,
    broken: [...document.images].filter(i => !i.naturalWidth).length,
    requests: performance.getEntriesByType("resource").map(r => r.name),
  };
  parent.document.getElementById("w" + innerWidth).setAttribute("data-found", JSON.stringify(found));
});
</script>
"""


WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def seen(reported: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """What the browser says about the page on a wide and a narrow screen, each a frame of one start of the browser."""
    if BROWSER is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    place = tmp_path_factory.mktemp("browser")
    page = (reported / "report.html").read_text(encoding="utf-8").replace("<head>", "<head>" + PROBE, 1)
    frames = "".join(
        f'<iframe id="w{width}" style="width:{width}px;height:900px;border:0" srcdoc="{html.escape(page)}"></iframe>'
        for width in WIDTHS
    )
    host = place / "host.html"
    host.write_text(f"<!DOCTYPE html><meta charset=utf-8><body style='margin:0'>{frames}", encoding="utf-8")
    dom = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={place}/profile", "--window-size=1400,900", "--dump-dom", host.as_uri()],
        capture_output=True, text=True, timeout=300, check=True,
    ).stdout  # fmt: skip
    found = re.findall(r'id="w(\d+)"[^>]*?data-found="([^"]*)"', dom)
    return {int(width): json.loads(html.unescape(record)) for width, record in found}


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_renders_whole(seen: dict[int, dict[str, Any]], width: int) -> None:
    assert width in seen, "the page did not finish loading"
    found = seen[width]
    assert found["width"] == width
    assert found["errors"] == []
    assert found["requests"] == []
    assert found["broken"] == 0
    assert found["overflowing"] == []
    assert found["scroll"] <= width
    assert found["figures"] == 21
    assert found["empty"] == 0
    assert found["cut"] == []
    assert found["smallest"] >= 6.5
    assert found["height"] > 3000
