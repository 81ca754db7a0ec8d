from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import constants

from benchmark.errors import BenchmarkError
from benchmark.hub.repository import snapshot_folder
from benchmark.params import Params, load_params
from benchmark.planning import plan
from benchmark.planning.machines import GPUS, calibrate, measured, present_gpu
from benchmark.planning.plan import _time, download_bytes, plan_for, shape_for
from benchmark.planning.stages import Cost
from benchmark.sources.models.hub import HubModel

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
    of_cells = [cost for cost in whole.costs if cost.dataset]
    assert {cost.stage for cost in of_cells} == {"extract", "quality", "embed", "answer", "select"}
    assert len(of_cells) == 5 * len(params.models) * len(params.datasets)
    assert [(cost.stage, cost.model) for cost in whole.costs if not cost.dataset] == [
        ("sae", model) for model in params.sae.models
    ]
    assert whole.dtype == "bfloat16"
    assert all(cost.flops > 0 and cost.seconds > 0 and cost.peak > 5e9 for cost in whole.costs)
    text = str(whole)
    for word in ("H100", "typical of the template", "boolq", "gsm8k", "total", "to download: 12.6 GB", "no gsm8k",
                 "power: 8 candidates (boolq, gsm8k), too few to see a correlation of 0.6"):  # fmt: skip
        assert word in text


def test_what_less_would_take(tmp_path: Path) -> None:
    whole = plan(small(tmp_path), gpu="A100")
    hours = dict(whole.alternatives)
    assert hours["half the candidates"] < whole.hours
    assert hours["half the queries"] < whole.hours
    gsm8k = sum(cost.seconds for cost in whole.costs if cost.dataset == "gsm8k") / 3600
    assert hours["no gsm8k"] == pytest.approx(whole.hours - gsm8k)


def test_a_dictionary_costs_what_it_is_trained_on(tmp_path: Path) -> None:
    section = yaml.safe_load(PAPER.read_text())["sae"]
    section["models"] = {"llama_3b": section["models"]["llama_3b"]}

    def cost(**changes: Any) -> Cost:
        models = {"llama_3b": section["models"]["llama_3b"] | changes}
        whole = plan(small(tmp_path, sae=section | {"models": models}), gpu="H100")
        (found,) = (cost for cost in whole.costs if cost.stage == "sae")
        assert re.search(r"^sae +llama_3b +\d", str(whole), re.MULTILINE)
        return found

    usual = cost()
    for more in ({"tokens": 4_000_000}, {"epochs": 4}, {"width": 49152}, {"layer": 18}):
        assert cost(**more).seconds > 1.2 * usual.seconds
    assert cost(sites=["residual"]).flops < usual.flops


def test_a_faster_gpu_takes_less_time_for_the_same_work(tmp_path: Path) -> None:
    params = small(tmp_path)
    slow, fast = plan(params, gpu="L4"), plan(params, gpu="H200")
    assert fast.hours < slow.hours
    assert [cost.flops for cost in fast.costs] == [cost.flops for cost in slow.costs]


