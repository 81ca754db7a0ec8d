"""Do the committed results belong to the committed code and parameters?

    check(Path("dvc.yaml"))      raises a BenchmarkError that names the first thing that doesn't fit

Everything that `dvc.lock` records is compared with what is there: the stages and their commands, parameters, code,
inputs and outs. Outs that live in DVC's cache may be absent, as in a fresh clone: then what the stages that made and
read them recorded must agree. Needs no torch, writes nothing, runs nothing. (`dvc repro --dry` exits with 0 when a
stage is stale, so it cannot be the check.)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmark.errors import BenchmarkError


def _of_profile(pipeline: Path, inner: str) -> str:
    """`inner`, with the folder's name for {}, where the profile is not that of the repository's root; else nothing."""
    folder = pipeline.resolve().parent
    return inner.format(folder.name) if (folder.parent / "params.yaml").is_file() else ""


def _remedy(pipeline: Path) -> str:
    return f"run `dvc {_of_profile(pipeline, '--cd {} ')}repro` and commit what changes"


def check(pipeline: Path, renewed: Collection[str] = ()) -> int:
    """Returns how many stages were compared; raises `BenchmarkError` with the first problem and the number of others.

    `pipeline` is the path of a dvc.yaml inside a repository; `renewed` names stages whose outs the caller compares with
    what they would write now: their inputs may differ.
    """
    found = list(problems(pipeline, renewed))
    if found:
        others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BenchmarkError(f"stale: {found[0]}{others}; {_remedy(pipeline)}")
    return len(_locked(pipeline))


def problems(pipeline: Path, renewed: Collection[str] = ()) -> Iterator[str]:
    """Yields every mismatch between `pipeline`, the lock beside it and the files, in the order of the stages."""
    from dvc.repo import Repo

    locked = _locked(pipeline)
    try:
        with Repo(str(pipeline.parent), config={"core": {"no_scm": True}}) as repo:  # a copy may have no git
            stages = repo.stage.load_all(str(pipeline))
            names = [stage.name for stage in stages]
            clean = f"python -m benchmark {_of_profile(pipeline, '--params {}/params.yaml ')}clean"
            for name in sorted(locked.keys() - set(names)):
                yield f"{pipeline} has no stage {name}, which its lock records: `{clean}` forgets it"
            makers = {out.fs_path: out for stage in stages for out in stage.outs}
            for stage in stages:
                inputs = [] if stage.name in renewed else stage.deps
                yield from _stage_problems(stage, stage.name in locked, inputs, makers)
    except BenchmarkError:
        raise
    except Exception as error:  # DVC's own errors share no base with its parsers'
        raise BenchmarkError(f"{pipeline} cannot be checked: {error}") from error


def _locked(pipeline: Path) -> dict[str, Any]:
    lock = pipeline.with_suffix(".lock")
    if not lock.is_file():
        raise BenchmarkError(f"{lock} is missing: nothing says where the results come from; {_remedy(pipeline)}")
    try:
        stages = (yaml.safe_load(lock.read_text(encoding="utf-8")) or {}).get("stages") or {}
    except (yaml.YAMLError, AttributeError) as error:
        raise BenchmarkError(f"{lock} is damaged: {error}") from error
    return dict(stages)


def _stage_problems(stage: Any, locked: bool, inputs: list[Any], makers: dict[str, Any]) -> Iterator[str]:
    if not locked:
        yield f"stage {stage.name} has no entry in the lock"
        return
    if stage.cmd_changed:
        yield f"stage {stage.name}: its command changed"
    for dependency in inputs:
        yield from (f"stage {stage.name}: {text}" for text in _dependency_problems(dependency, makers))
    for out in stage.outs:
        for path, state in out.workspace_status().items():
            if not (state == "deleted" and out.use_cache):
                yield f"stage {stage.name}: its result {path} is {state}"


def _dependency_problems(dependency: Any, makers: dict[str, Any]) -> Iterator[str]:
    absent = [out for out in _outs_within(dependency, makers.values()) if out.use_cache and not out.exists]
    if absent:
        if not _agrees(dependency, absent, makers):
            yield f"its input {dependency} is not what the stage that makes it recorded"
        return
    for path, state in dependency.workspace_status().items():
        if isinstance(state, dict):  # parameters: {key: state}
            yield from (f"parameter {key} of {path} is {change}" for key, change in state.items())
        else:
            yield f"its input {path} is {state}"


def _outs_within(dependency: Any, outs: Iterable[Any]) -> list[Any]:
    root = dependency.fs_path
    return [out for out in outs if out.fs_path == root or out.fs_path.startswith(f"{root}/")]


def _agrees(dependency: Any, absent: list[Any], makers: dict[str, Any]) -> bool:
    """Whether an absent input fits what its makers recorded: by hash, or, for a folder of outs, by bytes and files."""
    if dependency.fs_path in makers:
        return bool(dependency.hash_info == makers[dependency.fs_path].hash_info)
    outs = _outs_within(dependency, makers.values())
    if len(absent) < len(outs):
        return True  # a part was fetched; DVC compares the parts with their own stages
    size = sum(out.meta.size or 0 for out in outs)
    files = sum(out.meta.nfiles or 1 for out in outs)
    return bool(dependency.meta.size == size and dependency.meta.nfiles == files)
