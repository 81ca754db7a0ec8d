"""What a dictionary's features say of each candidate: five numbers, for each site and for two spans of its tokens.

sae_loss       mean over tokens of the squared distance from the reconstruction (`Autoencoder.errors`)
sae_l0         mean over tokens of the number of features at work
sae_largest    the largest activation of any feature at any token
sae_novelty    1 - the cosine to the nearest other candidate, by the largest activation of each feature
sae_coverage   the share of all features at work in the pool that are at work in the candidate

Under `causal` all tokens count, under `input` those of the input, which an unlabelled pool has; never position 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from benchmark.artefacts.features import STATISTICS, FeatureScores
from benchmark.errors import BenchmarkError
from benchmark.sae.activations import SKIPPED, Reader, Site
from benchmark.sae.autoencoder import Autoencoder
from benchmark.tasks.example import Example
from benchmark.tasks.tokens import Tokens, tokenize_example

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.models.budget import Budget

MASKS = ("causal", "input")
"""By the mask strategies of extraction that pool the same tokens of the same pass."""
BLOCK = 1000
"""Candidates that are compared with all others at a time; it bounds memory."""


def score(
    reader: Reader, autoencoders: Mapping[Site, Autoencoder], examples: Sequence[Example], budget: Budget
) -> FeatureScores:
    """The scores of the candidates `examples`, in their order.

    Raises `BenchmarkError` for a candidate that is too long for the model, or has no input token after position 0.
    """
    loaded = reader.loaded
    tokens = [tokenize_example(loaded.tokenizer, example, bos=loaded.add_bos) for example in examples]
    for example, entry in zip(examples, tokens, strict=True):
        if len(entry) > reader.decoder.context:
            raise BenchmarkError(f"candidate {example.id} has {len(entry)} tokens, more than model {loaded.name} reads")
        if entry.n_input <= SKIPPED:
            raise BenchmarkError(f"candidate {example.id} has no input token after position 0: drop it from the pool")
    scores = np.empty((len(examples), len(reader.sites), len(MASKS), len(STATISTICS)))
    found: dict[tuple[int, int, int], tuple[NDArray[np.int64], NDArray[np.float32]]] = {}
    for index, rows in reader.read([entry.ids for entry in tokens], budget):
        for s, site in enumerate(reader.sites):
            of_tokens = _of_tokens(autoencoders[site], rows[site])
            for m, span in enumerate(spans(tokens[index])):
                largest = of_tokens[1][span].max(axis=0)
                at_work = largest.nonzero()[0]
                found[s, m, index] = at_work, largest[at_work]
                scores[index, s, m, :3] = _means(*(each[span] for each in of_tokens))
    n, order = len(examples), sorted(found)
    starts = np.cumsum([0, *(len(found[key][0]) for key in order)])
    indices, values = (np.concatenate([found[key][part] for key in order]) for part in (0, 1))
    whole = csr_array((values, indices, starts), shape=(len(order), next(iter(autoencoders.values())).width))
    for block, (s, m) in enumerate(np.ndindex(len(reader.sites), len(MASKS))):
        features = whole[block * n : (block + 1) * n]
        scores[:, s, m, 3] = novelty(features)
        scores[:, s, m, 4] = coverage(features)
    return FeatureScores(
        scores=scores,
        candidates=np.array([example.id for example in examples], dtype=np.str_),
        sites=np.array(reader.sites, dtype=np.str_),
        masks=np.array(MASKS, dtype=np.str_),
        statistics=np.array(STATISTICS, dtype=np.str_),
        values=whole.data,
        indices=whole.indices.astype(np.int32),
        starts=whole.indptr.astype(np.int64),
        width=np.array(whole.shape[1], dtype=np.int64),
    )


def spans(tokens: Tokens) -> tuple[slice, slice]:
    """Of a candidate's rows, which start behind position 0, those that each of `MASKS` pools."""
    return slice(0, len(tokens) - SKIPPED), slice(0, tokens.n_input - SKIPPED)


def _of_tokens(autoencoder: Autoencoder, rows: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The error [token] and the features [token, width] of each token."""
    features = autoencoder.encode(rows)
    return autoencoder.errors(rows, features).cpu().numpy(), features.cpu().numpy()


def _means(errors: NDArray[np.float32], features: NDArray[np.float32]) -> tuple[float, float, float]:
    """`sae_loss`, `sae_l0` and `sae_largest`."""
    return float(errors.mean(dtype=np.float64)), float((features > 0).sum(axis=1).mean()), float(features.max())


def novelty(features: csr_array[Any]) -> NDArray[np.float64]:
    """1 - the cosine of each row [candidate, feature] to the nearest other one: 1 with no feature, or no other row."""
    values = features.astype(np.float64)
    lengths = np.sqrt(values.multiply(values).sum(axis=1))
    rows = csr_array(values / np.maximum(lengths, np.finfo(np.float64).tiny)[:, None])
    nearest: NDArray[np.float64] = np.zeros(rows.shape[0])
    for start in range(0, len(nearest), BLOCK):
        cosine = (rows[start : start + BLOCK] @ rows.T).toarray()
        cosine[np.arange(len(cosine)), np.arange(start, start + len(cosine))] = 0.0
        nearest[start : start + BLOCK] = cosine.max(axis=1)
    apart: NDArray[np.float64] = 1 - np.round(nearest, 7)  # a duplicate is at 0 on any processor
    return apart


def coverage(features: csr_array[Any]) -> NDArray[np.float64]:
    """The share of the features at work in any row [candidate, feature] that are at work in each."""
    used = len(np.unique(features.indices))
    counts: NDArray[np.float64] = np.diff(features.indptr) / max(used, 1)
    return counts
