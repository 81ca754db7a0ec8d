"""What the kernel says of this process: memory in use, and its high-water mark."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import BenchmarkError


def status(field: str) -> int:
    """Bytes of a field of /proc/self/status."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BenchmarkError("memory is measured on Linux only: there is no /proc/self/status") from error
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
