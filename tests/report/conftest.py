"""A results folder and its page, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.report import write_report
from tests.report.synthetic import RECORD, write_results


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with every table, and its page."""
    folder = tmp_path_factory.mktemp("results")
    write_results(folder)
    write_report(folder, "embedded", RECORD)
    return folder
