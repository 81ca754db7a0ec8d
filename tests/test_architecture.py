"""Data flows one way, and so do imports; what needs no model imports no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.dependencies import imports

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "benchmark"

# A folder may import from those before it, and from itself. `stages` and `cli` put everything together.
ORDER = ("hub", "tasks", "artefacts", "models", "activations", "quality", "sae", "selection", "analysis", "report")
WITH_TORCH = {
    "models",
    "activations",
    "quality",
    "sae",
    "timing",
    "stages",
    "planning",
    "doctor",
    "workers.py",
    "cluster.py",
}


FILES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in sorted(PACKAGE.rglob("*.py"))]


@pytest.mark.parametrize("path", FILES)
def test_a_module_imports_only_from_what_stands_before_it(path: Path) -> None:
    folder = path.relative_to(PACKAGE).parts[0]
    imported = {name.split(".")[1] for name in imports(path) if name.startswith("benchmark.")}
    if folder in ORDER:
        later = set(ORDER[ORDER.index(folder) + 1 :]) | {"cli", "params", "stages"}
        assert not imported & later, f"{path} imports {sorted(imported & later)}"
    if folder not in ("cli.py", "__main__.py"):
        assert "cli" not in imported
    if folder not in WITH_TORCH:
        assert not {name for name in imports(path) if name.split(".")[0] == "torch"}


@pytest.mark.slow
@pytest.mark.parametrize("module", ["benchmark.cli", "benchmark.analysis.claim", "benchmark.report.page"])
def test_what_needs_no_model_loads_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit(int('torch' in sys.modules or 'transformers' in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
