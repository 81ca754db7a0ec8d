import logging

import pytest
import torch

from benchmark.activations.group import Thresholds
from benchmark.activations.kernels import KERNELS
from benchmark.activations.sequences import Sequences
from benchmark.activations.statistics import moments
from tests.activations.kernels.rows import EVERY, assert_as_reference, awkward_rows, in_sequences, shared

compiled = KERNELS["compiled"]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dtype"), [(65, torch.bfloat16)], ids=str)
def test_awkward_rows_in_several_tiles(width: int, dtype: torch.dtype) -> None:
    if moments.compiled_sums(width, dtype) is None:
        pytest.skip("no compiler")
    rows = awkward_rows(width, dtype).repeat(11, 1)
    sequences = in_sequences(len(rows))
    assert len(sequences.row) > moments.TILE_ROWS
    assert len(sequences.row) % moments.TILE_ROWS
    assert_as_reference(compiled, rows, sequences=sequences)
    assert_as_reference(compiled, rows, sequences=shared(len(rows)))
    assert_as_reference(compiled, rows.flip(1)[::2])


def test_without_a_compiler_it_is_eager_and_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_compiler(tile: torch.Tensor) -> tuple[torch.Tensor, ...]:
        raise RuntimeError("no C++ compiler found\nsecond line")

    monkeypatch.setattr(torch, "compile", lambda function, **options: no_compiler)
    moments.compiled_sums.cache_clear()
    rows = awkward_rows(10, torch.float32)
    with caplog.at_level(logging.WARNING):
        assert_as_reference(compiled, rows)
        compiled(rows, Sequences.alone(rows), Thresholds(), EVERY)
    moments.compiled_sums.cache_clear()
    assert [record.getMessage() for record in caplog.records] == [
        "statistics are computed without a compiler: no C++ compiler found"
    ]
