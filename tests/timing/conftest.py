"""Timings are taken with `--benchmark-only` (`make bench`); any other run is a smoke test of that code.

At the end of `make bench` every ratio stands in one table, beside that of this machine's last run.
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from typing import Any

import pytest
from pytest_benchmark.storage.file import FileStorage

PACKAGES = ("torch", "transformers", "numpy", "scipy", "triton")
LAST = pytest.StashKey[dict[str, dict[str, Any]]]()


@pytest.fixture(scope="session")
def smoke(pytestconfig: pytest.Config) -> bool:
    """True where nothing is to be measured: tiny shapes, one round, no target."""
    return not pytestconfig.getoption("--benchmark-only")


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """What decides a time next to the machine goes into the saved file."""
    machine_info["packages"] = {name: version(name) for name in PACKAGES}


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Reads the last saved run of this machine, before this one is saved."""
    storage = getattr(getattr(session.config, "_benchmarksession", None), "storage", None)
    if not isinstance(storage, FileStorage):
        return
    for path in sorted(storage.path.glob("*/*.json"), reverse=True):
        run = json.loads(path.read_text(encoding="utf-8"))
        if run["machine_info"]["node"] == platform.node():
            session.config.stash[LAST] = {case["fullname"]: case["extra_info"] for case in run["benchmarks"]}
            return


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--benchmark-only"):
        return
    last = config.stash.get(LAST, {})
    terminalreporter.section("over the baseline of the same run: median [95 % interval]")
    for run in config._benchmarksession.benchmarks:  # type: ignore[attr-defined]
        told, before = run.extra_info, last.get(run.fullname, {})
        name = run.fullname.removeprefix("tests/timing/")
        if "ratio" in told:
            text = f"{told['ratio']:.3f} [{told['ratio_low']:.3f}, {told['ratio_high']:.3f}]"
            then = f"   last run {before['ratio']:.3f}" if "ratio" in before else ""
            terminalreporter.write_line(f"{name:<70} {text}{then}")
        for key, value in told.items():
            if not key.startswith(("ratio", "baseline")):
                terminalreporter.write_line(f"{name:<70} {key} {value:.4g}")
