from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from benchmark.errors import BenchmarkError
from benchmark.models.loading import load_model
from benchmark.models.parameters import Shape
from benchmark.models.shape import shape_of
from benchmark.sources.models import ModelSource
from benchmark.sources.models.hub import HubModel
from benchmark.sources.models.local import LocalModel
from tests.hub_server import HubServer, Repository
from tests.hub_server.models import model_repository, train_tokenizer, write_model
from tests.hub_server.server import TOKEN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("llama"), "llama", max_shard_size="20KB")


@pytest.fixture(scope="module")
def qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("qwen2"), "qwen2", tie_word_embeddings=True)


def source(repository: Repository, **more: Any) -> HubModel:
    return HubModel(source="hub", repository=repository.name, revision=repository.revision, **more)


def fetch_model(name: str, source: ModelSource, folder: Path) -> None:
    source.fetch(name, folder, folder.with_name(f"{folder.name}-work"))


def edited(folder: Path, to: Path, file: str, change: dict[str, Any]) -> Path:
    """A copy of a model folder with keys of one JSON file set, or removed where they are None."""
    shutil.copytree(folder, to)
    content = json.loads((to / file).read_text()) | change
    (to / file).write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return to


def test_a_sharded_gated_model_is_fetched_described_and_runs(
    hub: HubServer, llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    repository = hub.publish(model_repository(llama, "meta/llama", licence="llama3.2", gated=True))
    fetch_model("m", source(repository), tmp_path / "m")
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text())
    shards = [name for name in manifest["files"] if name.endswith(".safetensors")]
    assert len(shards) > 1
    assert {name: file["bytes"] for name, file in manifest["files"].items()} == {
        name: repository.size(name) for name in manifest["files"]
    }
    assert all(manifest["files"][name]["sha256"] == repository.etags[name] for name in shards)
    assert (manifest["licence"], manifest["architecture"], manifest["add_bos"]) == ("llama3.2", "llama", True)
    assert str(tmp_path) not in json.dumps(manifest)  # the same bytes on another machine

    loaded = load_model(tmp_path / "m", "cpu")
    reference = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32).eval()
    ids = torch.tensor([loaded.tokenizer("a river")["input_ids"]])
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(ids).logits, reference(ids).logits)
    assert loaded.tokenizer.pad_token_id == loaded.tokenizer.eos_token_id  # it has no pad token of its own


def test_a_model_that_adds_no_bos(hub: HubServer, qwen2: Path, tmp_path: Path) -> None:
    repository = hub.publish(model_repository(qwen2, "q/qwen"))
    fetch_model("m", source(repository), tmp_path / "m")
    assert load_model(tmp_path / "m", "cpu").add_bos is False
    with pytest.raises(BenchmarkError, match="add_bos is true, but its tokenizer has no BOS"):
        fetch_model("m", source(repository, add_bos=True), tmp_path / "m")


def test_a_local_folder_is_a_source(llama: Path, tmp_path: Path) -> None:
    fetch_model("m", LocalModel(source="local", path=str(llama), add_bos=False, licence="ours"), tmp_path / "m")
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text())
    assert (manifest["source"], manifest["path"], manifest["licence"]) == ("local", str(llama), "ours")
    assert load_model(tmp_path / "m", "cpu").add_bos is False


