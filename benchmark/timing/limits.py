"""What the two loops must compute and move, whatever the code: arithmetic from shapes, nothing measured.

    python -m benchmark.timing.limits [--gpu H200]      the tables of docs/performance.md

Extraction reads each MLP output once, as it is written; scoring computes each token that must be computed once, and
keeps its keys and values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from benchmark.errors import BenchmarkError
from benchmark.models.parameters import Shape
from benchmark.models.shape import attention_weights, mlp_weights
from benchmark.params import load_params
from benchmark.planning.costs import DTYPE_BYTES, key_value_bytes
from benchmark.planning.machines import EFFICIENCY, Machine, get_gpu
from benchmark.planning.plan import shape_for

PROFILES = {"params.yaml": "float32", "paper/params.yaml": "bfloat16"}
"""Parameter files whose models are shown, and the dtype that they run in."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Of a token: `flops` of all layers but for attention's pairs, `output_bytes` of all MLP outputs, `cache_bytes` of
    keys and values; `head_flops` of a position that goes through the head."""

    flops: int
    head_flops: int
    output_bytes: int
    cache_bytes: int


def limit(shape: Shape, dtype: str) -> Limit:
    """The limits of a decoder; a multiplication with its addition is two FLOPs."""
    return Limit(
        flops=2 * shape.layers * (attention_weights(shape) + mlp_weights(shape)),
        head_flops=2 * shape.hidden * shape.vocabulary,
        output_bytes=shape.layers * shape.hidden * DTYPE_BYTES[dtype],
        cache_bytes=key_value_bytes(shape, 1, dtype),
    )


def share(found: Limit, gpu: Machine) -> float:
    """The time to read all MLP outputs over that of the forward pass, both at the full speed of their data sheet."""
    return (found.output_bytes / gpu.bandwidth) / (found.flops / (gpu.rate / EFFICIENCY))


def limits(root: Path = Path()) -> Mapping[str, Limit]:
    """By model and dtype, for the models of `PROFILES`, and the shape that `make bench` times."""
    from benchmark.models.shape import shape_of
    from benchmark.timing.workload import STANDARD

    found = {"make bench, float32": limit(shape_of(STANDARD.config()), "float32")}
    for path, dtype in PROFILES.items():
        params = load_params(root / path)
        for name in params.models:
            found[f"{name}, {dtype}"] = limit(shape_for(params, name), dtype)
    return found


@click.command()
@click.option("--gpu", default="H200", show_default=True, help="Whose bandwidth and FLOP/s the last column divides.")
def main(gpu: str) -> None:
    """Print what a token costs at least: FLOPs, and bytes of MLP outputs and of keys and values."""
    try:
        machine, table = get_gpu(gpu), limits()
    except BenchmarkError as error:
        raise SystemExit(f"error: {error}") from None
    head = ("a token", "FLOPs", "FLOPs of the head", "bytes of outputs", "bytes of keys, values", f"share on {gpu}")
    click.echo(f"{head[0]:<24}" + "".join(f"{text:>23}" for text in head[1:]))
    for name, found in table.items():
        numbers = (found.flops, found.head_flops, found.output_bytes, found.cache_bytes)
        cells = [f"{number:,}" for number in numbers] + [
            f"{share(found, machine):.1%}" if "float32" not in name else ""
        ]
        click.echo(f"{name:<24}" + "".join(f"{text:>23}" for text in cells))


if __name__ == "__main__":
    main()
