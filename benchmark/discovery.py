"""What the files of a folder define: adding a file is all that it takes to add an entry."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TypeVar

from benchmark.errors import BenchmarkError

Entry = TypeVar("Entry")


def discover(package: str, attribute: str, kind: type[Entry]) -> dict[str, Entry]:
    """What every module of `package` calls `attribute`, by the module's name, in alphabetical order.

    Raises `BenchmarkError` for a module that has none, or one of another kind.
    """
    folder = importlib.import_module(package)
    found: dict[str, Entry] = {}
    for module in sorted(pkgutil.iter_modules(folder.__path__), key=lambda module: module.name):
        entry = getattr(importlib.import_module(f"{package}.{module.name}"), attribute, None)
        if not isinstance(entry, kind):
            raise BenchmarkError(
                f"{package.replace('.', '/')}/{module.name}.py defines no {kind.__name__}: call it {attribute}"
            )
        found[module.name] = entry
    return found
