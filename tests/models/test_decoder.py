from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedModel

from benchmark.activations.extraction import check_masks_honoured
from benchmark.errors import BenchmarkError
from benchmark.models.decoder import find_decoder
from benchmark.models.loading import LoadedModel

COMMON = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "max_position_embeddings": 48,
    "initializer_range": 0.2,
}
GROUPED = {**COMMON, "num_key_value_heads": 2, "head_dim": 8}
CONFIGS: dict[str, dict[str, Any]] = {
    "llama": GROUPED,
    "qwen2": GROUPED,
    "qwen3": GROUPED,
    "mistral": GROUPED,
    "gemma": GROUPED,
    "olmo": GROUPED,
    "gpt_neox": COMMON,
    "gpt2": {"vocab_size": 64, "n_embd": 32, "n_inner": 40, "n_layer": 3, "n_head": 4, "n_positions": 48},
    "opt": {**COMMON, "ffn_dim": 40, "word_embed_proj_dim": 32, "init_std": 0.2},
}


def random_model(architecture: str) -> PreTrainedModel:
    torch.manual_seed(0)
    config = CONFIG_MAPPING[architecture](**CONFIGS[architecture], bos_token_id=0, eos_token_id=0, pad_token_id=None)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()
    return model


@pytest.mark.parametrize("architecture", CONFIGS)
def test_layers_and_mlps_of_every_architecture(architecture: str) -> None:
    model = random_model(architecture)
    decoder = find_decoder(model)
    assert len(decoder) == len(decoder.layers) == len(decoder.mlps) == 3
    assert decoder.hidden_size == 32
    assert decoder.context == 48
    assert "lm_head" not in dict(decoder.base.named_modules())
    check_masks_honoured(LoadedModel(architecture, model, None, add_bos=False), decoder)


@pytest.mark.parametrize("architecture", CONFIGS)
def test_mlp_output_is_what_the_layer_adds(architecture: str) -> None:
    """Take away what the modules say is layer 1's MLP output, and the layer's output lacks exactly that."""
    model = random_model(architecture)
    decoder = find_decoder(model)
    outputs: dict[str, torch.Tensor] = {}

    def first(output: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
        return output if isinstance(output, torch.Tensor) else output[0]

    def keep(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, arguments: object, output: torch.Tensor) -> None:
            outputs[name] = first(output).reshape(2, 7, 32).clone()

        return hook

    def silence(module: nn.Module, arguments: object, output: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(output)

    ids = torch.randint(1, 64, (2, 7), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        handles = [
            decoder.mlps[1].register_forward_hook(keep("mlp")),
            decoder.layers[1].register_forward_hook(keep("with")),
        ]
        decoder.base(input_ids=ids, use_cache=False)
        for handle in handles:
            handle.remove()
        decoder.mlps[1].register_forward_hook(silence)
        decoder.layers[1].register_forward_hook(keep("without"))
        decoder.base(input_ids=ids, use_cache=False)
    assert outputs["mlp"].abs().max() > 1e-3
    torch.testing.assert_close(outputs["with"] - outputs["without"], outputs["mlp"], rtol=1e-4, atol=1e-5)


def test_a_pattern_says_where_the_mlp_is() -> None:
    model = random_model("llama")
    found, said = find_decoder(model), find_decoder(model, mlp=r"layers\.\d+\.mlp\.down_proj")
    assert [mlp.down_proj for mlp in found.mlps] == list(said.mlps)
    assert said.layers == found.layers


def test_unknown_architecture_says_which_parameter_to_set() -> None:
    model = random_model("llama")
    for layer in model.model.layers:
        layer.mixture = layer.mlp
        del layer.mlp
    with pytest.raises(BenchmarkError, match=r"no MLP is known for LlamaModel: set models\.mine\.mlp to a regular"):
        find_decoder(model, name="mine")
    assert len(find_decoder(model, name="mine", mlp=r"layers\.\d+\.mixture")) == 3
    with pytest.raises(BenchmarkError, match=r"matches 0 modules.*layers\.0\.mixture"):
        find_decoder(model, name="mine", mlp="nothing")
    with pytest.raises(BenchmarkError, match="no regular expression"):
        find_decoder(model, name="mine", mlp="(")


def test_a_sliding_window_bounds_the_context() -> None:
    config = CONFIG_MAPPING["mistral"](**GROUPED, sliding_window=16)
    assert find_decoder(AutoModelForCausalLM.from_config(config)).context == 16
