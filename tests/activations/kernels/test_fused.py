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
@pytest.mark.parametrize("name", [name for name in CASES if name != "broken"])
def test_interpreted(results: Results, name: str) -> None:
    rows, limits = CASES[name]
    assert_as_reference(lambda *_: torch.from_numpy(results[name]), rows, limits)


@pytest.mark.slow
def test_non_finite_rows_are_nan_and_leave_the_others_alone(results: Results) -> None:
    assert np.isnan(results["broken"][:3]).all()
    np.testing.assert_array_equal(results["broken"][3], results["clean"][3])


COMPILE = """
import json, subprocess, sys, tempfile
from pathlib import Path
import torch, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from benchmark.activations.kernels.fused import launch, row_statistics
dtype, width = sys.argv[1], int(sys.argv[2])
arguments = launch(width, getattr(torch, dtype), frozenset({"moments", "massive"}))
warps = arguments.pop("num_warps")
pointer = {"bfloat16": "*bf16", "float32": "*fp32"}[dtype]
signature = {"x": pointer, "out": "*fp64", "stride_row": "i32", "stride_column": "constexpr", "absolute": "fp32",
             "ratio": "fp32", **dict.fromkeys(arguments, "constexpr")}
source = ASTSource(row_statistics, signature, {"stride_column": 1, **arguments})
compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": warps})
assembler = Path(triton.__file__).parent / "backends/nvidia/bin/ptxas"
if not assembler.exists():
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    ptx = Path(folder) / "kernel.ptx"
    ptx.write_text(compiled.asm["ptx"])
    log = subprocess.run([assembler, "-v", "--gpu-name=sm_90a", ptx, "-o", Path(folder) / "kernel.cubin"],
                         capture_output=True, text=True, check=True).stderr
print(json.dumps(log))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "width"), [("bfloat16", 2048), ("bfloat16", 3072), ("float32", 3072)])
def test_it_compiles_for_sm_90_without_spilling_registers(dtype: str, width: int) -> None:
    run = run_python("-c", COMPILE, dtype, str(width), interpret=False)
    if run.returncode == 77:
        pytest.skip("this build of triton brings no ptxas")
    assert run.returncode == 0, run.stderr[-2000:]
    log = json.loads(run.stdout)
    spills = [int(n) for n in re.findall(r"(\d+) bytes spill (?:stores|loads)", log)]
    registers = re.findall(r"Used (\d+) registers", log)
    assert len(registers) == 1, log
    print(f"\n{dtype}, width {width}: {registers[0]} registers")  # told by pytest -s
    assert len(spills) == 2, log
    assert spills == [0, 0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("width", [1, 64, 100, 2048, 3072, 4097])
def test_on_a_gpu(width: int, dtype: torch.dtype) -> None:
    from benchmark.activations.kernels.fused import fused_kernel

    assert_as_reference(fused_kernel, awkward_rows(width, dtype).cuda())
