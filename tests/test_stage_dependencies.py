"""dvc.yaml names what a stage depends on: every module that can change its result, every parameter that it reads.

What a stage imports is read off the source, inside functions and transitively; DVC itself believes what it is told.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from benchmark.params import Extraction, Params, Paths, Quality, Selection, Timing
from benchmark.stages.computing import code
from benchmark.stages.model import TRAINING
from tests.test_architecture import PACKAGE, ROOT, imports

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
# Modules that no result depends on. What they import is not followed.
EXEMPT = {
    "benchmark/__init__.py": "the version",
    "benchmark/errors.py": "the words of a failure, and a stage that fails leaves no result",
    "benchmark/params.py": "checks the parameters, whose values the lock holds: it has no defaults",
    "benchmark/progress.py": "what a person sees of a long run",
    "benchmark/provenance.py": "timing.json says what machine it was measured on, and is another one each time",
    "benchmark/section.py": "refuses unknown keys",
}
# Where it lies is all that a stage asks of what the hub's code fetched: commit and hashes say what it is.
FETCHED = "benchmark/hub"
FETCHES = ("dataset", "model")
PLACES = {"paths", "profile"}  # parameters that only say where things lie


@functools.cache
def direct(path: Path) -> frozenset[Path]:
    """The modules of the package that a module imports, with the `__init__.py` of every folder on the way."""
    found = set()
    for name in imports(path):
        parts = name.split(".")
        for count in range(1, len(parts) + 1):
            module = ROOT.joinpath(*parts[:count])
            found |= {file for file in (module.with_suffix(".py"), module / "__init__.py") if file.is_file()}
    if path.name == "__init__.py" and "import_all(__name__, __path__)" in path.read_text(encoding="utf-8"):
        found |= {file for file in path.parent.glob("*.py") if file != path}
    return frozenset(file for file in found if file.is_relative_to(PACKAGE))


@functools.cache
def reached(start: Path) -> frozenset[str]:
    """The modules that running `start` can run, but for the exempt ones and those without a statement."""
    seen, to_do = {start}, [start]
    while to_do:
        path = to_do.pop()
        if path.relative_to(ROOT).as_posix() not in EXEMPT:
            new = direct(path) - seen
            seen |= new
            to_do += new
    names = {path.relative_to(ROOT).as_posix(): path for path in seen}
    return frozenset(name for name, path in names.items() if name not in EXEMPT and has_statements(path))


def has_statements(path: Path) -> bool:
    return not all(isinstance(node, ast.Expr) for node in ast.parse(path.read_text(encoding="utf-8")).body)


def within(name: str, dependency: str) -> bool:
    return name == dependency or name.startswith(f"{dependency}/")


def unnamed(stage: str, dependencies: list[str]) -> list[str]:
    known = dependencies if stage in FETCHES else [*dependencies, FETCHED]
    modules = reached(PACKAGE / "stages" / f"{stage}.py")
    return sorted(module for module in modules if not any(within(module, dependency) for dependency in known))


def code_of(stage: str) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in code(stage)]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_every_module_that_can_change_its_result_and_no_other(stage: str) -> None:
    named = code_of(stage)
    assert not unnamed(stage, named), f"dvc.yaml: add to the deps of {stage}, or say in EXEMPT why not"
    for dependency in named:
        assert (ROOT / dependency).exists()
        rest = [other for other in named if other != dependency]
        assert unnamed(stage, rest), f"dvc.yaml: {stage} does not need {dependency}"


def test_every_exemption_is_needed() -> None:
    imported = set().union(*(direct(path) for path in PACKAGE.rglob("*.py")))
    assert set(EXEMPT) <= {path.relative_to(ROOT).as_posix() for path in imported}


@pytest.mark.parametrize("stage", ["correlate", "claim", "report", "gate"])
def test_what_needs_no_model_depends_on_none(stage: str) -> None:
    for name in reached(PACKAGE / "stages" / f"{stage}.py"):
        assert not {module for module in imports(ROOT / name) if module.split(".")[0] == "torch"}, name


def test_a_trained_model_stays_only_while_nothing_that_made_it_changed() -> None:
    modules = reached(PACKAGE / "models/training.py")
    assert not {name for name in modules if not any(within(name, path) for path in TRAINING)}
    for path in TRAINING:
        assert any(within(name, path) for name in modules), path
        assert any(within(path, dependency) for dependency in code_of("model")), path


# --- parameters ---


def fields_read(path: Path, function: str) -> set[str]:
    """The fields of `params` that a function of a stage reads, or has read by another to which it hands `params`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.name: ROOT.joinpath(*node.module.split(".")).with_suffix(".py")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("benchmark.stages.")
        for alias in node.names
    }
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    found: set[str] = set()
    for node in ast.walk(functions[function]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "params":
            found.add(node.attr)
        elif isinstance(node, ast.Call):
            found |= set(_dumped(node))
            if isinstance(node.func, ast.Name) and any(isinstance(a, ast.Name) and a.id == "params" for a in node.args):
                called = node.func.id
                found |= fields_read(path if called in functions else imported[called], called)
    return (found & set(Params.model_fields)) - PLACES


def _dumped(call: ast.Call) -> Iterator[str]:
    """The fields that `params.model_dump(include={...})` names."""
    if ast.unparse(call.func) == "params.model_dump":
        (include,) = [keyword.value for keyword in call.keywords if keyword.arg == "include"]
        yield from ast.literal_eval(include)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_names_every_parameter_that_it_reads(stage: str) -> None:
    (named,) = [names for entry in STAGES[stage]["params"] for names in entry.values()]
    read = fields_read(PACKAGE / "stages" / f"{stage}.py", "run")
    assert read, "every stage reads some"
    assert not read - {name.split(".")[0] for name in named}, f"dvc.yaml: add to the params of {stage}"


@pytest.mark.parametrize("section", [Params, Paths, Extraction, Quality, Selection, Timing])
def test_what_the_lock_holds_is_all_that_decides(section: type) -> None:
    fields = section.model_fields  # type: ignore[attr-defined]
    assert fields
    assert all(field.is_required() for field in fields.values()), "a default is no parameter that an edit changes"
