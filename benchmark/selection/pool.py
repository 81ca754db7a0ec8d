"""What a selector may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import BenchmarkError

Rows = Any  # rows of features: a floating array, or a scipy.sparse.csr_array, which has no type hints
Members = NDArray[np.int64]


class UndefinedError(Exception):
    """A selector that cannot choose from this pool; the message is the reason."""


@dataclass(frozen=True)
class Features:
    """Rows of length one (or zero, where a text has no feature), so that a product of two is their cosine.

    `candidates` [n, d]; `queries` [j, d], those set aside, and `asked` [q, d], those that judge, or None where the
    features exist for candidates alone.
    """

    candidates: Rows
    queries: Rows | None = None
    asked: Rows | None = None


@dataclass(frozen=True)
class RandomSets:
    """Random sets that were scored: `members` int64 [set, k], `performance` float64 [set, j], set aside."""

    members: Members
    performance: NDArray[np.float64]


@dataclass(frozen=True)
class Dictionary:
    """What a sparse autoencoder says of the candidates' inputs.

    `loss` float64 [n]: how badly it reconstructs them; `features` scipy.sparse.csr_array bool [n, width]: which of its
    features are at work in them.
    """

    loss: NDArray[np.float64]
    features: Rows


@dataclass(frozen=True)
class Prompts:
    """Prompts that a selector wants run before it chooses, p of them.

    Prompt i has the demonstrations `members[i]` (int64 [p, k], pool indices in prompt order; k may be 0) and then the
    input of example `asked[i]` (int64 [p]) of the pool, or of the judging queries. Their inputs may be read, not their
    targets. `read` says which log-probabilities (nats) to return, float64 [p, c]: of each of its c `choices` after the
    input (NaN where another prompt has more), or of the `input` itself after the demonstrations (c = 1).
    """

    members: Members
    asked: NDArray[np.int64]
    of: Literal["pool", "queries"]
    read: Literal["choices", "input"]


@dataclass(frozen=True)
class Pool:
    """All that a selector may see: the candidates, and the queries set aside for choosing.

    `inputs` are the candidates' inputs, n of them. `scores` float64 [n, mask, statistic] has its axes named by `masks`
    and `statistics`; a mask among `unlabelled_masks` needs no label. `perplexity` and `predictive_entropy` are
    float64 [n], zero-shot. `query_inputs` and `gain` float64 [n, j] belong to the j queries set aside; `gain` is None,
    and `random_sets` is empty, for a pool without labels. `n_choices` is the number of labels, 0 for a generative task.

    `feature_names` are the features that selectors choose by; `embeddings` holds those that a model computed.
    `dictionaries` are the model's, by site; empty where it has none.
    `asked_inputs` are the inputs of the queries that judge: only a selector that chooses for each query is given them.
    `prompts` and `answers` (float64 [p, c]) are what a selector planned, and what the model said.
    """

    inputs: tuple[str, ...]
    scores: NDArray[np.float64]
    masks: tuple[str, ...]
    statistics: tuple[str, ...]
    unlabelled_masks: tuple[str, ...]
    perplexity: NDArray[np.float64]
    predictive_entropy: NDArray[np.float64]
    query_inputs: tuple[str, ...]
    gain: NDArray[np.float64] | None
    random_sets: tuple[RandomSets, ...] = ()
    n_choices: int = 0
    feature_names: tuple[str, ...] = ("tfidf",)
    embeddings: Mapping[str, Features] = field(default_factory=dict)
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)
    asked_inputs: tuple[str, ...] = ()
    prompts: Prompts | None = None
    answers: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def require(self, k: int) -> None:
        """Raises `BenchmarkError` unless k candidates can be chosen."""
        if not 1 <= k <= len(self):
            raise BenchmarkError(
                f"cannot choose {k} candidates out of {len(self)}: set shots between 1 and {len(self)}"
            )

    def without_asked(self) -> Pool:
        """The same pool, and nothing about the queries that judge."""
        embeddings = {name: replace(features, asked=None) for name, features in self.embeddings.items()}
        return replace(self, asked_inputs=(), embeddings=embeddings)

    def take(self, kept: NDArray[np.int64]) -> Pool:
        """The pool of the candidates `kept` alone, in that order; without `random_sets` and `answers`."""
        return replace(
            self,
            inputs=tuple(self.inputs[i] for i in kept),
            scores=self.scores[kept],
            perplexity=self.perplexity[kept],
            predictive_entropy=self.predictive_entropy[kept],
            gain=None if self.gain is None else self.gain[kept],
            random_sets=(),
            embeddings={
                name: replace(features, candidates=features.candidates[kept])
                for name, features in self.embeddings.items()
            },
            dictionaries={
                site: Dictionary(own.loss[kept], own.features[kept]) for site, own in self.dictionaries.items()
            },
            prompts=None,
            answers=None,
        )

    def shuffled(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """A random order of the candidates, int64 [n], that does not depend on the order in which the pool has them.

        An algorithm that runs on candidates in this order, and takes the first where several are equal, breaks ties
        fairly.
        """
        by_text = sorted(range(len(self)), key=self.inputs.__getitem__)
        return np.array(by_text, dtype=np.int64)[generator.permutation(len(self))]
