from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.sources import index
from tests.sources.package_index import PackageIndex


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, and no index: pip's settings are those that the test makes."""
    monkeypatch.setenv("ICL_BENCHMARK_CACHE", str(tmp_path / "cache"))
    for variable in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(index, "WAITS", (0.01, 0.01))
    index.pip_settings.cache_clear()
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def _settings_are_read_anew() -> Iterator[None]:
    yield
    index.pip_settings.cache_clear()


@pytest.fixture
def package_index(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """An index of this machine, with no package yet, that pip's settings name."""
    monkeypatch.delenv("PIP_NO_INDEX")
    with PackageIndex() as served:
        monkeypatch.setenv("PIP_INDEX_URL", served.url)
        index.pip_settings.cache_clear()
        yield served
