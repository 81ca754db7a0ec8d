"""The kinds of dataset source, one file each, found by themselves: `SOURCES["local"]` is the class of local files.

AnyDataset      the type of an entry of `datasets` in a params.yaml, chosen by its `source`
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Field

from benchmark.discovery import import_all, subclasses
from benchmark.sources.datasets.source import DatasetSource, Outline

import_all(__name__, __path__)
SOURCES = {
    name: kind for kind in subclasses(DatasetSource) for name in get_args(kind.model_fields["source"].annotation)
}  # what several kinds share has no name

if TYPE_CHECKING:
    AnyDataset = DatasetSource
else:
    AnyDataset = Annotated[reduce(or_, SOURCES.values()), Field(discriminator="source")]

__all__ = ["SOURCES", "AnyDataset", "DatasetSource", "Outline"]
