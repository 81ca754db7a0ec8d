"""Python, the lock, and torch's build against the driver."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmark.doctor.finding import Finding, fix, note, ok
from benchmark.params import Params
from benchmark.provenance import differences

ROOT = Path(__file__).parents[2]
PYTHONS = ROOT / "requirements" / "pythons"


def check_python(params: Params) -> Iterator[Finding]:
    """The Pythons that the locks are made for."""
    version = platform.python_version()
    supported = PYTHONS.read_text(encoding="utf-8").split()
    if "{}.{}".format(*sys.version_info) in supported:
        yield ok("python", version)
    else:
        yield fix(
            "python", f"{version}, but the locks are for {', '.join(supported)}: `make venv PYTHON=...` takes one"
        )


def check_lock(params: Params) -> Iterator[Finding]:
    """Installed packages against the lock of this torch build."""
    import torch

    lock = ROOT / "requirements" / ("cuda.lock" if torch.version.cuda else "cpu.lock")
    if not lock.is_file():
        yield note("lock", f"{lock.name} is missing: versions were not compared")
        return
    different = differences(lock)
    if not different:
        yield ok("lock", f"every package is as {lock.name} has it")
        return
    more = f" and {len(different) - 3} more" if len(different) > 3 else ""
    yield note(
        "lock",
        f"{'; '.join(different[:3])}{more}: results may differ in last digits; `make venv` installs what is locked",
    )


def check_driver(params: Params) -> Iterator[Finding]:
    """Whether torch sees the GPU that the profile asks for, and if not, why."""
    import torch

    driver = driver_version()
    if torch.cuda.is_available():
        names = {torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())}
        yield ok("gpu", f"{', '.join(sorted(names))}, driver {driver}, torch {torch.__version__}")
        return
    wanted = params.device.startswith("cuda")
    report = fix if wanted else note
    if driver is None:
        yield report(
            "gpu",
            "this machine has none (nvidia-smi is not there)"
            + (
                ": set device to auto or cpu, or use a machine with a GPU" if wanted else ": everything runs on the CPU"
            ),
        )
    elif torch.version.cuda is None:
        yield fix(
            "gpu",
            f"driver {driver} is there, but torch {torch.__version__} is a CPU build: `make doctor LOCK=cuda` installs "
            f"and uses the other one, as `make paper` does",
        )
    else:
        yield fix(
            "gpu",
            f"torch {torch.__version__} needs CUDA {torch.version.cuda}, which driver {driver} does not serve: update "
            f"the driver (CUDA {torch.version.cuda.split('.')[0]} or later in `nvidia-smi`)",
        )


def driver_version() -> str | None:
    """The version of NVIDIA's driver; None where there is none."""
    if shutil.which("nvidia-smi") is None:
        return None
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (subprocess.SubprocessError, OSError):
        return None
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else None
