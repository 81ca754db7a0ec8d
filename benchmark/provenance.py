"""What produced the results: `results/provenance.json`.

    with stage_record("extract", params): ...                how long a stage took, on what, from which revision
    environment()                                            versions and devices; the same on every call of a machine
    write(params, names)                                     at the end of the pipeline: results/provenance.json
    changed(params)                                          the files that the recorded hashes do not fit

Times and revisions differ between runs that give the same results. So the file is no out of a stage and no input of
one, and `write` leaves it as it is while the results are those that it describes.
"""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_file, sha256_tree
from benchmark.params import Params
from benchmark.seeds import seeds
from benchmark.storage import read_json, write_json

ROOT = Path(__file__).resolve().parent.parent
RECORDS = Path(".work/stages")
# What decides a result, next to the data: only edits to these make a run dirty.
SOURCES = ("benchmark", "requirements", ":(glob)**/dvc.yaml", ":(glob)**/params.yaml")
PACKAGES = (
    "torch",
    "triton",
    "transformers",
    "tokenizers",
    "safetensors",
    "datasets",
    "numpy",
    "scipy",
    "pandas",
    "dvc",
)


@contextmanager
def stage_record(name: str, params: Params, folder: Path = RECORDS) -> Iterator[None]:
    """Records under `folder` that stage `name` ran: when, for how many seconds, from which revision, on what.

    Nothing is recorded when the block raises.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    yield
    record = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 2),
        **revision(),
        "device": device(),
    }
    write_json(folder / params.profile / f"{name}.json", record)


@functools.cache
def environment() -> dict[str, Any]:
    """Versions, machine and devices, and how the installed packages differ from the lock."""
    lock = ROOT / "requirements" / ("cpu.lock" if "+cpu" in _version("torch") else "cuda.lock")
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "lock": {
            "file": lock.relative_to(ROOT).as_posix(),
            "sha256": _sha256(lock) if lock.is_file() else None,
            "differences": differences(lock) if lock.is_file() else [],
        },
        "system": f"{platform.system()} {platform.machine()}",
        "device": device(),
    }


@functools.cache
def device() -> dict[str, Any]:
    """The processor, its cores, and the GPUs with their driver, as far as the system says."""
    return {"cpu": _cpu(), "cores": len(os.sched_getaffinity(0)), "gpus": _gpus()}


def computed_on(device_parameter: str) -> dict[str, Any]:
    """Where a result is computed: the GPU or the processor, and the versions of what computes."""
    gpus = [gpu["name"] for gpu in device()["gpus"]] if device_parameter != "cpu" else []
    packages = {name: _version(name) for name in ("torch", "transformers", "tokenizers", "numpy")}
    return {"device": gpus[0] if gpus else device()["cpu"], "python": platform.python_version(), "packages": packages}


def differences(lock: Path) -> list[str]:
    """Packages of `lock` that are installed in another version or not at all, as `name installed, locked`."""
    installed = {_normal(found.metadata["Name"]): found.version for found in distributions()}
    locked = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), flags=re.MULTILINE))
    return [
        f"{name} {installed.get(_normal(name), 'missing')}, locked {wanted}"
        for name, wanted in sorted(locked.items())
        if installed.get(_normal(name)) != wanted
    ]


def revision() -> dict[str, Any]:
    """`revision`: the commit, null outside git; `dirty`: the sources that differ from it."""
    head = _output("git", "-C", str(ROOT), "rev-parse", "HEAD")
    if head is None:  # the image carries no repository, but knows what it was built from
        return {"revision": os.environ.get("BENCHMARK_REVISION") or None, "dirty": []}
    status = _output("git", "-C", str(ROOT), "status", "--porcelain", "--", *SOURCES) or ""
    return {"revision": head.strip(), "dirty": sorted(line[3:] for line in status.splitlines())}


def collect(params: Params, names: Iterable[str]) -> dict[str, Any]:
    """The content of provenance.json for the results that are there; `names` are those of the stages."""
    before = _recorded(params) or {}
    parameters = params.model_dump(mode="json")
    return {
        "profile": params.profile,
        **revision(),
        "environment": environment(),
        "seeds": seeds(parameters),
        "parameters": parameters,
        "inputs": inputs(params),
        "outputs": outputs(params),
        "stages": stages(params, names, before.get("stages", {})),
    }


def write(params: Params, names: Iterable[str]) -> bool:
    """Writes `results/provenance.json`; false, and the file stays, when it already describes these results."""
    new, old = collect(params, names), _recorded(params)
    settled = ("parameters", "inputs", "outputs")
    if old and all(old.get(key) == new[key] for key in settled) and old["stages"].keys() == new["stages"].keys():
        return False
    write_json(_path(params), new)
    return True


def changed(params: Params) -> list[str]:
    """The results that are not the files that provenance.json describes; `BenchmarkError` where there is none."""
    record, now = _recorded(params), outputs(params)
    if record is None:
        raise BenchmarkError(f"{_path(params)} is missing: run `{params.command}`")
    then = record.get("outputs", {})
    return [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]


def inputs(params: Params) -> dict[str, str]:
    """SHA-256 of what the cells start from: every dataset's folder, every model's manifest (which holds its files')."""
    paths = [params.data / "datasets" / name for name in params.datasets]
    paths += [params.data / "models" / name / "manifest.json" for name in params.models]
    return {path.as_posix(): _sha256(path) for path in paths if path.exists()}


def outputs(params: Params) -> dict[str, str]:
    """SHA-256 of every file of the results, but this one."""
    files = sorted(path for path in params.results.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.as_posix(): _sha256(path) for path in files if path != _path(params)}


def stages(params: Params, names: Iterable[str], before: Mapping[str, Any], folder: Path = RECORDS) -> dict[str, Any]:
    """By stage: the record of its last run here, or else the one from `before`; empty if it never ran.

    (A stage whose outs came from DVC's cache, or from the clone, did not run here.)
    """
    paths = {name: folder / params.profile / f"{name}.json" for name in sorted(names)}
    return {name: read_json(path) if path.is_file() else before.get(name, {}) for name, path in paths.items()}


def _sha256(path: Path) -> str:
    return sha256_tree([path]) if path.is_dir() else sha256_file(path)


def _path(params: Params) -> Path:
    return params.results / "provenance.json"


def _recorded(params: Params) -> dict[str, Any] | None:
    return dict(read_json(_path(params))) if _path(params).is_file() else None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def _output(*command: str) -> str | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, flags=re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _gpus() -> list[dict[str, str]]:
    listing = _output("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader") or ""
    rows = [line.split(", ") for line in listing.splitlines()]
    return [dict(zip(("name", "driver", "memory"), row, strict=True)) for row in rows if len(row) == 3]
