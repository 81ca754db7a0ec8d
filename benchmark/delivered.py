"""The results as they came with this folder: git's, or, in a folder that was unpacked from an archive, a copy.

`prepare` keeps the copy before the first run, for a run replaces the results one by one.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

from benchmark.params import Params
from benchmark.parts import WORK

KEPT = WORK / "delivered"
COMMITTED, CAME = "what is committed", "what came with this folder"


def keep(params: Params, root: Path = Path()) -> None:
    """Copies the results of the profile, unless git has them, there are none, or they were kept before."""
    results, kept = root / params.results, root / KEPT / params.profile
    if kept.exists() or not (results / "claim.json").is_file() or _archive(params, root) is not None:
        return
    unfinished = kept.with_name(f".{kept.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(results, unfinished)
    unfinished.rename(kept)


def find(params: Params, root: Path, folder: Path) -> tuple[Path, str] | None:
    """Where the results lie that came with `root`, and what to call them; those of git are written below `folder`.

    None where neither git nor a kept copy has any.
    """
    if found := committed(params, root, folder):
        return found, COMMITTED
    kept = root / KEPT / params.profile
    return (kept, CAME) if kept.is_dir() else None


def committed(params: Params, root: Path, folder: Path) -> Path | None:
    """The results as they are in git's HEAD, written below `folder`; None without git, or where it has none."""
    packed = _archive(params, root)
    if packed is None:
        return None
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        archive.extractall(folder)
    return folder / params.results if (folder / params.results / "claim.json").is_file() else None


def _archive(params: Params, root: Path) -> bytes | None:
    """A zip of the results as git's HEAD has them; None without git, or where it has none."""
    command = ["git", "-C", str(root), "archive", "--format=zip", "-0", "HEAD", "--", params.results.as_posix()]
    try:
        return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    except (OSError, subprocess.SubprocessError):
        return None