def test_a_local_folder_must_be_whole(llama: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="is not a folder"):
        fetch_model("m", LocalModel(source="local", path=str(tmp_path / "none")), tmp_path / "m")
    copy = shutil.copytree(llama, tmp_path / "copy")
    next(copy.glob("*.safetensors")).unlink()
    with pytest.raises(BenchmarkError, match=r"its index names .*safetensors, which is missing"):
        fetch_model("m", LocalModel(source="local", path=str(copy)), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_pickles_are_refused_before_anything_is_fetched(hub: HubServer, llama: Path, tmp_path: Path) -> None:
    repository = model_repository(llama, "meta/old")
    repository.files = {name: content for name, content in repository.files.items() if "safetensors" not in name} | {
        "pytorch_model.bin": b"\x80\x04"
    }
    hub.publish(repository)
    with pytest.raises(BenchmarkError, match="holds weights as pickle only"):
        fetch_model("m", source(repository), tmp_path / "m")
    assert not any("/resolve/" in path for path in hub.paths())


@pytest.mark.parametrize("known_type", [False, True])
def test_remote_code_is_refused_before_the_weights_are_fetched(
    hub: HubServer, llama: Path, tmp_path: Path, known_type: bool
) -> None:
    change: dict[str, Any] = {"auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}}
    change["model_type"] = "vit" if known_type else "something_new"
    folder = edited(llama, tmp_path / "copy", "config.json", change)
    (folder / "code.py").write_text("raise SystemExit('was executed')\n")
    repository = hub.publish(model_repository(folder, "some/one"))
    with pytest.raises(BenchmarkError, match="needs code from its repository to run, which is never executed"):
        fetch_model("m", source(repository), tmp_path / "m")
    assert not any(path.endswith(".safetensors") for path in hub.paths())
    assert not any(path.endswith(".py") for path in hub.paths())


def test_remote_code_beside_a_known_architecture_is_not_used(hub: HubServer, llama: Path, tmp_path: Path) -> None:
    change = {"auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}}
    repository = hub.publish(model_repository(edited(llama, tmp_path / "copy", "config.json", change), "some/one"))
    fetch_model("m", source(repository), tmp_path / "m")
    assert type(load_model(tmp_path / "m", "cpu").model).__module__.startswith("transformers.models.llama")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"model_type": "something_new"}, "does not know model type 'something_new'"),
        ({"model_type": "vit"}, "'vit' is not a causal language model"),
    ],
)
def test_models_that_cannot_serve(
    hub: HubServer, llama: Path, tmp_path: Path, change: dict[str, Any], line: str
) -> None:
    repository = hub.publish(model_repository(edited(llama, tmp_path / "copy", "config.json", change), "some/one"))
    with pytest.raises(BenchmarkError, match=line):
        fetch_model("m", source(repository), tmp_path / "m")


def test_mlp_modules_that_cannot_be_found_are_told_before_the_weights_are_fetched(
    hub: HubServer, llama: Path, tmp_path: Path
) -> None:
    repository = hub.publish(model_repository(llama, "meta/llama"))
    with pytest.raises(BenchmarkError, match=r"mlp"):
        fetch_model("m", source(repository, mlp="no_such_module"), tmp_path / "m")
    assert not any(path.endswith(".safetensors") for path in hub.paths())
    fetch_model("m", source(repository, mlp=r"layers\.\d+\.mlp"), tmp_path / "m")


def test_a_tokenizer_with_nothing_to_pad_with(llama: Path, tmp_path: Path) -> None:
    gone = {"bos_token": None, "eos_token": None, "unk_token": None, "pad_token": None}
    folder = edited(llama, tmp_path / "copy", "tokenizer_config.json", gone)
    assert AutoTokenizer.from_pretrained(folder).eos_token is None
    with pytest.raises(BenchmarkError, match="neither a pad token nor one to stand in"):
        fetch_model("m", LocalModel(source="local", path=str(folder)), tmp_path / "m")


