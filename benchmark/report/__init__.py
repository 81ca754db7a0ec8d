"""Figures, tables and the page.

    write_report(folder, profile, record)    reads results/, writes results/report.html and results/figures/

A figure is one file in `figures/`, a section of the page one function in `sections.py`; whatever a profile has not
measured is named on the page as missing.
"""

from benchmark.report.page import write_report
from benchmark.report.results import Results, read_results

__all__ = ["Results", "read_results", "write_report"]
