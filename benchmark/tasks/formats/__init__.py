"""File formats, one file each, found by themselves: `read_rows(files, Reading())` gives the rows of files in order.

A row is a mapping of the columns that are asked for; the others are not looked at, so that nothing in them can be
wrong. What is wrong is named by file and row.
"""

from benchmark.discovery import import_all
from benchmark.tasks.rows import FORMATS, Reading, Rows, read_rows

import_all(__name__, __path__)

__all__ = ["FORMATS", "Reading", "Rows", "read_rows"]
