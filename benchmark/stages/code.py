"""code: the files of this package that each other stage depends on, with their hashes.

DVC runs it when any file of the package changes, which takes a second. The others read its outs: a file that changes
none of a stage's results leaves the stage as it is.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.dependencies import code_hashes
from benchmark.errors import BenchmarkError
from benchmark.params import Params
from benchmark.stages.stage import CODE, Out, stage, stages
from benchmark.storage import read_json, write_json


@stage(parameters=(), inputs=("benchmark", "{params}"), outs=(Out(CODE, kept=True),))
def run(params: Params) -> None:
    """Write which code every other stage depends on, read off the imports."""
    for path in folder(params).glob("*"):
        if path.name not in {f"{name}.json" for name in _others()}:
            path.unlink()
    for name in _others():
        write_json(folder(params) / f"{name}.json", code_hashes(name, params))


def changed(params: Params) -> list[str]:
    """What is not as the stages recorded it, one text a file: `benchmark/seeds.py (quality, select)`."""
    readers: dict[str, list[str]] = {}
    for name in _others():
        path = folder(params) / f"{name}.json"
        then, now = read_json(path), code_hashes(name, params)
        if not isinstance(then, dict):
            raise BenchmarkError(f"{path} is damaged: `{params.command}` writes it again")
        for file in then.keys() | now.keys():
            if then.get(file) != now.get(file):
                readers.setdefault(file, []).append(name)
    return [f"{file} ({', '.join(names)})" for file, names in sorted(readers.items())]


def folder(params: Params) -> Path:
    return params.data / "code"


def _others() -> list[str]:
    return [name for name in stages() if name != "code"]
