"""Triton where it is installed; without it, what lets a file with Triton code be imported, but not run.

Triton comes with torch's CUDA builds for Linux. It must see TRITON_INTERPRET when it is imported.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import torch

AVAILABLE = importlib.util.find_spec("triton") is not None
triton: Any = importlib.import_module("triton") if AVAILABLE else None
tl: Any = importlib.import_module("triton.language") if AVAILABLE else None

MAGNITUDE_BITS = {torch.bfloat16: 15, torch.float16: 31, torch.float32: 31}
"""Leading bits of |x| as float32, after the sign, that can be other than zero. float16's last ones could be spared."""


def jit(function: Any) -> Any:
    """`triton.jit`."""
    return triton.jit(function) if AVAILABLE else function


def warps(block: int) -> int:
    """Warps of a program whose block of elements lies in registers: 32 elements a thread."""
    return min(16, max(1, block // (32 * 32)))
