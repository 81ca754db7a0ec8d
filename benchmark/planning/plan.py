"""The plan of a profile: what each stage will take on a machine, and what less of something would save."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import BenchmarkError
from benchmark.models.parameters import Shape
from benchmark.models.shape import weights
from benchmark.params import Params
from benchmark.planning.dictionaries import dictionary_cost
from benchmark.planning.lengths import (
    TYPICAL_POOL,
    Lengths,
    Origin,
    count_lengths,
    estimate_lengths,
    read_dataset,
    typical_lengths,
)
from benchmark.planning.machines import GPUS, Machine, calibrate, get_gpu, measured, present_gpu
from benchmark.planning.power import power_of_pools
from benchmark.planning.stages import Cell, Cost, costs
from benchmark.storage import read_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DEFAULT_GPU = "A100"


@dataclass(frozen=True, slots=True)
class Plan:
    """`costs` by model, dataset and stage; `alternatives` name a change and the hours that would remain with it.

    `remarks`: what was assumed, and what does not fit.
    """

    profile: str
    machine: Machine
    dtype: str
    costs: tuple[Cost, ...]
    download: int
    origins: frozenset[Origin]
    alternatives: tuple[tuple[str, float], ...]
    remarks: tuple[str, ...]

    @property
    def hours(self) -> float:
        return sum(cost.seconds for cost in self.costs) / 3600

    @property
    def written(self) -> int:
        return sum(cost.written for cost in self.costs)

    @property
    def peak(self) -> int:
        return max(cost.peak for cost in self.costs)

    def __str__(self) -> str:
        return render(self)


def plan(params: Params, gpu: str | None = None, calibrated: bool = False) -> Plan:
    """The plan for a GPU of that name (the present one, or an A100), or for this machine after a short calibration.

    A profile that asks for a CPU, or for float32 where there is no GPU, is planned for this machine's CPU unless a GPU
    is named.
    No weights are read, and nothing is fetched. Lengths are counted where datasets and tokenizers are there already,
    and estimated elsewhere. Raises `BenchmarkError` for an unknown GPU and for a model whose shape nobody knows.
    """
    if gpu and calibrated:
        raise BenchmarkError("a plan is for a GPU by name (--gpu) or for this machine (--calibrate), not for both")
    if calibrated or (gpu is None and _is_for_a_cpu(params)):
        machines, dtype = _present(params)
        largest = max(machines, key=lambda name: weights(shape_for(params, name)))
        return plan_for(params, machines[largest], dtype, by_model=machines)
    machine = get_gpu(gpu) if gpu else present_gpu()
    dtype = "bfloat16" if params.dtype == "auto" else params.dtype
    remarks = []
    if machine is None:
        remarks.append(
            f"no listed GPU is here: one {DEFAULT_GPU} is assumed; --gpu names another, "
            "--calibrate measures this machine"
        )
        machine = GPUS[DEFAULT_GPU]
    if dtype == "bfloat16":
        machine, where = measured(machine)
        remarks += [where] if where else []
    return plan_for(params, machine, dtype, remarks)


def plan_for(
    params: Params,
    machine: Machine,
    dtype: str,
    remarks: Sequence[str] = (),
    by_model: Mapping[str, Machine] | None = None,
) -> Plan:
    """The plan for a machine. What exceeds its memory is planned with smaller batches, as a run on a GPU makes them.

    `by_model`: its figures for each model, where they were measured: small matrices are slower, number for number.
    """
    shapes = {name: shape_for(params, name) for name in params.models}
    lengths = {(model, data): lengths_for(params, model, data) for model in params.models for data in params.datasets}
    machines = dict.fromkeys(params.models, machine) | dict(by_model or {})

    def run(change: Callable[[Lengths], Lengths]) -> list[Cost]:
        cells = [
            Cell(params, model, data, shapes[model], change(known), dtype, machines[model])
            for (model, data), known in lengths.items()
        ]
        by_cell = [cost for cell in cells for cost in costs(cell)]
        trained = [dictionary_cost([cell for cell in cells if cell.model == model]) for model in params.sae.models]
        return by_cell + trained

    whole = run(lambda known: known)
    changes: list[tuple[str, list[Cost]]] = [
        ("half the candidates", run(lambda known: known.fewer(candidates=len(known.pool_input) // 2))),
        ("half the queries", run(lambda known: known.fewer(queries=len(known.query_input) // 2))),
    ]
    if len(params.datasets) > 1:
        changes += [(f"no {name}", [cost for cost in whole if cost.dataset != name]) for name in params.datasets]
    return Plan(
        profile=params.paths.params,
        machine=machine,
        dtype=dtype,
        costs=tuple(whole),
        download=download_bytes(params, shapes),
        origins=frozenset(known.origin for known in lengths.values()),
        alternatives=tuple((name, sum(cost.seconds for cost in part) / 3600) for name, part in changes),
        remarks=(
            *remarks,
            *_assumed_pools(params),
            *_memory(machine, whole),
            *(f"power: {power.text}" for power in power_of_pools(params)),
        ),
    )


def _assumed_pools(params: Params) -> Iterator[str]:
    for name, source in params.datasets.items():
        if source.outline().pool is None and read_dataset(params.dataset_folder(name)) is None:
            yield f"{name}: its pool is all that its split has, taken to be {TYPICAL_POOL:,} until it is fetched"


def _memory(machine: Machine, whole: Sequence[Cost]) -> Iterator[str]:
    if machine.memory is None:
        return
    large = [cost for cost in whole if not cost.fits(machine.memory)]
    if large:
        place = f" on {large[0].dataset}" if large[0].dataset else ""
        yield (
            f"memory: {large[0].stage} of {large[0].model}{place} takes {_bytes(large[0].peak)} with "
            f"batches of {large[0].budget:,} tokens, and {machine.name} has {_bytes(machine.memory)}: use a larger one"
        )
    elif any(cost.budget < cost.given for cost in whole):
        yield (
            f"memory: batches are halved where they exceed the {_bytes(machine.memory)} of {machine.name}, which is "
            f"planned for (column batch) and happens by itself"
        )


def shape_for(params: Params, name: str) -> Shape:
    """The shape of a model of the profile, as far as its source knows it without a network."""
    shape = params.models[name].known_shape(params.model_folder(name))
    if shape is None:
        raise BenchmarkError(
            f"the shape of model {name} is not known before it is fetched: set models.{name}.shape, or run "
            f"`python -m benchmark --params {params.paths.params} model {name}`"
        )
    return shape


def lengths_for(params: Params, model: str, dataset: str) -> Lengths:
    """The token lengths of a dataset for a model: counted if both are there, else estimated."""
    folder = params.model_folder(model)
    manifest = read_json(folder / "manifest.json") if (folder / "manifest.json").is_file() else {}
    stated = params.models[model].starts_with_bos
    bos = bool(manifest.get("add_bos", True if stated is None else stated))
    known = read_dataset(params.dataset_folder(dataset))
    if known is None:
        outline = params.datasets[dataset].outline()
        return typical_lengths(
            outline.kind, outline.typical, outline.pool, outline.queries, outline.max_new_tokens, bos
        )
    if manifest:
        from benchmark.models.places import weights_folder

        try:
            return count_lengths(known, _tokenizer(weights_folder(folder, manifest)), bos)
        except BenchmarkError:  # the weights left the cache: the plan needs only an estimate
            pass
    return estimate_lengths(known, bos)


@cache
def _tokenizer(path: Path) -> PreTrainedTokenizerBase:
    """Loaded once for all datasets."""
    from benchmark.models.loading import load_tokenizer

    return load_tokenizer(path)


def _is_for_a_cpu(params: Params) -> bool:
    """Whether the profile would run on a CPU here and is meant to: a GPU's own dtype is bfloat16."""
    import torch

    return params.device == "cpu" or (
        params.device == "auto" and params.dtype == "float32" and not torch.cuda.is_available()
    )


