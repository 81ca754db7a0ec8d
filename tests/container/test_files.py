"""The image's and the workflows' files, read: what must never get in, and what they refer to."""

from __future__ import annotations

import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text() if (ROOT / "Dockerfile").is_file() else ""
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+)(?:[a-z -]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))

pytestmark = pytest.mark.skipif(not DOCKERFILE or not WORKFLOWS, reason="inside the image these files are left out")


def test_the_image_needs_no_registry_but_its_base_and_no_token() -> None:
    assert not DOCKERFILE.startswith("# syntax"), "a syntax line is fetched from a registry"
    assert re.search(r"^ARG BASE_IMAGE=\S+@sha256:[0-9a-f]{64}$", DOCKERFILE, flags=re.MULTILINE)
    assert {line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("FROM")} == {"${BASE_IMAGE}"}
    instructions = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#"))
    assert not re.search(r"token|secret|password", instructions, flags=re.IGNORECASE)


def test_the_image_runs_as_a_number_and_under_an_init() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, flags=re.MULTILINE) == ["1000:1000"]
    assert 'ENTRYPOINT ["tini", "-g", "--"]' in DOCKERFILE
    assert "WORKDIR /workspace" in DOCKERFILE


def test_the_context_denies_all_and_allows_what_is_there() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "**"
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert not any(line.startswith((".git", ".venv", ".env", ".work", ".dvc/cache", ".dvc/tmp")) for line in allowed)
    for source in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, flags=re.MULTILINE):
        for path in source.split():
            assert path == "." or (ROOT / path).is_file(), path


def test_the_image_has_the_settings_for_a_folder_without_git() -> None:
    """Without them a mounted folder that is no repository ends in an error of DVC's."""
    found = re.search(r"DVC_SYSTEM_CONFIG_DIR := \$\(CURDIR\)/(\S+)", (ROOT / "Makefile").read_text())
    assert found
    assert (ROOT / found[1] / "config").is_file()
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert any(fnmatch(f"{found[1]}/config", pattern) for pattern in allowed)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_no_rights_pins_its_actions_and_calls_targets_that_exist(workflow: Path) -> None:
    text = workflow.read_text()
    content = yaml.safe_load(text)
    assert content["permissions"] == {}
    for name, job in content["jobs"].items():
        assert job["permissions"] == {"contents": "read"}, name
        assert job["timeout-minutes"] <= 60, name
    for line in re.findall(r"uses: (.*)$", text, flags=re.MULTILINE):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    for line in re.findall(r"run: make ([a-z -]+)", text):
        assert set(line.split()) <= TARGETS, line
    for job in content["jobs"].values():
        assert set(job.get("strategy", {}).get("matrix", {}).get("target", [])) <= TARGETS


@pytest.mark.parametrize("job", ["check", "reproduce"])
def test_continuous_integration_takes_every_python_and_says_which(job: str) -> None:
    content = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"][job]
    assert sorted(content["strategy"]["matrix"]["python"]) == sorted(
        (ROOT / "requirements/pythons").read_text().split()
    )
    made = [step["run"] for step in content["steps"] if step.get("run", "").startswith("make ")]
    assert made
    assert all("PYTHON=python" in line for line in made), "the newest on the PATH need not be that of the matrix"


@pytest.mark.parametrize(
    "script", ["container/check", "container/cases", "requirements/compile", "requirements/install", ".ci/run"]
)
def test_a_script_parses(script: str) -> None:
    assert subprocess.run(["bash", "-n", str(ROOT / script)], check=False).returncode == 0
