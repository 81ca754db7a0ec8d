"""Steps, one file each, found by themselves: `{step: first_line, column: text}` in the parameters of a dataset.

AnyStep         the type of an entry of `steps`, chosen by its `step`
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import Field

from benchmark.discovery import import_all, subclasses
from benchmark.tasks.step import Step

import_all(__name__, __path__)
STEPS = {name: kind for kind in subclasses(Step) for name in get_args(kind.model_fields["step"].annotation)}

if TYPE_CHECKING:
    AnyStep = Step
else:
    AnyStep = Annotated[reduce(or_, STEPS.values()), Field(discriminator="step")]

__all__ = ["STEPS", "AnyStep", "Step"]
