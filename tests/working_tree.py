"""Copies of this working tree's tracked files, as they are now: what a clone of a commit of them would hold."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def copy_tracked(folder: Path, without: tuple[str, ...] = ()) -> Path:
    """Copies the tracked files into `folder`, but those whose path begins with one of `without`."""
    if not (ROOT / ".git").exists():
        pytest.skip("what belongs to the tree is known from git, and this copy has none")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in names.strip("\0").split("\0"):
        if (ROOT / name).is_file() and not name.startswith(without):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder
