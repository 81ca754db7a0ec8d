"""Registries whose entries are found by themselves: a file that is dropped into a folder is imported with it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable


def import_all(package: str, path: Iterable[str]) -> None:
    """Imports every module of a package, in the order of their names: `import_all(__name__, __path__)`."""
    for module in sorted(module.name for module in pkgutil.iter_modules(path)):
        importlib.import_module(f"{package}.{module}")
