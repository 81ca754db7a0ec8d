"""`benchmark.dependencies`: what a stage depends on is read off the source, and narrowed to what a profile names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.dependencies import EXEMPT, PACKAGE, ROOT, code_of, direct, folded, imports
from benchmark.params import Extraction, Params, Paths, Quality, Selection, Timing, load_params
from benchmark.stages.stage import stages

PLACES = {"paths", "profile"}  # parameters that only say where things lie


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


def test_every_exemption_is_needed() -> None:
    imported = set().union(*(direct(path) for path in PACKAGE.rglob("*.py")))
    assert set(EXEMPT) <= {path.relative_to(ROOT).as_posix() for path in imported}


@pytest.mark.parametrize("stage", stages())
def test_folding_names_the_same_files(stage: str, params: Params) -> None:
    files = code_of(stage, params)
    assert f"benchmark/stages/{stage}.py" in files
    inside = {
        path.relative_to(ROOT).as_posix()
        for name in folded(files)
        for path in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*.py"))
    }
    assert set(files) <= inside


@pytest.mark.parametrize("stage", ["correlate", "claim", "report", "gate"])
def test_what_needs_no_model_depends_on_none(stage: str, params: Params) -> None:
    for name in code_of(stage, params):
        if name.endswith(".py"):
            assert not {module for module in imports(ROOT / name) if module.split(".")[0] == "torch"}, name


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
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            if called in {*functions, *imported} and "params" in map(ast.unparse, node.args):
                found |= fields_read(path if called in functions else imported[called], called)
    return (found & set(Params.model_fields)) - PLACES


def _dumped(call: ast.Call) -> Iterator[str]:
    """The fields that `params.model_dump(include={...})` names."""
    if ast.unparse(call.func) == "params.model_dump":
        (include,) = [keyword.value for keyword in call.keywords if keyword.arg == "include"]
        yield from ast.literal_eval(include)


@pytest.mark.parametrize("stage", stages())
def test_a_stage_declares_every_parameter_that_it_reads(stage: str) -> None:
    declared = {key.split(".")[0] for key in stages()[stage].parameters}
    # which datasets there are, a stage sees in the folder that it declares as an input
    seen = {"datasets"} if "{data}/datasets" in stages()[stage].inputs else set()
    read = fields_read(PACKAGE / "stages" / f"{stage}.py", "run")
    assert read, "every stage reads some"
    assert not read - declared - seen


@pytest.mark.parametrize("section", [Params, Paths, Extraction, Quality, Selection, Timing])
def test_what_the_lock_holds_is_all_that_decides(section: type) -> None:
    fields = section.model_fields  # type: ignore[attr-defined]
    assert fields
    assert all(field.is_required() for field in fields.values()), "a default is no parameter that an edit changes"
