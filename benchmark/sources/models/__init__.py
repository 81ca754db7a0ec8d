"""The kinds of model source, one file each, found by themselves: `SOURCES["hub"]` is the class of a hub's models.

AnyModel      the type of an entry of `models` in a params.yaml, chosen by its `source`
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Field

from benchmark.discovery import import_all, subclasses
from benchmark.sources.models.source import ModelSource

import_all(__name__, __path__)
SOURCES = {
    name: kind for kind in subclasses(ModelSource) for name in get_args(kind.model_fields["source"].annotation)
}  # what several kinds share has no name

if TYPE_CHECKING:
    AnyModel = ModelSource
else:
    AnyModel = Annotated[reduce(or_, SOURCES.values()), Field(discriminator="source")]

__all__ = ["SOURCES", "AnyModel", "ModelSource"]
