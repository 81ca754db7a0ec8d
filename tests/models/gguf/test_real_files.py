"""The real models of the pretrained profile, as they were converted, against their files: every tensor."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader, dequantize
from safetensors import safe_open

from benchmark.models.gguf import find_conversion
from benchmark.params import load_params
from benchmark.sources.models.package import PackageModel
from benchmark.sources.packages import is_cached, open_member
from tests.models.gguf.files import BLOCK, OUTER, interleaved

PROFILE = Path(__file__).parents[3] / "pretrained/params.yaml"
TYPES = {"smollm2": {"Q4_1", "Q8_0", "F32"}, "qwen25": {"Q4_K", "Q5_0", "Q6_K", "Q8_0", "F32"}}


@pytest.mark.slow
@pytest.mark.parametrize("name", TYPES)
def test_every_tensor_is_what_gguf_dequantises(name: str, tmp_path: Path) -> None:
    source = load_params(PROFILE).models[name]
    assert isinstance(source, PackageModel)
    if not all(map(is_cached, source.parts)):
        pytest.skip(f"the packages of {name} are not in the cache: run make pretrained")
    conversion = find_conversion(str(source.sha256))
    if conversion is None:
        pytest.skip(f"{name} has not been converted in this cache: run make pretrained")
    with (tmp_path / "m.gguf").open("wb") as file:
        for part in source.parts:
            with open_member(part) as stream:
                shutil.copyfileobj(stream, file)
    stored = {tensor.name: tensor for tensor in GGUFReader(tmp_path / "m.gguf").tensors}
    assert {tensor.tensor_type.name for tensor in stored.values()} == TYPES[name]
    config = json.loads((conversion.folder / "config.json").read_text())
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    compared = set()
    for path in conversion.folder.glob("*.safetensors"):
        with safe_open(path, "numpy") as tensors:
            for key in tensors.keys():  # noqa: SIM118, it is no dictionary
                part, _, kind = key.rpartition(".")
                _, _, layer, inner = part.split(".", 3) if part not in OUTER else ("", "", "", "")
                tensor = stored[f"{OUTER[part]}.{kind}" if part in OUTER else f"blk.{layer}.{BLOCK[inner]}.{kind}"]
                found = tensors.get_tensor(key)
                if config["model_type"] == "llama" and BLOCK.get(inner) in heads:
                    found = interleaved(found, heads[BLOCK[inner]]).reshape(found.shape)
                np.testing.assert_array_equal(found, dequantize(tensor.data, tensor.tensor_type), err_msg=key)
                compared.add(tensor.name)
    assert compared == set(stored)
