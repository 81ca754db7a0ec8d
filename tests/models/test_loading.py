"""Loading: a checkpoint is whole or refused, whatever a tokenizer puts first is kept, and padding is a row there is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from benchmark.errors import BenchmarkError
from benchmark.models.loading import LoadedModel, load_model, prefix_of
from benchmark.sources.models.local import LocalModel
from tests.hub_server.models import train_tokenizer, write_model


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("llama"), "llama")


def fetched(folder: Path, to: Path, **more: Any) -> Path:
    LocalModel(source="local", path=str(folder), **more).fetch("m", to, to.with_name("work"))
    return to


def changed(folder: Path, to: Path, change: Any) -> Path:
    """A copy of a model folder whose weights went through `change`."""
    shutil.copytree(folder, to)
    weights = load_file(to / "model.safetensors")
    change(weights)
    save_file(weights, to / "model.safetensors", metadata={"format": "pt"})
    return to


CHANGES: dict[str, tuple[Any, str]] = {
    "missing": (
        lambda weights: weights.pop("model.layers.1.mlp.up_proj.weight"),
        r"lacks model\.layers\.1\.mlp\.up_proj\.weight: they would be random",
    ),
    "left over": (
        lambda weights: weights.update({"model.layers.7.mlp.up_proj.weight": torch.ones(2, 2)}),
        r"holds model\.layers\.7\.mlp\.up_proj\.weight, which its config has no place for",
    ),
    "another shape": (
        lambda weights: weights.update({"model.norm.weight": torch.ones(3)}),
        r"model\.norm\.weight|size",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_checkpoint_of_another_model_is_refused_when_fetched_and_when_loaded(
    case: str, llama: Path, tmp_path: Path
) -> None:
    change, line = CHANGES[case]
    bad = changed(llama, tmp_path / "bad", change)
    with pytest.raises(BenchmarkError, match=line):
        fetched(bad, tmp_path / "m")
    assert not (tmp_path / "m" / "manifest.json").exists()
    fetched(llama, tmp_path / "m")
    record = json.loads((tmp_path / "m" / "manifest.json").read_text())
    record |= {"path": str(bad)}
    record["files"]["model.safetensors"]["bytes"] = (bad / "model.safetensors").stat().st_size
    (tmp_path / "m" / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(BenchmarkError, match=line):
        load_model(tmp_path / "m", "cpu")


UP = "model.layers.1.mlp.up_proj.weight"
NUMBERS: dict[str, tuple[Any, str]] = {
    "NaN": (lambda weights: weights[UP][0].fill_(float("nan")), "NaN or infinity: the checkpoint is damaged"),
    "infinity": (lambda weights: weights[UP][0].fill_(float("inf")), "NaN or infinity: the checkpoint is damaged"),
    "int8": (lambda weights: weights.update({UP: weights[UP].to(torch.int8)}), "I8: quantised weights are not read"),
    "float8": (
        lambda weights: weights.update({UP: weights[UP].to(torch.float8_e4m3fn)}),
        "F8_E4M3: quantised weights are not read",
    ),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_that_are_no_weights_are_refused(case: str, llama: Path, tmp_path: Path) -> None:
    change, line = NUMBERS[case]
    bad = changed(llama, tmp_path / "bad", change)
    with pytest.raises(BenchmarkError, match=rf"model m: {UP} in model\.safetensors holds {line}"):
        fetched(bad, tmp_path / "m")
    assert not (tmp_path / "m" / "manifest.json").exists()


def test_an_adapter_beside_the_weights_is_not_passed_over(llama: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(llama, tmp_path / "copy")
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    with pytest.raises(BenchmarkError, match=r"copy holds an adapter \(adapter_config\.json\).*merge it into"):
        fetched(folder, tmp_path / "m")
    for file in folder.glob("model*.safetensors"):
        file.rename(folder / "adapter_model.safetensors")
    with pytest.raises(BenchmarkError, match="holds an adapter"):
        fetched(folder, tmp_path / "m")


def test_a_checkpoint_in_parts(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "parts", "llama", max_shard_size="30KB")
    parts = sorted(path.name for path in folder.glob("*.safetensors"))
    assert set(json.loads((fetched(folder, tmp_path / "m") / "manifest.json").read_text())["files"]) >= {*parts}
    (folder / parts[-1]).rename(tmp_path / "away")
    with pytest.raises(BenchmarkError, match=rf"parts: its index names {parts[-1]}, which is missing: copy the whole"):
        fetched(folder, tmp_path / "n")
    (folder / parts[-1]).write_bytes((tmp_path / "away").read_bytes()[:-1000])
    with pytest.raises(BenchmarkError, match=r"the model in .*parts cannot be loaded: "):
        fetched(folder, tmp_path / "n")


def test_of_one_file_and_an_index_the_one_is_loaded_and_recorded(llama: Path, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "both", "llama", max_shard_size="30KB", seed=1)
    shutil.copy(llama / "model.safetensors", folder)
    files = json.loads((fetched(folder, tmp_path / "m") / "manifest.json").read_text())["files"]
    assert [name for name in files if name.endswith(".safetensors")] == ["model.safetensors"]
    loaded = load_model(tmp_path / "m", "cpu").model.state_dict()[UP]
    assert torch.equal(loaded, load_file(llama / "model.safetensors")[UP])


def test_a_pad_token_that_only_the_tokenizer_has(llama: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(llama, tmp_path / "copy")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]
    tokenizer.add_tokens([f"<more {index}>" for index in range(rows - len(tokenizer))])
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    assert tokenizer.pad_token_id >= rows
    tokenizer.save_pretrained(folder)
    loaded = load_model(fetched(folder, tmp_path / "m"), "cpu")
    assert loaded.tokenizer.pad_token_id < rows
    batch = loaded.tokenizer(["a b c", "a"], padding=True, return_tensors="pt")
    with torch.no_grad():
        assert loaded.model(**batch).logits.isfinite().all()


@pytest.mark.parametrize("add_bos", [None, True, False])
def test_a_first_token_that_only_the_tokenizer_has(add_bos: bool | None, llama: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(llama, tmp_path / "copy")
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]
    names = [f"<more {index}>" for index in range(rows - len(AutoTokenizer.from_pretrained(folder)))]
    backend = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    backend.add_special_tokens([*names, "[GO]"])
    go = backend.token_to_id("[GO]")
    assert go >= rows
    backend.post_processor = processors.TemplateProcessing(single="[GO] $A", special_tokens=[("[GO]", go)])
    PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="[GO]", eos_token="<|end_of_text|>").save_pretrained(
        folder
    )
    if add_bos is False:
        assert load_model(fetched(folder, tmp_path / "m", add_bos=False), "cpu").prefix_ids == ()
    else:
        with pytest.raises(
            BenchmarkError, match=rf"puts '\[GO\]' \({go}\) before a text, and the model has {rows} emb"
        ):
            fetched(folder, tmp_path / "m", add_bos=add_bos)


def with_prefix(*names: str) -> PreTrainedTokenizerFast:
    """A tokenizer that puts these tokens before a text, as GLM's does."""
    tokenizer = train_tokenizer("llama").backend_tokenizer
    tokenizer.add_special_tokens(list(names))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{' '.join(names)} $A", special_tokens=[(name, tokenizer.token_to_id(name)) for name in names]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end_of_text|>")


