"""The code that a stage's result depends on, read off the source: what it imports, inside functions and transitively.

    code_of("extract", params)      [benchmark/activations/capture.py, ...], relative to the repository's root

Nothing is imported for it, so it needs neither torch nor DVC, and gives the same list on every machine. In a folder of
entries that are found by themselves (masks, templates, ...) only those count that the profile names: a file that no
profile names changes no result.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmark.hashing import sha256_file, sha256_json
from benchmark.params import Params
from benchmark.stages.stage import selected, stage_named

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "benchmark"
# Modules that no result depends on. What they import is not followed.
EXEMPT = {
    "benchmark/__init__.py": "the version",
    "benchmark/dependencies.py": "which code a part was made with stands in its key",
    "benchmark/errors.py": "the words of a failure, and a stage that fails leaves no result",
    "benchmark/params.py": "checks the parameters, whose values the lock holds: it has no defaults",
    "benchmark/parts.py": "how shards are kept and put together, which changes no byte: tests compare",
    "benchmark/patience.py": "how often a server is asked, which changes no byte that it sends",
    "benchmark/progress.py": "what a person sees of a long run",
    "benchmark/provenance.py": "timing.json says what machine it was measured on, and is another one each time",
    "benchmark/section.py": "refuses unknown keys",
    "benchmark/stages/names.py": "parameters and outs, which dvc.yaml names",
    "benchmark/stages/stage.py": "the table of stages, which dvc.yaml holds",
    "benchmark/workers.py": "how work is spread, which changes no byte: tests compare",
}
FETCHED = ("benchmark/hub/", *(f"benchmark/sources/{name}.py" for name in ("archives", "index", "packages")))
"""Where it lies is all that a stage asks of what this code fetched: commit and hashes say what it is."""
FETCHES = ("dataset", "model")


def strings(value: Any) -> set[str]:
    """Every string in a JSON value, keys of mappings included."""
    if isinstance(value, Mapping):
        return {*value, *(name for item in value.values() for name in strings(item))}
    if isinstance(value, list):
        return {name for item in value for name in strings(item)}
    return {value} if isinstance(value, str) else set()


NAMED_BY = {
    "benchmark/activations/masks": "extraction.masks",
    "benchmark/activations/statistics": "extraction.sites",
    "benchmark/selection/features": "selection.features",
    "benchmark/selection/selectors": "selection.selectors",
    "benchmark/sources/datasets": "datasets",
    "benchmark/sources/models": "models",
    "benchmark/tasks/embedded": "datasets",
    "benchmark/tasks/templates": "datasets",
}
"""Folders whose files are found by themselves, by the parameter whose strings name them. A stage that does not read the
parameter depends on all of them, as it does on those of a folder that is not listed here."""


@functools.cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    """Modules that a file names at its top level or inside functions, but not under `if TYPE_CHECKING`."""
    found: set[str] = set()
    for node in _statements(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements in a node, however deep, but not those under `if TYPE_CHECKING`. Expressions are not entered."""
    only_for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, name, ()) if not (only_for_types and name == "body") else ():
            yield inner
            yield from _statements(inner)


@functools.cache
def direct(path: Path) -> frozenset[Path]:
    """The modules of the package that a module imports, with the `__init__.py` of every folder on the way."""
    return frozenset().union(*(_files(name) for name in imports(path) if name.split(".")[0] == PACKAGE.name))


@functools.cache
def _files(name: str) -> frozenset[Path]:
    """The files of a dotted name of the package: the module, and the `__init__.py` of every folder on the way."""
    parts = name.split(".")
    modules = [ROOT.joinpath(*parts[:count]) for count in range(1, len(parts) + 1)]
    files = (file for module in modules for file in (module.with_suffix(".py"), module / "__init__.py"))
    return frozenset(file for file in files if file.is_file())


def reached(start: Path, named: Mapping[str, set[str]] = MappingProxyType({})) -> list[str]:
    """The modules that running `start` can run, but for exempt ones and those without a statement, sorted.

    `named`: by folder of entries, the names of those that count; of a folder that is not there, all do.
    """
    seen, to_do = {start}, [start]
    while to_do:
        path = to_do.pop()
        if _name(path) not in EXEMPT:
            new = (direct(path) | _entries(path, named)) - seen
            seen |= new
            to_do += new
    modules = {path for path in seen if _counts(path)}
    return sorted(_name(path) for path in modules | {file for path in modules for file in _resources(path.parent)})


@functools.cache
def _resources(folder: Path) -> frozenset[Path]:
    """The files that are no modules in a folder of the package and in its folders without modules: of pages, say."""
    places = [folder, *(inner for inner in folder.iterdir() if inner.is_dir() and not any(inner.glob("*.py")))]
    files = (path for place in places for path in place.iterdir() if path.is_file())
    return frozenset(path for path in files if path.suffix not in (".py", ".pyc"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _entries(path: Path, named: Mapping[str, set[str]]) -> set[Path]:
    """The entries that the `__init__.py` of a registry finds by itself, as far as they are named."""
    if not _finds_modules(path):
        return set()
    wanted = named.get(_name(path.parent))
    return {entry for entry in path.parent.glob("*.py") if wanted is None or wanted & _registered(entry)}


@functools.cache
def _finds_modules(path: Path) -> bool:
    """Whether a package imports whatever modules lie in its folder."""
    calls = (ast.unparse(node.func) for node in ast.walk(_tree(path)) if isinstance(node, ast.Call))
    return path.name == "__init__.py" and any(
        call.endswith(("discover", "import_all", "import_module")) for call in calls
    )


@functools.cache
def _registered(entry: Path) -> frozenset[str]:
    """The names under which a file may enter a registry: its own, those in its decorators' calls, its `columns`."""
    decorators = [
        decorator
        for node in _tree(entry).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        for decorator in node.decorator_list
    ]
    columns = [
        statement.value
        for node in _tree(entry).body
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == "columns" and statement.value
    ]
    within = (*decorators, *columns)
    constants = (node for outer in within for node in ast.walk(outer) if isinstance(node, ast.Constant))
    return frozenset({entry.stem, *(str(node.value) for node in constants)})


@functools.cache
def _has_statements(path: Path) -> bool:
    return not all(isinstance(node, ast.Expr) for node in _tree(path).body)


def code_of(stage: str, params: Params) -> list[str]:
    """The files that the result of a stage depends on, as paths from the root, sorted."""
    entry = stage_named(stage)
    read = {key.split(".")[0] for key in entry.reads}
    named = {folder: strings(selected(params, (key,))) for folder, key in NAMED_BY.items() if key.split(".")[0] in read}
    modules = reached(PACKAGE / "stages" / f"{stage}.py", named)
    return [name for name in modules if stage in FETCHES or not name.startswith(FETCHED)]


def _counts(path: Path) -> bool:
    return _name(path) not in EXEMPT and _has_statements(path)


def code_hashes(stage: str, params: Params) -> dict[str, str]:
    """SHA-256 of every file that a stage depends on, by its path from the root."""
    return {name: sha256_file(ROOT / name) for name in code_of(stage, params)}


def code_digest(stage: str, params: Params) -> str:
    """SHA-256 over the names and contents of the files that a stage depends on."""
    return sha256_json(code_hashes(stage, params))
