import logging

import pytest
import torch

from benchmark.activations.kernels import choose_kernel, compiled
from benchmark.activations.statistics import Thresholds
from benchmark.errors import BenchmarkError
from tests.activations.kernels.rows import EVERY, assert_as_reference, awkward_rows


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dtype"), [(65, torch.bfloat16)], ids=str)
def test_awkward_rows_in_several_tiles(width: int, dtype: torch.dtype) -> None:
    if compiled.compiled_sums(width, dtype) is None:
        pytest.skip("no compiler")
    rows = awkward_rows(width, dtype).repeat(9, 1)
    assert len(rows) > compiled.TILE_ROWS
    assert len(rows) % compiled.TILE_ROWS
    assert_as_reference(compiled.compiled_kernel, rows)
    assert_as_reference(compiled.compiled_kernel, rows.flip(1)[::2])


def test_without_a_compiler_it_is_eager_and_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_compiler(tile: torch.Tensor) -> tuple[torch.Tensor, ...]:
        raise RuntimeError("no C++ compiler found\nsecond line")

    monkeypatch.setattr(torch, "compile", lambda function, **options: no_compiler)
    compiled.compiled_sums.cache_clear()
    rows = awkward_rows(10, torch.float32)
    with caplog.at_level(logging.WARNING):
        assert_as_reference(compiled.compiled_kernel, rows)
        compiled.compiled_kernel(rows, Thresholds(), EVERY)
    compiled.compiled_sums.cache_clear()
    assert [record.getMessage() for record in caplog.records] == [
        "statistics are computed without a compiler: no C++ compiler found"
    ]


def test_kernels_are_refused_where_they_cannot_run() -> None:
    with pytest.raises(BenchmarkError, match="needs a CUDA device"):
        choose_kernel("triton", torch.device("cpu"))
    with pytest.raises(BenchmarkError, match="is for a CPU"):
        choose_kernel("compiled", torch.device("cuda"))
    assert choose_kernel("auto", torch.device("cpu")) is choose_kernel("eager", torch.device("cpu"))
