"""Does a model learn in context? Its accuracy at 0, 1, 2, 4 and 8 shots, for each family, on seen and held-out words.

    competence(model, tokenizer, seed=0) -> DataFrame[family, kind, split, shots, n, accuracy]

Classification counts the choice of the highest log-probability; a generative answer counts where greedy decoding would
write exactly the target and then stop, which teacher forcing tells in one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from benchmark.tasks.dataset import Dataset
from benchmark.tasks.embedded import FAMILIES, build_dataset
from benchmark.tasks.embedded.lexicon import SPLITS
from benchmark.tasks.example import Example
from benchmark.tasks.tokens import tokenize

SHOTS = (0, 1, 2, 4, 8)
N_POOL = 24  # candidates of each small dataset
N_QUERIES = 12
BATCH = 128


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids of a prompt and its answer; the last `n_answer` of them are scored."""

    ids: tuple[int, ...]
    n_answer: int


def build_prompt(
    tokenizer: PreTrainedTokenizerBase, dataset: Dataset, shots: Sequence[Example], query: Example, answer: str
) -> Prompt:
    before = "".join(shot.input + shot.target + dataset.separator for shot in shots) + query.input
    tokens = tokenize(tokenizer, before, answer, bos=True)
    return Prompt(tokens.ids, tokens.n_target)


def score_prompts(
    model: Any, prompts: Sequence[Prompt], pad_id: int, batch: int = BATCH
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """For each prompt: the summed log-probability of its answer, and whether every answer token is the likeliest.

    Prompts are sorted by length and padded on the right, where causal attention cannot look.
    """
    log_probability = np.zeros(len(prompts))
    greedy = np.zeros(len(prompts), dtype=bool)
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i].ids))
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        width = max(len(prompts[i].ids) for i in chosen)
        ids = torch.full((len(chosen), width), pad_id)
        answer = torch.zeros((len(chosen), width), dtype=torch.bool)
        for row, i in enumerate(chosen):
            length = len(prompts[i].ids)
            ids[row, :length] = torch.tensor(prompts[i].ids)
            answer[row, length - prompts[i].n_answer : length] = True
        with torch.inference_mode():
            logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
        following, counted = ids[:, 1:], answer[:, 1:]
        token = logits.log_softmax(-1).gather(-1, following[..., None])[..., 0]
        log_probability[chosen] = torch.where(counted, token, 0.0).double().sum(1).numpy()
        greedy[chosen] = ((logits.argmax(-1) == following) | ~counted).all(1).numpy()
    return log_probability, greedy


def accuracy_at(
    model: Any, tokenizer: PreTrainedTokenizerBase, dataset: Dataset, shots: int, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Whether each query is answered rightly after `shots` demonstrations, drawn for it from the pool."""
    demonstrations = [
        [dataset.pool[i] for i in generator.permutation(len(dataset.pool))[:shots]] for _ in dataset.queries
    ]
    if dataset.kind == "generative":
        prompts = [
            build_prompt(tokenizer, dataset, shown, query, query.target + dataset.stop)
            for shown, query in zip(demonstrations, dataset.queries, strict=True)
        ]
        return score_prompts(model, prompts, tokenizer.pad_token_id)[1]
    prompts = [
        build_prompt(tokenizer, dataset, shown, query, choice)
        for shown, query in zip(demonstrations, dataset.queries, strict=True)
        for choice in query.choices
    ]
    scores = score_prompts(model, prompts, tokenizer.pad_token_id)[0].reshape(len(dataset.queries), -1)
    gold = np.array([query.gold for query in dataset.queries])
    return np.asarray(scores.argmax(1) == gold)


def _cells() -> Iterator[tuple[str, Any]]:
    for name in FAMILIES:
        for split in SPLITS:
            yield name, split


def competence(
    model: Any, tokenizer: PreTrainedTokenizerBase, seed: int = 0, tasks: int = 24, shots: Sequence[int] = SHOTS
) -> pd.DataFrame:
    """Accuracy over `tasks` tasks of every family, each with `N_QUERIES` queries of its own.

    The tasks are drawn from `seed`, and differ from those of training. The model is left in evaluation mode.
    """
    model.eval()
    records = []
    for name, split in tqdm(list(_cells()), desc="competence", unit="family", disable=None):
        datasets = [build_dataset(f"competence_{i}", name, seed, N_POOL, N_QUERIES, split=split) for i in range(tasks)]
        for k in shots:
            generator = np.random.default_rng([seed, k])
            right = np.concatenate([accuracy_at(model, tokenizer, dataset, k, generator) for dataset in datasets])
            record = {"family": name, "kind": FAMILIES[name].kind, "split": split, "shots": k}
            records.append({**record, "n": right.size, "accuracy": float(right.mean())})
    return pd.DataFrame(records)


def as_markdown(table: pd.DataFrame) -> str:
    """The table for people: a row for each family and split, accuracy in percent at each number of shots."""
    percent = table.assign(accuracy=(100 * table["accuracy"]).round().astype(int))
    wide = percent.pivot_table(index=["family", "kind", "split"], columns="shots", values="accuracy")
    wide = wide.sort_index(level=["kind", "family", "split"], ascending=[True, True, False])
    lines = ["| family | split | " + " | ".join(f"{k} shots" for k in wide.columns) + " |"]
    lines.append("|---|---|" + "--:|" * len(wide.columns))
    for (family, _, split), row in wide.iterrows():
        lines.append(f"| {family} | {split} | " + " | ".join(f"{value:.0f}" for value in row) + " |")
    return "\n".join(lines)
