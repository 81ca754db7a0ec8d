"""Machines that a plan can be made for: GPUs by name, and the present one after a short calibration."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import unknown
from benchmark.storage import read_json

if TYPE_CHECKING:
    import torch

    from benchmark.models.parameters import Shape

MEASURED = Path("results/gpu")
EFFICIENCY = 0.4
"""Share of a GPU's peak that large batches reach in bf16 with transformers and SDPA [ours; calibrate for the truth]."""
LAUNCH = 0.5e-3
"""Seconds that a layer takes at least, for launching its kernels [ours]."""
STATISTIC_READS = 12
"""How often the statistics read an MLP output, in float32 equivalents [ours]."""


@dataclass(frozen=True, slots=True)
class Machine:
    """`rate`: FLOP/s reached; `layer_seconds`: the least time of a layer; `bandwidth`: bytes/s of its memory.

    `statistics`: seconds to take all statistics of one number of an MLP output. `memory`: bytes, None if not limited.
    """

    name: str
    rate: float
    layer_seconds: float
    bandwidth: float
    statistics: float
    memory: int | None


def _gpu(name: str, teraflops: float, gigabytes: float, gigabytes_a_second: float) -> Machine:
    bandwidth = gigabytes_a_second * 1e9
    return Machine(
        name, teraflops * 1e12 * EFFICIENCY, LAUNCH, bandwidth, STATISTIC_READS * 4 / bandwidth, int(gigabytes * 1e9)
    )


GPUS = {
    machine.name: machine  # dense bf16 peak with float32 accumulation, memory, bandwidth: the makers' data sheets
    for machine in (
        _gpu("H200", 989, 141, 4800),
        _gpu("H100", 989, 80, 3350),
        _gpu("A100", 312, 80, 2039),
        _gpu("A100-40", 312, 40, 1555),
        _gpu("L40S", 362, 48, 864),
        _gpu("RTX4090", 165, 24, 1008),
        _gpu("RTX3090", 71, 24, 936),
        _gpu("A10", 125, 24, 600),
        _gpu("L4", 121, 24, 300),
    )
}


def get_gpu(name: str) -> Machine:
    """The GPU of that name, however it is spaced and cased; raises `BenchmarkError` for an unknown one."""
    plain = name.replace(" ", "").upper()
    if plain not in GPUS:
        raise unknown("GPU", name, GPUS)
    return GPUS[plain]


def present_gpu() -> Machine | None:
    """This machine's GPU, with the memory that it really has; None without one, or with one that is not listed."""
    import torch

    if not torch.cuda.is_available():
        return None
    words = re.split(r"[\s-]+", torch.cuda.get_device_name().upper().replace("RTX ", "RTX"))
    known = next((machine for name, machine in GPUS.items() if name in words), None)
    return replace(known, memory=torch.cuda.mem_get_info()[1]) if known else None


def measured(machine: Machine, folder: Path = MEASURED) -> tuple[Machine, str]:
    """`machine` with what `make gpu-check` measured on such a card, and where that stands; else as it is, and "".

    `rate`: that of a large product, times the share that scoring reached; `statistics`: reading every output once,
    times as often as the kernel's time is of that; of several models the slower. They are bfloat16's.
    """
    for path in sorted(folder.glob("*.json")):
        record = read_json(path)
        if machine.name not in re.split(r"[\s-]+", record["card"].upper().replace("RTX ", "RTX")):
            continue
        figures = {figure["name"]: figure["value"] for figure in record["figures"]}
        share = min(value for name, value in figures.items() if "share of a large product's rate" in name)
        reads = max(value for name, value in figures.items() if "over reading them once" in name)
        bandwidth = record["copy_bandwidth"]
        found = replace(
            machine,
            rate=record["matrix_rate_bfloat16"] * share,
            bandwidth=bandwidth,
            statistics=reads * 2 / bandwidth,
            memory=record["memory_bytes"],
        )
        return found, f"with the figures of {path}, measured on {record['card']}"
    return machine, ""


def calibrate(shape: Shape, device: torch.device, dtype: torch.dtype, tokens: int = 1024) -> Machine:
    """The present machine's figures, from one layer of that shape with random weights: seconds, not minutes."""
    import torch
    from transformers import LlamaConfig, LlamaModel

    from benchmark.activations.group import Thresholds
    from benchmark.activations.kernels import choose_kernel
    from benchmark.activations.sequences import Sequences
    from benchmark.activations.statistics import STATISTICS
    from benchmark.models.shape import attention_weights, mlp_weights
    from benchmark.planning.costs import DTYPE_BYTES, flops
    from benchmark.planning.passes import Pass, total

    config = LlamaConfig(
        vocab_size=16,
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=1,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
    )
    with device:
        model = LlamaModel(config).to(dtype).eval()
        rows = torch.randn(tokens, shape.hidden).to(dtype)
    kernel = choose_kernel("auto", device)
    width = min(256, tokens)
    sequences = Sequences(tuple(range(0, tokens + 1, width)), device=device)
    batch = torch.zeros(max(1, tokens // width), width, dtype=torch.long, device=device)
    single = torch.zeros(1, 1, dtype=torch.long, device=device)

    def fastest(run: Callable[[], object]) -> float:
        times = []
        for _ in range(4):  # the first also compiles and warms up
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            start = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times.append(time.perf_counter() - start)
        return min(times[1:])

    with torch.inference_mode():
        least = fastest(lambda: model(single, use_cache=False))
        full = fastest(lambda: model(batch, use_cache=False))
        reading = fastest(lambda: kernel(rows[: sequences.bounds[-1]], sequences, Thresholds(), tuple(STATISTICS)))
        one_layer = shape.model_copy(update={"layers": 1})
    counted = flops(one_layer, total([Pass(len(batch), width, whole=True)]))
    on_gpu = device.type == "cuda"
    size = DTYPE_BYTES[str(dtype).removeprefix("torch.")]
    return Machine(
        name=torch.cuda.get_device_name(device) if on_gpu else "this CPU",
        rate=counted / max(full - least, full / 10),
        layer_seconds=least,
        bandwidth=(attention_weights(shape) + mlp_weights(shape)) * size / least,
        statistics=reading / rows.numel(),
        memory=torch.cuda.mem_get_info(device)[1] if on_gpu else None,
    )
