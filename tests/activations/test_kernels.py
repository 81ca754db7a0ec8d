import pytest
import torch

from benchmark.activations.kernels import choose_kernel
from benchmark.errors import BenchmarkError


def test_kernels_are_refused_where_they_cannot_run() -> None:
    with pytest.raises(BenchmarkError, match="needs a CUDA device"):
        choose_kernel("triton", torch.device("cpu"))
    with pytest.raises(BenchmarkError, match="is for a CPU"):
        choose_kernel("compiled", torch.device("cuda"))
    assert choose_kernel("auto", torch.device("cpu")) is choose_kernel("eager", torch.device("cpu"))


def test_unknown_kernel() -> None:
    with pytest.raises(BenchmarkError, match="unknown kernel 'eagre': did you mean 'eager'"):
        choose_kernel("eagre", torch.device("cpu"))
