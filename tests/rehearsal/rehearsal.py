"""The paper profile from the first fetch to the verdict, on a CPU, against a hub on loopback.

    with Rehearsal(folder, SMALL) as rehearsal:
        rehearsal.run("doctor")
        rehearsal.reproduce()

A copy of the working tree is made, so nothing of the real one changes. Models have random weights and datasets made-up
rows: what is rehearsed is the way there, and no verdict of it means anything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
import yaml
from transformers import AutoConfig

from benchmark.models.shape import shape_of
from tests.hub_server import HubServer, Repository
from tests.hub_server.datasets import dataset_repository
from tests.hub_server.models import model_repository, write_model
from tests.hub_server.server import TOKEN
from tests.rehearsal.scale import Kind, Scale

ROOT = Path(__file__).parents[2]
COPIED = ("benchmark", "requirements", "paper", ".dvc", "tests")
FILES = ("dvc.yaml", "params.yaml", "pyproject.toml", ".dvcignore", ".gitignore")
MODELS: dict[str, Kind] = {"llama_3b": "llama", "qwen_3b": "qwen2"}
PARAMS = Path("paper") / "params.yaml"
REPRODUCE = f"{sys.executable} -m benchmark --params {PARAMS} prepare {sys.executable} -m dvc --cd paper repro"
"""What `make paper` runs."""


class Rehearsal:
    """`checkout`: the copy; `hub`: the server, for faults and for what was asked of it."""

    def __init__(self, folder: Path, scale: Scale) -> None:
        self.folder, self.scale = folder, scale
        self.checkout = folder / "checkout"
        self.hub = HubServer()
        self.log = folder / "log.txt"

    def __enter__(self) -> Rehearsal:
        self.hub.__enter__()
        copy_tree(self.checkout)
        content = yaml.safe_load((self.checkout / PARAMS).read_text(encoding="utf-8"))
        (self.checkout / PARAMS).write_text(yaml.safe_dump(self._reduced(content), sort_keys=False), encoding="utf-8")
        self.run("pipeline", str(PARAMS))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.hub.__exit__()

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "DVC_", "GIT_"))}
        return kept | {
            "HF_ENDPOINT": self.hub.endpoint,
            "HF_HOME": str(self.folder / "home"),
            "HF_TOKEN": TOKEN,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.checkout),
            "DVC_NO_ANALYTICS": "1",
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "benchmark", "--params", str(PARAMS), *arguments]

    def run(self, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """One command of the benchmark in the copy; with `check`, one that fails raises `AssertionError`."""
        return self.execute(*self.command(*arguments), check=check, environment=environment)

    def reproduce(self) -> float:
        """The whole pipeline, as `make paper` runs it; returns its seconds. `AssertionError` where a stage fails."""
        start = time.perf_counter()
        self.execute("sh", "-c", REPRODUCE)
        return time.perf_counter() - start

    def execute(
        self,
        *command: str,
        folder: Path | None = None,
        check: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Any command, in `folder` or the copy; with `check`, one that fails raises `AssertionError`."""
        done = subprocess.run(
            command,
            cwd=folder or self.checkout,
            env={**self.environment, **(environment or {})},
            capture_output=True,
            text=True,
        )
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}\n[{done.returncode}]\n")
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def _reduced(self, content: dict[str, Any]) -> dict[str, Any]:
        """The profile with this hub's revisions and fewer examples; everything else is as it is committed."""
        for name, kind in MODELS.items():
            published = self._publish_model(content["models"][name]["repository"], kind)
            shape = shape_of(AutoConfig.from_pretrained(self.folder / "models" / kind))
            content["models"][name] |= {"revision": published.revision, "shape": shape.model_dump()}
        content["datasets"] = {name: content["datasets"][name] for name in self.scale.datasets}
        for entry in content["datasets"].values():
            repository = self.hub.publish(
                dataset_repository(entry["template"], 2 * self.scale.pool, 2 * self.scale.queries, parts=2)
            )
            entry |= {
                "revision": repository.revision,
                "pool": self.scale.pool,
                "queries": self.scale.queries,
                "max_characters": 1200,
            }
            if entry["template"] == "gsm8k":
                entry["max_new_tokens"] = 8
        for section, values in self.scale.sections.items():
            content[section] |= values
        for dictionary in content["sae"]["models"].values():
            dictionary |= {"layer": 0, "tokens": 800, "held_out": 100, "width": 32, "active": 4, "batch": 64}
        content["claim"] |= self.scale.claim
        content["claim"]["gate"] = {"expect": "recorded"}  # of random weights any verdict will do, if the cells give it
        content["device"], content["threads"] = "cpu", self.scale.threads
        return content

    def _publish_model(self, name: str, kind: Kind) -> Repository:
        folder = self.folder / "models" / kind
        write_model(
            folder,
            kind,
            ordinary=self.scale.ordinary[kind],
            dtype=torch.bfloat16,
            max_shard_size=self.scale.shard_size,
            **self.scale.models[kind],
        )
        gated = kind == "llama"
        return self.hub.publish(model_repository(folder, name, "llama3.2" if gated else "other", gated=gated))


def copy_tree(target: Path) -> None:
    """A checkout of what stands in the working tree, without data and results, in a git repository of its own."""
    target.mkdir(parents=True)
    skipped = shutil.ignore_patterns("__pycache__", "*.pyc", "data", "results", "dvc.lock", "tmp", "cache", "*.local")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=skipped)
    # the patterns above would also skip folders of the package that are called so
    shutil.copytree(
        ROOT / "benchmark", target / "benchmark", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
    )
    for name in FILES:
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, target / name)
    git = ["git", "-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost"]
    subprocess.run([*git, "init", "-q"], cwd=target, check=True)
    subprocess.run([*git, "add", "-A"], cwd=target, check=True)
    subprocess.run([*git, "commit", "-qm", "A copy to rehearse in"], cwd=target, check=True)
