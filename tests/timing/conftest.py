"""Timings are taken with `--benchmark-only` (`make bench`); any other run is a smoke test of that code.

Each case's figures are printed and kept in a file as soon as it ends, so that a run that is killed leaves those it had.
At the end every ratio stands in one table, beside that of this machine's last run.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.storage.file import FileStorage

PACKAGES = ("torch", "transformers", "numpy", "scipy", "triton")
LAST = pytest.StashKey[dict[str, dict[str, Any]]]()
UNFINISHED = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def smoke(pytestconfig: pytest.Config) -> bool:
    """True where nothing is to be measured: tiny shapes, few rounds, no target."""
    return not pytestconfig.getoption("--benchmark-only")


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """What decides a time next to the machine goes into the saved file."""
    machine_info["packages"] = {name: version(name) for name in PACKAGES}


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Reads the last saved run of this machine, before this one is saved."""
    config = session.config
    storage = getattr(getattr(config, "_benchmarksession", None), "storage", None)
    if not isinstance(storage, FileStorage):
        return
    if config.getoption("--benchmark-autosave"):
        config.stash[UNFINISHED] = storage.path / f"unfinished-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    for path in sorted(storage.path.glob("*/*.json"), reverse=True):
        run = json.loads(path.read_text(encoding="utf-8"))
        if run["machine_info"]["node"] == platform.node():
            config.stash[LAST] = {case["fullname"]: case["extra_info"] for case in run["benchmarks"]}
            return


@pytest.fixture(autouse=True)
def kept(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[None]:
    """Prints what a case measured, and appends it to the file of the unfinished run."""
    session = getattr(pytestconfig, "_benchmarksession", None)
    before = len(session.benchmarks) if session else 0
    yield
    path = pytestconfig.stash.get(UNFINISHED, None)
    if session is None or path is None:
        return
    plugins = pytestconfig.pluginmanager
    reporter, capture = plugins.getplugin("terminalreporter"), plugins.getplugin("capturemanager")
    with path.open("a", encoding="utf-8") as file, capture.global_and_fixture_disabled():
        for case in session.benchmarks[before:]:
            file.write(json.dumps(case.as_dict(include_data=False)) + "\n")
            reporter.write("\n")
            for line in lines(case.fullname, case.extra_info, {}):
                reporter.write_line(line)


def lines(name: str, told: dict[str, Any], before: dict[str, Any]) -> Iterator[str]:
    """A case's extra information, a line each; `before` is that of an earlier run."""
    name = name.removeprefix("tests/timing/")
    last = before.get("ratios", {})
    for key, ratio in told.get("ratios", {}).items():
        text = f"{ratio['median']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}], {ratio['n']} rounds"
        yield f"{name:<68} {key:<22} {text}" + (f"   last run {last[key]['median']:.3f}" if key in last else "")
    for key, value in told.items():
        if key != "ratios":
            yield f"{name:<68} {key:<22} {value:.4g}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--benchmark-only"):
        return
    last = config.stash.get(LAST, {})
    terminalreporter.section("ratios of the same run: median [95 % interval]")
    for case in config._benchmarksession.benchmarks:  # type: ignore[attr-defined]
        for line in lines(case.fullname, case.extra_info, last.get(case.fullname, {})):
            terminalreporter.write_line(line)
    if path := config.stash.get(UNFINISHED, None):  # all of it is saved by now
        path.unlink(missing_ok=True)