def test_a_model_without_a_tokenizer(llama: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(llama, tmp_path / "copy", ignore=shutil.ignore_patterns("tokenizer*", "special*"))
    with pytest.raises(BenchmarkError, match=r"tokenizer in .* (cannot be loaded|gives no character offsets)"):
        fetch_model("m", LocalModel(source="local", path=str(folder)), tmp_path / "m")


def test_a_shape_that_is_not_the_models(llama: Path, tmp_path: Path) -> None:
    shape = shape_of(AutoConfig.from_pretrained(llama))
    fetch_model("m", LocalModel(source="local", path=str(llama), shape=shape), tmp_path / "m")
    with pytest.raises(BenchmarkError, match=r"shape\.layers is 28 in the parameters, but 2"):
        fetch_model(
            "m",
            LocalModel(source="local", path=str(llama), shape=shape.model_copy(update={"layers": 28})),
            tmp_path / "m",
        )


def test_a_failed_fetch_leaves_the_last_manifest(hub: HubServer, llama: Path, tmp_path: Path) -> None:
    repository = hub.publish(model_repository(llama, "meta/llama"))
    fetch_model("m", source(repository), tmp_path / "m")
    before = (tmp_path / "m" / "manifest.json").read_bytes()
    shutil.rmtree(constants.HF_HUB_CACHE)
    hub.fail(r"safetensors$", status=500, times=99)
    with pytest.raises(BenchmarkError, match="fails with 500"):
        fetch_model("m", source(repository), tmp_path / "m")
    assert (tmp_path / "m" / "manifest.json").read_bytes() == before


def test_weights_that_left_the_cache_are_asked_for_by_name(hub: HubServer, llama: Path, tmp_path: Path) -> None:
    repository = hub.publish(model_repository(llama, "meta/llama"))
    fetch_model("m", source(repository), tmp_path / "m")
    manifest = json.loads((tmp_path / "m" / "manifest.json").read_text())
    shard = next(name for name in manifest["files"] if name.endswith(".safetensors"))
    cached = next(Path(constants.HF_HUB_CACHE).rglob(shard))
    content = cached.read_bytes()
    os.truncate(cached.resolve(), 100)
    with pytest.raises(BenchmarkError, match="not the file that was verified: run `python -m benchmark model m`"):
        load_model(tmp_path / "m", "cpu")
    fetch_model("m", source(repository), tmp_path / "m")
    assert cached.read_bytes() == content
    load_model(tmp_path / "m", "cpu")


def test_offline_gives_the_same_manifest(
    hub: HubServer, llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = hub.publish(model_repository(llama, "meta/llama"))
    fetch_model("m", source(repository), tmp_path / "online")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    before = len(hub.requests)
    fetch_model("m", source(repository), tmp_path / "offline")
    assert len(hub.requests) == before
    online, offline = ((tmp_path / kind / "manifest.json").read_bytes() for kind in ("online", "offline"))
    assert online == offline


ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {"head_dim": 8},
    "mistral": {},
    "gemma": {"head_dim": 16},
    "gemma2": {"head_dim": 16},
    "olmo": {},
    "olmo2": {},
    "gpt_neox": {},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "opt": {"ffn_dim": 48, "word_embed_proj_dim": 32},
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_shape_of_a_config_is_that_of_the_weights(architecture: str) -> None:
    common = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 64, "pad_token_id": 0}
    own = ARCHITECTURES[architecture]
    if architecture not in ("gpt2", "opt"):
        common["intermediate_size"] = 48
    if architecture not in ("gpt2", "opt", "gpt_neox"):
        common["num_key_value_heads"] = 2
    if architecture == "gpt2":
        common = {"vocab_size": 64}
    config = AutoConfig.for_model(architecture, **common | own)
    shape = shape_of(config)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    sizes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    mlp = [
        sorted(size)
        for name, size in sizes.items()
        if len(size) == 2 and "layers.0." in name.replace("h.0.", "layers.0.") and {32, shape.intermediate} == set(size)
    ]
    assert shape.layers == 2
    assert shape.hidden == 32
    assert len(mlp) == (3 if shape.gated_mlp else 2), sizes
    assert shape.vocabulary == model.get_input_embeddings().weight.shape[0]
    if architecture not in ("gpt2", "opt", "gpt_neox"):
        key = next(size for name, size in sizes.items() if name.endswith("k_proj.weight"))
        assert key[0] == shape.kv_heads * shape.head_dim
    assert shape.tied == (model.get_output_embeddings().weight is model.get_input_embeddings().weight)


def test_the_real_layouts_of_the_vocabulary() -> None:
    llama, qwen = train_tokenizer("llama", 128000), train_tokenizer("qwen2", 151643)
    assert llama.bos_token_id == 128000
    assert qwen.eos_token_id == 151643
    assert llama("a")["input_ids"][0] == 128000
    assert qwen.bos_token_id is None
    for tokenizer in (llama, qwen):
        assert tokenizer.decode(tokenizer("Zürich 😀", add_special_tokens=False)["input_ids"]) == "Zürich 😀"


def test_shape_parameters_refuse_nonsense() -> None:
    with pytest.raises(ValueError, match="layers"):
        Shape(layers=0, hidden=1, intermediate=1, heads=1, kv_heads=1, head_dim=1, vocabulary=1, tied=True)
