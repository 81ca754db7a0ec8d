"""What this machine lacks to run the proof, and how to bring it: the machine with the card often has no network."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

NEEDED = {  # import name: distribution
    "torch": "torch",
    "triton": "triton",
    "transformers": "transformers",
    "tokenizers": "tokenizers",
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "yaml": "pyyaml",
    "click": "click",
    "tqdm": "tqdm",
    "psutil": "psutil",
    "pydantic": "pydantic",
    "pydantic_core": "pydantic-core",
    "annotated_types": "annotated-types",
    "typing_inspection": "typing-inspection",
}
OLDEST_TORCH = (2, 11)
LOCK = Path("requirements/cuda.lock")


def lacking() -> list[str]:
    """Distributions that are not installed here, or a torch that is too old, one line each."""
    lines = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if "torch" not in lines:
        found = version("torch")
        if tuple(int(part) for part in re.findall(r"\d+", found)[:2]) < OLDEST_TORCH:
            lines.append(f"torch>={'.'.join(map(str, OLDEST_TORCH))}")
    return lines


def remedy(names: list[str], lock: Path = LOCK) -> str:
    """How to get `names` onto a machine without a network, in the locked versions where the lock has them."""
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    wanted = [f"{name}=={locked[name]}" if name in locked else f"'{name}'" for name in names]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"this Python lacks {', '.join(names)}. Where there is a network: pip download --no-deps --only-binary=:all: "
        f"--python-version {python} --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 -d wheels "
        f"{' '.join(wanted)}; here: pip install --no-index --no-deps --find-links wheels {' '.join(names)}"
    )


def versions() -> dict[str, str | None]:
    """The installed version of everything that is needed."""
    found: dict[str, str | None] = {}
    for name in NEEDED.values():
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
