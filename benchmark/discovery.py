"""Registries whose entries are found by themselves: a file that is dropped into a folder is imported with it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from benchmark.errors import BenchmarkError

Entry = TypeVar("Entry")


def import_all(package: str, path: Iterable[str]) -> None:
    """Imports every module of a package, in the order of their names: `import_all(__name__, __path__)`."""
    for module in sorted(module.name for module in pkgutil.iter_modules(path)):
        importlib.import_module(f"{package}.{module}")


def subclasses(base: type[Any]) -> Iterator[Any]:
    """All classes derived from `base`, however far."""
    for kind in base.__subclasses__():
        yield kind
        yield from subclasses(kind)


def discover(package: str, path: Iterable[str], attribute: str, kind: type[Entry]) -> dict[str, Entry]:
    """What every module of a package calls `attribute`, by the module's name, in the order of their names.

    Raises `BenchmarkError` for a module that has none, or one of another kind.
    """
    found: dict[str, Entry] = {}
    for module in sorted(module.name for module in pkgutil.iter_modules(path)):
        entry = getattr(importlib.import_module(f"{package}.{module}"), attribute, None)
        if not isinstance(entry, kind):
            file = f"{package.replace('.', '/')}/{module}.py"
            raise BenchmarkError(f"{file} defines no {kind.__name__}: call it {attribute}")
        found[module] = entry
    return found
