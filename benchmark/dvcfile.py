"""Every profile's `dvc.yaml`, made from the table of stages and its params.yaml: `python -m benchmark pipeline`.

A folder with a params.yaml is a profile. The one at the root is the embedded profile; each other is a DVC project of
its own inside this repository (`dvc init --subdir`), so that `dvc` at the root speaks of the embedded profile alone,
and `dvc --cd paper` of the paper's. They share one cache.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from benchmark.dependencies import ROOT
from benchmark.params import Params, load_params
from benchmark.plots import entries, templates
from benchmark.stages.stage import NAMED, Out, Stage, stages

HEAD = """\
# Made by `python -m benchmark pipeline` from the stages in benchmark/stages/ and the params.yaml beside this file.
# `dvc {cd}repro` runs it. `persist`: a stage replaces its files one by one, and one that fails leaves the earlier ones.
"""
PROJECT = {
    ".dvc/config": "[core]\n    analytics = false\n    check_update = false\n[cache]\n    dir = ../{up}/.dvc/cache\n",
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
}
"""What makes the folder of another profile a DVC project: written where it is missing, for remotes go into it."""


def profiles(root: Path = ROOT) -> list[Path]:
    """The params.yaml of every profile: the root's, and those of the folders in it."""
    return [path for path in (root / "params.yaml", *sorted(root.glob("*/params.yaml"))) if path.is_file()]


def rendered(params_path: Path) -> dict[Path, str]:
    """What has to stand beside a params.yaml: the text of its dvc.yaml, and of what makes its folder a project."""
    params = load_params(params_path)
    folder, headline = params_path.parent, params.claim.headline
    content = {
        "stages": {name: _stage(stage, params) for name, stage in stages().items() if not stage.idle(params)},
        "plots": entries(headline),
    }
    up = params.paths.root
    head = HEAD.format(cd="" if up == "." else f"--cd {Path(params.paths.params).parent} ")
    text = head + yaml.safe_dump(content, sort_keys=False, width=120, allow_unicode=True)
    project = {} if up == "." else {folder / name: text.format(up=up) for name, text in PROJECT.items()}
    plots = {
        folder / f".dvc/plots/{name}.json": json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        for name, content in templates(headline).items()
    }
    return {folder / "dvc.yaml": text} | project | plots


def render(params_path: Path) -> list[Path]:
    """Writes what is missing or differs beside a params.yaml; returns the paths."""
    changed = []
    for path, text in rendered(params_path).items():
        made = path.suffix in (".yaml", ".json")  # the rest is the user's once it is there
        if not path.exists() or (made and path.read_text(encoding="utf-8") != text):
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def drifted(params_path: Path) -> bool:
    """Whether the dvc.yaml beside a params.yaml is another than the one that `render` writes."""
    path = params_path.with_name("dvc.yaml")
    return not path.exists() or path.read_text(encoding="utf-8") != rendered(params_path)[path]


def _stage(stage: Stage, params: Params) -> dict[str, Any]:
    item = "${item.model}"
    command = f"python -m benchmark --params {params.paths.params} {stage.name}"
    entry: dict[str, Any] = {}
    if stage.per and not stage.together:
        entry["matrix"] = {"model": f"${{{NAMED[stage.per]}}}"}
        command += f" {item}"
    if params.paths.root != ".":
        entry["wdir"] = params.paths.root
    entry["cmd"] = command
    keys = [stage.named(key, params, item) for key in stage.parameters]
    if keys:
        entry["params"] = keys if params.paths.params == "params.yaml" else [{params.paths.params: keys}]
    if stage.name == "code" and params.paths.root != ".":
        entry["always_changed"] = True  # outside a project's folder DVC ignores no file, so __pycache__ would count
    else:
        nowhere = {out.path for other in stages().values() if other.idle(params) for out in other.outs}
        inputs = [path for path in stage.inputs if not any(out.startswith(path) for out in nowhere)]
        entry["deps"] = [stage.named(path, params, item) for path in inputs]
    for kind, metric in (("outs", False), ("metrics", True)):
        outs = [_out(stage, out, params, item) for out in stage.outs if out.metric == metric]
        if outs:
            entry[kind] = outs
    return entry


def _out(stage: Stage, out: Out, params: Params, item: str) -> dict[str, Any]:
    path = stage.named(out.path, params, item)
    kept = out.kept or path in [f"{params.paths.data}/{name}" for name in params.paths.kept]
    return {path: ({"cache": False} if kept else {}) | {"persist": True}}
