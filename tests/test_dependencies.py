"""`benchmark.dependencies`: what a stage depends on is read off the source, and narrowed to what a profile names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmark.dependencies import EXEMPT, PACKAGE, ROOT, code_of, direct, imports, reached
from benchmark.params import Extraction, Params, Paths, Quality, Sae, SaeModel, Selection, Timing, load_params
from benchmark.sources.models.embedded import TRAINING
from benchmark.stages.names import CONTEXT
from benchmark.stages.stage import Stage, stages

PLACES = {"paths", "profile"}  # parameters that only say where things lie


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


def test_every_exemption_is_needed() -> None:
    imported = set().union(*(direct(path) for path in PACKAGE.rglob("*.py")))
    assert set(EXEMPT) <= {path.relative_to(ROOT).as_posix() for path in imported}


@pytest.mark.parametrize("stage", stages())
def test_a_stage_depends_on_its_own_module(stage: str, params: Params) -> None:
    assert f"benchmark/stages/{stage}.py" in code_of(stage, params)


@pytest.mark.parametrize("stage", ["correlate", "claim", "report", "gate"])
def test_what_needs_no_model_depends_on_none(stage: str, params: Params) -> None:
    for name in code_of(stage, params):
        if name.endswith(".py"):
            assert not {module for module in imports(ROOT / name) if module.split(".")[0] == "torch"}, name


def test_a_trained_model_stays_only_while_nothing_that_made_it_changed() -> None:
    modules = reached(PACKAGE / "models/training.py")
    assert not {name for name in modules if not any(name == path or name.startswith(f"{path}/") for path in TRAINING)}
    for path in TRAINING:
        assert any(name == path or name.startswith(f"{path}/") for name in modules), path


# --- parameters ---


def fields_read(module: Path) -> set[str]:
    """The fields of the parameters that a stage's module reads, or those of this folder that it imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("params", "self.params"):
            found.add(node.attr)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "params.model_dump":
            (include,) = [keyword.value for keyword in node.keywords if keyword.arg == "include"]
            found |= set(CONTEXT) if ast.unparse(include) == "set(CONTEXT)" else ast.literal_eval(include)
    for name in imports(module):
        path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
        if path.is_file() and path.parent == module.parent and path.name not in ("stage.py", "names.py"):
            found |= fields_read(path)
    return (found & set(Params.model_fields)) - PLACES


@pytest.mark.parametrize("stage", [name for name in stages() if name != "code"])  # which reads the file whole
def test_a_stage_declares_every_parameter_that_it_reads(stage: str) -> None:
    declared = {key.split(".")[0] for key in stages()[stage].reads}
    # which datasets there are, a stage sees in the folder that it declares as an input
    seen = {"datasets"} if "{data}/datasets" in stages()[stage].inputs else set()
    read = fields_read(PACKAGE / "stages" / f"{stage}.py")
    assert read, "every stage reads some"
    assert not read - declared - seen


RECORD = {
    "dataset": "parameters.json: tests/test_dataset.py",
    "extract": "each part's key.json: tests/test_parts.py",
    "quality": "as extract",
    "sae": "as extract",
    "correlate": "the cells' fingerprint: tests/analysis/test_claim.py",
    "claim": "the fingerprint in claim.json: tests/analysis/test_claim.py",
}
"""Stages whose outs change with every parameter that they read, and what in them does."""
UNRECORDED = {"claim": "claim.gate"}  # what the gate asks of the verdict is no part of it


def leaves(value: Any, prefix: str = "") -> Iterator[str]:
    """The dotted keys of all values that are no mappings."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{prefix}{key}.")
    else:
        yield prefix.removesuffix(".")


def covers(keys: Iterable[str], leaf: str, models: Iterable[str]) -> bool:
    """Whether one of the keys is the leaf or a mapping that holds it; `{model}` stands for each model."""
    named = {key.format(model=model) for key in keys for model in models}
    return any(leaf == key or leaf.startswith(f"{key}.") for key in named)


def notices(stage: Stage, leaf: str, params: Params) -> bool:
    """Whether DVC runs the stage again after an edit of a parameter: it declares it, or an input records it."""
    if covers(stage.parameters, leaf, params.models):
        return True
    makers = [
        maker
        for maker in stages().values()
        if maker.name in RECORD and any(_reads(stage, out.path) for out in maker.outs)
    ]
    return any(
        covers(maker.reads, leaf, params.models)
        and notices(maker, leaf, params)
        and not covers([UNRECORDED.get(maker.name, "")], leaf, params.models)
        for maker in makers
    )


def _reads(stage: Stage, out: str) -> bool:
    return any(out == path or out.startswith(f"{path}/") for path in stage.inputs)


@pytest.mark.parametrize("profile", ["params.yaml", "pretrained/params.yaml", "paper/params.yaml"])
def test_an_edit_of_any_parameter_reaches_every_stage_that_reads_it(profile: str) -> None:
    params = load_params(ROOT / profile)
    edited = list(leaves(params.model_dump(mode="json")))
    read = [(stage, leaf) for stage in stages().values() for leaf in edited if covers(stage.reads, leaf, params.models)]
    assert {stage.name for stage, _ in read} == {name for name in stages() if name != "code"}  # which reads the file
    missed = [(stage.name, leaf) for stage, leaf in read if not stage.idle(params) and not notices(stage, leaf, params)]
    assert missed == []


@pytest.mark.parametrize("section", [Params, Paths, Extraction, Quality, Selection, Sae, SaeModel, Timing])
def test_what_the_lock_holds_is_all_that_decides(section: type) -> None:
    fields = section.model_fields  # type: ignore[attr-defined]
    assert fields
    assert all(field.is_required() for field in fields.values()), "a default is no parameter that an edit changes"
