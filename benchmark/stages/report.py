"""report: one page, and its figures."""

from __future__ import annotations

from benchmark.params import Params
from benchmark.report.page import write_report


def run(params: Params) -> None:
    write_report(params.results, params.profile)
