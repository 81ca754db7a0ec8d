"""The proof on a GPU, in small on a CPU: it passes, fails where a kernel is wrong, and names what is lacking."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from benchmark.activations.kernels import choose_kernel
from benchmark.timing.gpu import figures, packages, proof


@pytest.mark.slow
def test_it_passes_on_a_cpu_in_small_and_checks_every_mask_of_both_models() -> None:
    run = CliRunner().invoke(proof.main, ["--small"])
    assert run.exit_code == 0, run.output
    for name in ("llama_3b", "qwen_3b"):
        assert f"ok     {name}, mask target_isolated" in run.output
        assert f"ok     {name}: log-probabilities" in run.output
    assert "FAILED" not in run.output


@pytest.mark.slow
def test_a_wrong_kernel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = choose_kernel("eager", torch.device("cpu"))

    def wrong(*arguments: object) -> torch.Tensor:
        return right(*arguments) * 1.001  # type: ignore[arg-type]

    monkeypatch.setattr("benchmark.activations.kernels.choose_kernel", lambda name, device: wrong)
    run = CliRunner().invoke(proof.main, ["--small"])
    assert run.exit_code == 1
    assert "FAILED kernel, float32: moments" in run.output
    assert "a check failed" in run.output


def test_without_a_gpu_it_says_so() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    run = CliRunner().invoke(proof.main, [])
    assert run.exit_code == 1
    assert "no CUDA device" in run.output


def test_what_is_lacking_is_named_with_the_locked_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "cuda.lock"
    lock.write_text("pydantic==2.1.0 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(packages, "NEEDED", {"no_such_module": "pydantic", "torch": "torch"})
    assert packages.lacking() == ["pydantic"]
    text = packages.remedy(["pydantic"], lock)
    assert "pydantic==2.1.0" in text
    assert "--no-index" in text


def test_a_torch_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "version", lambda name: "2.10.1+cu128")
    assert "torch>=2.11" in packages.lacking()


def test_an_aim_is_met_or_missed_or_not_there() -> None:
    assert figures.Figure("a", 1.01, "times", at_most=1.02).met is True
    assert figures.Figure("a", 1.03, "times", at_most=1.02).met is False
    assert figures.Figure("a", 0.4, "", at_least=0.5).met is False
    assert figures.Figure("a", 0.4, "").met is None
    assert json.dumps(figures.Figure("a", 0.4, "").record())
