"""A results folder, and one with its page, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmark.report import write_report
from tests.report.synthetic import RECORD, write_results


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with every table."""
    folder = tmp_path_factory.mktemp("results")
    write_results(folder)
    return folder


@pytest.fixture(scope="session")
def reported(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with its page and figures."""
    reported = shutil.copytree(folder, tmp_path_factory.mktemp("reported"), dirs_exist_ok=True)
    write_report(reported, "embedded", RECORD)
    return reported
