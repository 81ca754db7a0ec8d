"""Every committed dvc.yaml is the one that the table of stages and the profile beside it give."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmark import dvcfile
from benchmark.stages.stage import stages

ROOT = Path(__file__).parents[1]
PROFILES = [path.relative_to(ROOT).as_posix() for path in dvcfile.profiles(ROOT)]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_committed_pipeline_is_what_the_table_gives(profile: str) -> None:
    assert not dvcfile.drifted(ROOT / profile), "run `python -m benchmark pipeline` and commit what it writes"


def test_every_stage_has_its_entry_and_one_run_does_all_models_but_for_making_them() -> None:
    content = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert list(content) == list(stages())
    assert [name for name, entry in content.items() if "${" in str(entry)] == ["model"]
    assert content["model"]["matrix"] == {"model": "${models}"}
    assert content["sae"]["cmd"] == "python -m benchmark --params params.yaml sae"
    assert {"sae.models", "models"} <= set(content["sae"]["params"])
    assert {"data/text", "data/models"} <= set(content["sae"]["deps"])
    assert content["sae"]["outs"] == [
        {"data/sae": {"cache": False, "persist": True}},
        {"data/features": {"persist": True}},
    ]


def test_dvcs_metrics_are_one_small_file() -> None:
    """`dvc exp show` has a column for each number of them: claim.json has hundreds."""
    content = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    shown = [path for stage in content.values() for entry in stage.get("metrics", ()) for path in entry]
    assert shown == ["results/metrics.json"]


@pytest.mark.slow
def test_a_profile_of_ones_own_is_a_project_that_dvc_reads(tmp_path: Path) -> None:
    """Its folder is all that there is to write: the command makes the rest, and says so."""
    shutil.copytree(ROOT / "benchmark", tmp_path / "benchmark", ignore=shutil.ignore_patterns("__pycache__"))
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["paths"] = {"root": "..", "params": "mine/params.yaml", "data": "mine/data", "results": "mine/results"}
    content["paths"]["kept"] = ["quality"]
    content["models"] = {"only": content["models"]["tiny_llama"]}
    content["selection"]["rounds"]["models"] = ["only"]
    content["sae"]["models"] = {"only": content["sae"]["models"]["tiny_llama"]}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "benchmark", "pipeline"]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, env={"PYTHONPATH": "."})
    assert said.stdout.startswith("mine/params.yaml: wrote mine/dvc.yaml, mine/.dvc/config")
    listed = subprocess.run(
        [sys.executable, "-m", "dvc", "--cd", "mine", "stage", "list", "--name-only"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert set(listed.stdout.split()) == {"model@only", *stages()} - {"model"}
    outs = yaml.safe_load((tmp_path / "mine/dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert outs["quality"]["outs"] == [{"mine/data/quality": {"cache": False, "persist": True}}]
    assert outs["extract"]["outs"] == [{"mine/data/activations": {"persist": True}}]


def test_a_profile_without_dictionaries_has_no_stage_for_them_and_none_that_reads_them(tmp_path: Path) -> None:
    content = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    content["sae"]["models"] = {}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    stages_of = yaml.safe_load(dvcfile.rendered(tmp_path / "params.yaml")[tmp_path / "dvc.yaml"])["stages"]
    assert set(stages()) - set(stages_of) == {"sae"}
    assert not [name for name, entry in stages_of.items() if "data/sae" in str(entry)]
    assert "data/text" in str(stages_of["text"]["outs"])