@pytest.mark.parametrize(
    ("add_bos", "expected"), [(None, ["[gMASK]", "<sop>"]), (False, [])], ids=["as it does", "turned off"]
)
def test_whatever_the_tokenizer_puts_first_is_kept(add_bos: bool | None, expected: list[str], tmp_path: Path) -> None:
    folder = write_model(tmp_path / "copy", "llama", vocab_size=600)
    with_prefix("[gMASK]", "<sop>").save_pretrained(folder)
    loaded = load_model(fetched(folder, tmp_path / "m", add_bos=add_bos), "cpu")
    assert loaded.tokenizer.convert_ids_to_tokens(list(loaded.prefix_ids)) == expected
    assert loaded.add_bos is bool(expected)


@pytest.mark.parametrize(
    ("single", "expected"),
    [
        ("<s> $A </s>", ["<s>"]),  # BOS before and EOS after, as BERT's [CLS] and [SEP]
        ("$A </s>", []),  # T5
        ("<s> <s> $A", ["<s>", "<s>"]),
        ("<s> user $A </s> assistant", ["<s>", "user"]),
    ],
)
def test_what_comes_after_a_text_is_no_prefix(single: str, expected: list[str]) -> None:
    tokenizer = train_tokenizer("qwen2").backend_tokenizer
    names = ["<s>", "</s>", "user", "assistant"]
    tokenizer.add_special_tokens(names)
    ids = [(name, tokenizer.token_to_id(name)) for name in names]
    tokenizer.post_processor = processors.TemplateProcessing(single=single, special_tokens=ids)
    whole = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    assert whole.convert_ids_to_tokens(list(prefix_of(whole))) == expected


def test_bos_alone(llama: Path, tmp_path: Path) -> None:
    loaded = load_model(fetched(llama, tmp_path / "m"), "cpu")
    assert loaded.prefix_ids == prefix_of(loaded.tokenizer) == (loaded.tokenizer.bos_token_id,)
    assert LoadedModel("m", loaded.model, loaded.tokenizer, add_bos=True).prefix_ids == loaded.prefix_ids
    assert LoadedModel("m", loaded.model, loaded.tokenizer, add_bos=False).prefix_ids == ()
    assert prefix_of(train_tokenizer("qwen2")) == ()
