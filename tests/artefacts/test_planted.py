from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.artefacts.planted import read_planted, write_planted
from benchmark.errors import BenchmarkError
from benchmark.storage import write_table

TABLE = pd.DataFrame(
    {"model": ["m"], "mask": ["causal"], "statistic": ["max_abs"], "layer": [0], "before": [1.0], "after": [2.0]}
)


def test_it_comes_back(tmp_path: Path) -> None:
    write_planted(tmp_path / "m.csv", TABLE)
    pd.testing.assert_frame_equal(read_planted(tmp_path / "m.csv"), TABLE)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE.drop(columns="before"), "lacks the column before"),
        (TABLE.assign(after=np.nan), "not finite"),
        (TABLE.assign(before="x"), "not finite"),
    ],
)
def test_a_bad_table_is_named(tmp_path: Path, table: pd.DataFrame, message: str) -> None:
    write_table(tmp_path / "m.csv", table)
    with pytest.raises(BenchmarkError, match=message):
        read_planted(tmp_path / "m.csv")