def _present(params: Params) -> tuple[dict[str, Machine], str]:
    """This machine's figures for each model of the profile, with its threads, and the dtype that it will run in."""
    import torch

    from benchmark.models.loading import DTYPES, resolve_device

    device = resolve_device(params.device)
    dtype = params.dtype
    if dtype == "auto":
        dtype = "bfloat16" if device.type == "cuda" else "float32"
    shapes = {name: shape_for(params, name) for name in params.models}
    threads = torch.get_num_threads()
    torch.set_num_threads(params.threads or threads)
    try:
        measured = {shape: calibrate(shape, device, DTYPES[dtype]) for shape in set(shapes.values())}
    finally:
        torch.set_num_threads(threads)
    return {name: measured[shape] for name, shape in shapes.items()}, dtype


def download_bytes(params: Params, shapes: dict[str, Shape]) -> int:
    """Bytes of weights that are still to be fetched; datasets are megabytes (CNN/DailyMail: 1 GB)."""
    return sum(source.missing_bytes(shapes[name]) for name, source in params.models.items())


def render(whole: Plan) -> str:
    """The plan as text: a line a stage and cell, the total, and the alternatives."""
    machine = whole.machine
    head = (
        f"Plan of {whole.profile} on {machine.name}, {whole.dtype}: {machine.rate / 1e12:.3g} TFLOP/s reached, lengths "
        f"{', '.join(sorted(whole.origins))}"
    )
    rows: list[tuple[str, ...]] = [
        ("stage", "model", "dataset", "prompts", "tokens", "PFLOP", "written", "batch", "peak", "time")
    ]
    rows += [_row((cost.stage, cost.model, cost.dataset), [cost]) for cost in whole.costs]
    for stage in dict.fromkeys(cost.stage for cost in whole.costs):
        rows.append(_row((stage, "all", "all"), [cost for cost in whole.costs if cost.stage == stage]))
    rows.append(_row(("total", "", ""), whole.costs))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    notes = [f"to download: {_bytes(whole.download)} of weights", *whole.remarks]
    alternatives = [f"  {name}: {_time(hours * 3600)}" for name, hours in whole.alternatives]
    return "\n".join([head, "", *lines, "", *notes, "", "It would take, with", *alternatives])


def _row(names: tuple[str, str, str], part: Sequence[Cost]) -> tuple[str, ...]:
    return (
        *names,
        f"{sum(cost.work.prompts for cost in part):,}",
        _short(sum(cost.work.tokens for cost in part)),
        f"{sum(cost.flops for cost in part) / 1e15:,.4g}",
        _bytes(sum(cost.written for cost in part)),
        f"{max(cost.budget for cost in part):,}",
        _bytes(max(cost.peak for cost in part)),
        _time(sum(cost.seconds for cost in part)),
    )


def _short(number: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f}"


def _bytes(number: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f} B"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 100 * 3600 else f"{seconds / 86400:,.0f} days"
