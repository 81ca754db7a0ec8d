"""GGUF files become the model that they were made from, or are refused in one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGMLQuantizationType, GGUFReader, dequantize
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from benchmark.errors import BenchmarkError
from benchmark.hashing import sha256_file
from benchmark.models.gguf import conversion, convert, find_conversion
from benchmark.models.gguf.architectures import ARCHITECTURES
from benchmark.models.gguf.rope import llama3_factors
from tests.models.gguf.files import CONFIGS, interleaved, stored, write_gguf

pytestmark = pytest.mark.usefixtures("cache")
IDS = torch.arange(2, 62)[None]


def converted(path: Path) -> Path:
    return convert(path, sha256_file(path)).folder


def logits(folder: Path) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        found: torch.Tensor = model(IDS).logits
    return found


def plain(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(IDS).logits
    return found


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_logits_are_those_of_the_model_in_the_file(architecture: str, tied: bool, tmp_path: Path) -> None:
    model = write_gguf(tmp_path / "m.gguf", architecture, tie_word_embeddings=tied)
    torch.testing.assert_close(logits(converted(tmp_path / "m.gguf")), plain(model), rtol=1e-5, atol=1e-5)


def test_every_architecture_is_tried() -> None:
    assert set(CONFIGS) == set(ARCHITECTURES)


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1"])
def test_every_tensor_is_what_gguf_and_transformers_dequantise(kind: str, tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", quantisation=GGMLQuantizationType[kind])
    folder = converted(tmp_path / "m.gguf")
    found = load_file(folder / "model.safetensors")
    reader = {tensor.name: tensor for tensor in GGUFReader(tmp_path / "m.gguf").tensors}
    model = AutoModelForCausalLM.from_pretrained(folder)
    places = stored(model, "llama")
    assert set(places) == set(reader)
    for name, tensor in reader.items():
        np.testing.assert_array_equal(places[name], dequantize(tensor.data, tensor.tensor_type), err_msg=name)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="m.gguf", dtype=torch.float32).state_dict()
    assert set(theirs) == set(found)
    for name, tensor in found.items():
        assert torch.equal(tensor, theirs[name]), name


def test_the_interleaving_of_a_head() -> None:
    rows = np.arange(8, dtype=np.float32)[:, None]
    assert interleaved(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


@pytest.mark.parametrize("factor", [8.0, 32.0])
def test_the_scaling_of_llama_3_is_read_off_its_tensor(factor: float, tmp_path: Path) -> None:
    rope = {
        "rope_type": "llama3",
        "rope_theta": 500000.0,
        "factor": factor,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    factors = llama3_factors(500000.0, 16, factor).astype(np.float32)
    model = write_gguf(tmp_path / "m.gguf", rope_parameters=rope, tensors={"rope_freqs.weight": factors})
    folder = converted(tmp_path / "m.gguf")
    assert json.loads((folder / "config.json").read_text())["rope_parameters"] == rope
    torch.testing.assert_close(logits(folder), plain(model), rtol=1e-5, atol=1e-5)
    unscaled = write_gguf(tmp_path / "n.gguf", rope_parameters={"rope_type": "default", "rope_theta": 500000.0})
    assert (plain(unscaled) - plain(model)).abs().max() > 1e-3  # dropping the tensor would show


def test_linear_scaling_is_that_of_transformers(tmp_path: Path) -> None:
    rope = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}
    keys = {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0}
    model = write_gguf(tmp_path / "m.gguf", keys=keys, rope_parameters=rope)
    torch.testing.assert_close(logits(converted(tmp_path / "m.gguf")), plain(model), rtol=1e-5, atol=1e-5)


def test_it_is_converted_once_and_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_gguf(tmp_path / "m.gguf", quantisation=GGMLQuantizationType.Q4_1)
    digest = sha256_file(tmp_path / "m.gguf")
    first = convert(tmp_path / "m.gguf", digest)
    assert (first.licence, first.gguf["sha256"], first.gguf["quantisation"]["F32"]) == ("mit", digest, 5)
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(conversion, "_write", None)
        assert convert(tmp_path / "m.gguf", digest) == first
    (first.folder / "model.safetensors").write_bytes(b"damaged")
    assert find_conversion(digest) is None
    again = convert(tmp_path / "m.gguf", digest)
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == before


def test_large_models_are_written_in_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write_gguf(tmp_path / "m.gguf")
    monkeypatch.setattr(conversion, "SHARD", 50_000)
    folder = converted(tmp_path / "m.gguf")
    assert len([*folder.glob("model-*-of-*.safetensors")]) > 2
    torch.testing.assert_close(logits(folder), plain(model), rtol=1e-5, atol=1e-5)


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    write_gguf(tmp_path / "m.gguf")

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(conversion, "_save", full)
        with pytest.raises(BenchmarkError, match="is full: make room, or set ICL_BENCHMARK_CACHE"):
            converted(tmp_path / "m.gguf")
    assert not list((cache / "gguf").iterdir())
    converted(tmp_path / "m.gguf")


EMPTY = np.zeros(8, dtype=np.float32)
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a pre-tokenizer": ({"pre": "deepseek-coder"}, "its pre-tokenizer 'deepseek-coder' is not known exactly"),
    "no pre-tokenizer": ({"keys": {"tokenizer.ggml.pre": None}}, "its pre-tokenizer '' is not known exactly"),
    "sentencepiece": ({"keys": {"tokenizer.ggml.model": "llama"}}, "only byte-level byte pairs"),
    "an EOS after texts": ({"keys": {"tokenizer.ggml.add_eos_token": True}}, "asks for EOS after every text"),
    "a scaling": ({"keys": {"llama.rope.scaling.type": "yarn"}}, "scales its positions by 'yarn'"),
    "another tensor of scaling": (
        {"tensors": {"rope_freqs.weight": np.linspace(1, 3, 8, dtype=np.float32)}},
        "is not the scaling of Llama 3",
    ),
    "an unknown key": ({"keys": {"llama.attention.scale": 0.5}}, r"has the key llama\.attention\.scale = 0\.5"),
    "experts": ({"keys": {"llama.expert_count": 8}}, r"has the key llama\.expert_count = 8"),
    "a tensor missing": ({"tensors": {"blk.1.ffn_up.weight": None}}, r"lacks the tensor blk\.1\.ffn_up\.weight"),
    "a bias missing": ({"architecture": "qwen2", "tensors": {"blk.0.attn_k.bias": None}}, r"blk\.0\.attn_k\.bias"),
    "a tensor left over": ({"tensors": {"blk.0.attn_sinks.weight": EMPTY}}, r"no place for: blk\.0\.attn_sinks"),
    "another shape": ({"tensors": {"output_norm.weight": EMPTY}}, r"output_norm\.weight is \(8,\), where .* \(64,\)"),
    "a key missing": ({"keys": {"llama.embedding_length": None}}, r"has no key llama\.embedding_length"),
    "a part of several": ({"keys": {"split.count": 3}}, "is one of 3 parts"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_known_exactly_is_refused(case: str, tmp_path: Path, cache: Path) -> None:
    made, line = REFUSED[case]
    write_gguf(tmp_path / "m.gguf", **made)
    with pytest.raises(BenchmarkError, match=line):
        converted(tmp_path / "m.gguf")
    assert not list((cache / "gguf").iterdir())


def test_another_architecture(tmp_path: Path) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(tmp_path / "m.gguf", "mamba")
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    with pytest.raises(BenchmarkError, match=r"architecture 'mamba', which is not converted \(only gpt2, llama"):
        converted(tmp_path / "m.gguf")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_file_that_is_cut_off(share: float, tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf")
    content = (tmp_path / "m.gguf").read_bytes()
    (tmp_path / "m.gguf").write_bytes(content[: int(share * len(content))])
    with pytest.raises(BenchmarkError, match=re.escape("m.gguf is not a whole GGUF file")):
        converted(tmp_path / "m.gguf")
