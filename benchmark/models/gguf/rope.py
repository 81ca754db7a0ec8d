"""Rotary positions of a GGUF file. Llama 3.1 and later keep their scaling in a tensor and not in a key."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError
from benchmark.models.gguf.reading import GgufFile

FACTORS = "rope_freqs.weight"
LOW, HIGH, ORIGINAL = 1.0, 4.0, 8192
"""What all published Llama 3.1, 3.2 and 3.3 have; their factor is 8 or 32."""


def llama3_factors(theta: float, head_dim: int, factor: float) -> NDArray[np.float64]:
    """By what each frequency of Llama 3's scaling is divided [head_dim / 2], in float64.

    Wavelengths under original / high stay, those over original / low are divided by `factor`, and between them the
    share changes linearly with original / wavelength.
    """
    wavelength = 2 * math.pi * theta ** (np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    smooth = np.clip((ORIGINAL / wavelength - LOW) / (HIGH - LOW), 0, 1)
    return np.asarray(1 / ((1 - smooth) / factor + smooth), dtype=np.float64)


def rope_parameters(file: GgufFile, prefix: str, head_dim: int) -> dict[str, Any]:
    """`rope_parameters` of the config. Raises `BenchmarkError` for a scaling that is not known exactly."""
    theta = float(file.keys.get(f"{prefix}.rope.freq_base", 10000.0))
    kind = str(file.keys.get(f"{prefix}.rope.scaling.type", "none"))
    factor = float(file.keys.get(f"{prefix}.rope.scaling.factor", 1.0))
    if kind == "linear" and FACTORS not in file.tensors:
        return {"rope_type": "linear", "rope_theta": theta, "factor": factor}
    if kind != "none" and not (kind == "linear" and factor == 1.0):
        raise BenchmarkError(
            f"{file.path.name} scales its positions by {kind!r}, whose rule here is not known exactly: use a file of "
            f"the model without it, or the model's safetensors"
        )
    if FACTORS not in file.tensors:
        return {"rope_type": "default", "rope_theta": theta}
    stored = file.dequantised(FACTORS).reshape(-1)
    divided = float(stored.max())
    expected = llama3_factors(theta, head_dim, divided)
    if stored.shape != expected.shape or not np.allclose(stored, expected, rtol=1e-5, atol=0):
        raise BenchmarkError(
            f"{file.path.name}: its {FACTORS} is not the scaling of Llama 3.1 to 3.3, and no other is known exactly: "
            f"use the model's safetensors"
        )
    return {
        "rope_type": "llama3",
        "rope_theta": theta,
        "factor": round(divided, 4),
        "low_freq_factor": LOW,
        "high_freq_factor": HIGH,
        "original_max_position_embeddings": ORIGINAL,
    }
