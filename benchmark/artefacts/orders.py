"""`data/labels/M/D/orders.csv`: in what order selectors had candidates labelled that asked the model in each round."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.storage import read_table, write_table

FILE = "orders.csv"
NAMED = ("selector", "direction", "mask", "features")
COLUMNS = (*NAMED, "candidates")


def write_orders(folder: Path, rows: Sequence[dict[str, str]], orders: Sequence[NDArray[np.int64]]) -> None:
    """`rows`: what names the selector; `orders`: indices into the pool as they were labelled, int64 [labels] each."""
    texts = [" ".join(map(str, order.tolist())) for order in orders]
    table = pd.DataFrame(rows, columns=list(NAMED)).assign(candidates=texts)
    write_table(folder / FILE, table)


def read_orders(folder: Path) -> list[tuple[dict[str, str], NDArray[np.int64]]]:
    """Of each selector its names and its order, int64 [labels]."""
    table = read_table(folder / FILE, COLUMNS, text=COLUMNS)
    orders = [np.array(text.split(), dtype=np.int64) for text in table["candidates"]]
    return list(zip(table[list(NAMED)].to_dict("records"), orders, strict=True))
