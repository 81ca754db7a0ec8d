"""The CUDA kernel, run by Triton's interpreter on a CPU, compiled for sm_90 without one, run on a GPU."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.activations.kernels import KERNELS
from benchmark.activations.sequences import Sequences
from tests.activations.kernels.interpreted import cases
from tests.activations.kernels.rows import DTYPES, assert_as_reference, awkward_rows

ROOT = Path(__file__).parents[3]
CASES = cases()
Results = dict[str, np.ndarray]

if importlib.util.find_spec("triton") is None:
    pytest.skip("triton is not installed: it comes with requirements/cuda.lock", allow_module_level=True)


def run_python(*arguments: str, interpret: bool) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TRITON_INTERPRET": "1" if interpret else "0"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=ROOT)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    path = tmp_path_factory.mktemp("fused") / "results.npz"
    run = run_python("-m", "tests.activations.kernels.interpreted", str(path), interpret=True)
    assert run.returncode == 0, run.stderr[-2000:]
    with np.load(path) as archive:
        return dict(archive)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_interpreted(results: Results, name: str) -> None:
    rows, sequences, limits = CASES[name]
    assert_as_reference(lambda *_: torch.from_numpy(results[name]), rows, limits, sequences)


@pytest.mark.slow
def test_non_finite_rows_are_nan_and_leave_other_sequences_alone(results: Results) -> None:
    assert np.isnan(results["broken"][[0, 1, 3]]).all()
    np.testing.assert_array_equal(results["broken"][4:], results["clean"][4:])


COMPILE = """
import json, subprocess, sys, tempfile
from pathlib import Path
import torch, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from benchmark.activations.gpu_language import MAGNITUDE_BITS, warps
from benchmark.activations.statistics.massive import digit_counts, massive_count, row_order
from benchmark.activations.statistics.moments import row_moments
dtype, width = sys.argv[1], int(sys.argv[2])
block = triton.next_power_of_2(width)
x = {"bfloat16": "*bf16", "float32": "*fp32"}[dtype]
strides = {"stride_row": "i32", "stride_column": "constexpr"}
index, pair = {"entry_row": "*i64"}, {"x": x, "out": "*fp64"}
bits = MAGNITUDE_BITS[getattr(torch, dtype)]
counts = {"x": x, **index, "entry_sequence": "*i64", "leading": "*i32", "counts": "*i32"}
above = {"x": x, **index, "peak": "*fp64", "limit": "*fp64", "out": "*fp64"}
kernels = [(row_moments, pair, {}), (row_order, pair, {"BISECTIONS": bits}),
           (digit_counts, counts, {"LOWEST": 16, "BITS": 8}), (massive_count, above, {})]
logs = {}
for function, pointers, constants in kernels:
    constants = {"WIDTH": width, "BLOCK": block, **constants}
    signature = {**pointers, **strides, **dict.fromkeys(constants, "constexpr")}
    source = ASTSource(function, signature, {"stride_column": 1, **constants})
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": warps(block)})
    assembler = Path(triton.__file__).parent / "backends/nvidia/bin/ptxas"
    if not assembler.exists():
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        ptx = Path(folder) / "kernel.ptx"
        ptx.write_text(compiled.asm["ptx"])
        logs[function.__name__] = subprocess.run(
            [assembler, "-v", "--gpu-name=sm_90a", ptx, "-o", Path(folder) / "kernel.cubin"],
            capture_output=True, text=True, check=True).stderr
print(json.dumps(logs))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "width"), [("bfloat16", 2048), ("bfloat16", 3072), ("float32", 3072)])
def test_it_compiles_for_sm_90_without_spilling_registers(dtype: str, width: int) -> None:
    run = run_python("-c", COMPILE, dtype, str(width), interpret=False)
    if run.returncode == 77:
        pytest.skip("this build of triton brings no ptxas")
    assert run.returncode == 0, run.stderr[-2000:]
    for kernel, log in json.loads(run.stdout).items():
        spills = [int(n) for n in re.findall(r"(\d+) bytes spill (?:stores|loads)", log)]
        registers = re.findall(r"Used (\d+) registers", log)
        assert len(registers) == 1, log
        print(f"\n{kernel}, {dtype}, width {width}: {registers[0]} registers")  # shown by pytest -s
        assert spills == [0, 0], log


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("width", [1, 64, 100, 2048, 3072, 4097])
@pytest.mark.parametrize("kernel", ["triton", "eager"])
def test_on_a_gpu(kernel: str, width: int, dtype: torch.dtype) -> None:
    rows = awkward_rows(width, dtype).cuda()
    n, half = len(rows), torch.arange(len(rows) // 2, device="cuda")
    assert_as_reference(KERNELS[kernel], rows)
    assert_as_reference(KERNELS[kernel], rows, sequences=Sequences((0, 1, n), device=rows.device))
    shared = Sequences((0, n // 4, len(half)), rows=half.flip(0), wanted=half[::2], device=rows.device)
    assert_as_reference(KERNELS[kernel], rows, sequences=shared)
