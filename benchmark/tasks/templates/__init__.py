"""Templates, one file a dataset, found by themselves: `get_template("boolq").render(row)` is an `Example`."""

from benchmark.discovery import import_all
from benchmark.tasks.template import TEMPLATES, Template, get_template

import_all(__name__, __path__)

__all__ = ["TEMPLATES", "Template", "get_template"]
