"""Timings are taken with `--benchmark-only` (`make bench`); any other run is a smoke test of that code."""

import pytest


@pytest.fixture(scope="session")
def smoke(pytestconfig: pytest.Config) -> bool:
    """True where nothing is to be measured: tiny shapes, one round, no target."""
    return not pytestconfig.getoption("--benchmark-only")
