from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark.errors import BenchmarkError
from benchmark.params import Params, load_params
from benchmark.planning import plan
from benchmark.planning.machines import GPUS, calibrate
from benchmark.planning.plan import shape_for

PAPER = Path(__file__).parents[2] / "paper" / "params.yaml"


def small(folder: Path, **changes: Any) -> Params:
    """The paper's profile, with two datasets of a few examples, whose data lies in `folder`."""
    content = yaml.safe_load(PAPER.read_text())
    content["paths"]["data"] = str(folder / "data")
    content["datasets"] = {name: content["datasets"][name] | {"pool": 8, "queries": 6} for name in ("boolq", "gsm8k")}
    content["quality"] |= {"sets": 2, "shard": 4}
    content |= changes
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_params(path)


def test_a_plan_needs_neither_weights_nor_datasets(tmp_path: Path) -> None:
    params = small(tmp_path)
    whole = plan(params, gpu="H100")
    assert {cost.stage for cost in whole.costs} == {"extract", "quality", "select"}
    assert len(whole.costs) == 3 * len(params.models) * len(params.datasets)
    assert whole.dtype == "bfloat16"
    assert all(cost.flops > 0 and cost.seconds > 0 and cost.peak > 5e9 for cost in whole.costs)
    text = str(whole)
    for word in ("H100", "typical of the template", "boolq", "gsm8k", "total", "to download: 12.6 GB", "no gsm8k"):
        assert word in text


def test_what_less_would_take(tmp_path: Path) -> None:
    whole = plan(small(tmp_path), gpu="A100")
    hours = dict(whole.alternatives)
    assert hours["half the candidates"] < whole.hours
    assert hours["half the queries"] < whole.hours
    gsm8k = sum(cost.seconds for cost in whole.costs if cost.dataset == "gsm8k") / 3600
    assert hours["no gsm8k"] == pytest.approx(whole.hours - gsm8k)


def test_a_faster_gpu_takes_less_time_for_the_same_work(tmp_path: Path) -> None:
    params = small(tmp_path)
    slow, fast = plan(params, gpu="L4"), plan(params, gpu="H200")
    assert fast.hours < slow.hours
    assert [cost.flops for cost in fast.costs] == [cost.flops for cost in slow.costs]


def test_memory_that_does_not_suffice_is_told(tmp_path: Path) -> None:
    content = yaml.safe_load(PAPER.read_text())["quality"] | {"token_budget": 200_000, "sets": 2}
    params = small(tmp_path, quality=content, dtype="float32")
    assert "batches will be halved until they fit" in str(plan(params, gpu="L4"))


def test_an_unknown_gpu(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="unknown GPU 'H10': did you mean 'H100'"):
        plan(small(tmp_path), gpu="H10")


def test_a_model_whose_shape_nobody_knows(tmp_path: Path) -> None:
    models = yaml.safe_load(PAPER.read_text())["models"]
    del models["qwen_3b"]["shape"]
    with pytest.raises(BenchmarkError, match=r"shape of model qwen_3b is not known.*set models\.qwen_3b\.shape"):
        plan(small(tmp_path, models=models), gpu="A100")


def test_the_present_machine_is_calibrated_with_one_layer() -> None:
    import torch

    from tests.planning.test_costs import SHAPE

    machine = calibrate(SHAPE, torch.device("cpu"), torch.float32, tokens=64)
    assert machine.rate > 1e6
    assert machine.layer_seconds > 0
    assert machine.statistics > 0
    assert machine.memory is None


def test_the_shapes_of_the_paper_profile_are_the_papers(tmp_path: Path) -> None:
    params = load_params(PAPER)
    llama, qwen = (shape_for(params, name) for name in ("llama_3b", "qwen_3b"))
    assert (llama.layers, llama.hidden, llama.vocabulary) == (28, 3072, 128256)
    assert (qwen.layers, qwen.hidden, qwen.vocabulary) == (36, 2048, 151936)


def test_gpus_differ() -> None:
    assert len({machine.rate for machine in GPUS.values()}) >= 7
