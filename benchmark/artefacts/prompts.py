"""`data/prompts/M/D.csv`: the prompts that selectors want run; `data/answers/M/D/answers.csv`: what the model said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.storage import read_table, write_table

COLUMNS = ("read", "members", "of", "asked")
ANSWER = "log_probability_"
FILE = "answers.csv"


@dataclass(frozen=True, slots=True, order=True)
class Prompt:
    """Demonstrations, and then the input of one example.

    `members`: indices into the pool, in prompt order. `asked`: an index into the pool or the queries, `of` says which.
    `read`: the log-probability of each of its `choices` after the input, or of the `input` itself.
    """

    read: Literal["choices", "input"]
    members: tuple[int, ...]
    of: Literal["pool", "queries"]
    asked: int


def write_prompts(path: Path, prompts: Sequence[Prompt]) -> None:
    write_table(path, _table(prompts))


def read_prompts(path: Path) -> list[Prompt]:
    return _prompts(read_table(path, COLUMNS, text=("members",)))


def write_answers(folder: Path, prompts: Sequence[Prompt], answers: NDArray[np.floating]) -> None:
    """`answers` [prompt, choice]: nats, NaN where another prompt has more choices; six decimals are kept."""
    columns = {f"{ANSWER}{index}": column for index, column in enumerate(answers.T)}
    write_table(folder / FILE, _table(prompts).assign(**columns))


def read_answers(folder: Path) -> Mapping[Prompt, NDArray[np.float64]]:
    """By prompt, its row of `answers`."""
    table = read_table(folder / FILE, COLUMNS, text=("members",))
    answers = table[[column for column in table.columns if column.startswith(ANSWER)]].to_numpy(np.float64)
    return dict(zip(_prompts(table), answers, strict=True))


def _table(prompts: Sequence[Prompt]) -> pd.DataFrame:
    table = pd.DataFrame([astuple(prompt) for prompt in prompts], columns=list(COLUMNS))
    return table.assign(members=[" ".join(map(str, members)) for members in table["members"]])


def _prompts(table: pd.DataFrame) -> list[Prompt]:
    members = [tuple(map(int, row.split())) for row in table["members"]]
    return [
        Prompt(read, row, of, int(asked))
        for read, row, of, asked in zip(table["read"], members, table["of"], table["asked"], strict=True)
    ]