def test_a_card_of_24_gb_is_planned_with_the_batches_that_fit(tmp_path: Path) -> None:
    content = yaml.safe_load(PAPER.read_text())["quality"] | {"token_budget": 800_000, "sets": 2, "shard": 1000}
    params = small(tmp_path, quality=content, sae={"texts": 1, "models": {}})
    large, card = plan(params, gpu="H200"), plan(params, gpu="RTX 4090")
    halved = {cost.stage for cost in card.costs if cost.budget < cost.given}
    assert halved
    assert "extract" not in halved
    assert large.peak > 24e9 > card.peak
    assert not any("memory" in remark for remark in large.remarks)
    assert "memory: batches are halved where they exceed the 24.0 GB of RTX4090" in str(card)
    assert all(np.log2(200_000 // cost.budget) % 1 < 0.01 for cost in card.costs if cost.stage in halved)


def test_a_card_without_room_for_what_dictionaries_are_trained_on_is_told(tmp_path: Path) -> None:
    text = str(plan(small(tmp_path), gpu="RTX 4090"))
    assert re.search(r"memory: sae of llama_3b takes 3\d\.\d GB .*RTX4090 has 24\.0 GB: use a larger", text)


def test_a_card_without_room_for_the_weights_is_told(tmp_path: Path) -> None:
    machine = replace(GPUS["L4"], memory=8 * 10**9, name="a small card")
    text = str(plan_for(small(tmp_path), machine, "float32"))
    assert re.search(
        r"memory: \w+ of llama_3b on boolq takes 1[3-9]\.\d GB .*a small card has 8\.0 GB: use a larger", text
    )


def test_the_present_gpu_is_known_by_name_and_has_its_own_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (1, 40 * 10**9))
    for name, known in (
        ("NVIDIA A100-SXM4-40GB", "A100"),
        ("NVIDIA GeForce RTX 4090", "RTX4090"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA L40S", "L40S"),
        ("NVIDIA A10G", None),
        ("NVIDIA RTX A1000", None),
    ):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda name=name: name)
        found = present_gpu()
        assert (found.name if found else None) == known
        assert found is None or found.memory == 40 * 10**9
    assert "no listed GPU is here: one A100 is assumed" in str(plan(small(tmp_path)))


def test_a_card_that_was_measured_is_planned_with_its_figures(tmp_path: Path) -> None:
    figures = [
        {"name": "a: scoring, share of a large product's rate", "value": 0.5},
        {"name": "b: scoring, share of a large product's rate", "value": 0.4},
        {"name": "statistics of bfloat16 rows of 64, over reading them once", "value": 30.0},
    ]
    record = {
        "card": "NVIDIA H200",
        "matrix_rate_bfloat16": 700e12,
        "copy_bandwidth": 4e12,
        "memory_bytes": 150 * 10**9,
        "figures": figures,
    }
    (tmp_path / "card.json").write_text(json.dumps(record))
    found, where = measured(GPUS["H200"], tmp_path)
    assert found.rate == pytest.approx(280e12)
    assert found.statistics == pytest.approx(30 * 2 / 4e12)
    assert found.memory == 150 * 10**9
    assert "measured on NVIDIA H200" in where
    assert measured(GPUS["A100"], tmp_path) == (GPUS["A100"], "")


def test_assumptions_are_told(tmp_path: Path) -> None:
    content = yaml.safe_load(PAPER.read_text())["datasets"]
    datasets = {"arc": content["arc_challenge"] | {"queries": 4}}
    text = str(plan(small(tmp_path, datasets=datasets), gpu="L4"))
    assert "arc: its pool is all that its split has, taken to be 1,000 until it is fetched" in text
    assert "is assumed" not in text


def test_one_machine_at_a_time(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="not for both"):
        plan(small(tmp_path), gpu="L4", calibrated=True)


@pytest.mark.parametrize(("seconds", "text"), [(60, "60 s"), (600, "10 min"), (72_000, "20.0 h"), (8.64e6, "100 days")])
def test_times_are_told_in_units_that_can_be_read(seconds: float, text: str) -> None:
    assert _time(seconds) == text


def test_weights_that_are_there_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    params = small(tmp_path)
    shapes = {name: shape_for(params, name) for name in params.models}
    nothing = download_bytes(params, shapes)
    llama = params.models["llama_3b"]
    assert isinstance(llama, HubModel)
    folder = snapshot_folder("model", llama.repository, llama.revision)
    folder.mkdir(parents=True)
    for part, size in enumerate((4965799096, 1459729952), start=1):
        with (folder / f"model-0000{part}-of-00002.safetensors").open("wb") as file:
            file.truncate(size)  # a hole: no bytes of the disk
        missing = download_bytes(params, shapes)
        assert missing < nothing
        nothing = missing
    assert missing == pytest.approx(3968658944 + 2203268048, rel=1e-3)


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


def test_a_profile_for_a_cpu_is_planned_for_this_one_and_its_models_shapes(tmp_path: Path) -> None:
    asked = small(tmp_path, device="cpu", dtype="float32", threads=1)
    tiny = {"layers": 2, "hidden": 64, "intermediate": 96, "heads": 4, "kv_heads": 2, "head_dim": 16}
    models = {
        name: model.model_dump() | {"shape": tiny | {"vocabulary": 64 * size, "tied": True}}
        for size, (name, model) in enumerate(asked.models.items(), start=1)
    }
    whole = plan(small(tmp_path, device="cpu", dtype="float32", threads=1, models=models))
    assert whole.machine.name == "this CPU"
    assert "A100" not in str(whole)
    if not torch.cuda.is_available():
        assert plan(small(tmp_path, device="auto", dtype="float32", models=models)).machine.name == "this CPU"
    assert plan(small(tmp_path, device="cpu", models=models), gpu="L4").machine.name == "L4"
