"""Whether an architecture does what is asked of it here, tried on a tiny model of its config with random weights.

A token must see those before it and no other, masks must be honoured, and a text must have the same logits when its
beginning comes from a cache. A config that fails is refused before its weights are fetched.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch

from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

TOKENS = (1, 2, 3, 4, 5, 6)
LAYERS = 2
VOCABULARY = 64
LARGEST = 100_000_000
"""Numbers of a model that is built to be tried."""
TOLERANCE = 1e-3
"""Of the largest logit: caches and masks reorder sums, by 1e-6 of it in float32."""
REMEDY = "use a model whose architecture can (Llama, Qwen, Mistral, Gemma, OLMo, GPT-NeoX, GPT-2, OPT and others do)"


def require_text_decoder(name: str, config: PretrainedConfig) -> None:
    """Raises `BenchmarkError` where the config alone says that it is not one decoder of text whose layers attend to all
    tokens before.
    """
    from transformers import AutoModelForCausalLM

    known, kind = AutoModelForCausalLM._model_mapping, config.model_type
    if config.is_encoder_decoder:
        raise BenchmarkError(f"model {name}: {kind} is an encoder and a decoder, and one decoder is needed: {REMEDY}")
    text = config.get_text_config()
    if text is not config and type(text) in known:
        raise BenchmarkError(
            f"model {name}: {kind} holds other models beside its {text.model_type}: use a text-only checkpoint, or "
            f"take its language model out as docs/own-data.md shows, and use that folder (source: local)"
        )
    if text is not config:
        raise BenchmarkError(
            f"model {name}: {kind} holds other models beside its {text.model_type}, which transformers cannot run "
            f"alone: {REMEDY}"
        )
    if type(config) not in known:
        raise BenchmarkError(f"model {name}: {kind!r} is not a causal language model: {REMEDY}")
    others = set(getattr(config, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}
    if others:
        raise BenchmarkError(
            f"model {name}: {kind} has layers whose tokens do not see all tokens before them by attention "
            f"({', '.join(sorted(others))}): {REMEDY}"
        )


def probe(name: str, config: PretrainedConfig) -> None:
    """Raises `BenchmarkError` where a tiny model of `config` fails what extraction and scoring rely on."""
    model = _tiny(name, config)
    if model is None:
        return
    with torch.inference_mode():
        _check(name, config, "lets a token see those after it", lambda: _causal(model))
        _check(name, config, "ignores a 4D attention mask", lambda: _masks(model))
        _check(name, config, "gives other logits when a text's beginning comes from its cache", lambda: _caches(model))


def _check(name: str, config: PretrainedConfig, failing: str, holds: Callable[[], bool]) -> None:
    try:
        if holds():
            return
    except Exception as error:  # each architecture has its own ways to fail
        failing = f"cannot be run with masks and a cache ({(str(error).splitlines() or [type(error).__name__])[0]})"
    raise BenchmarkError(f"model {name}: {config.model_type} {failing}: {REMEDY}")


def _tiny(name: str, config: PretrainedConfig) -> PreTrainedModel | None:
    """The smallest model that the config can be shrunk to; None where it cannot be built in any size."""
    from transformers import AutoModelForCausalLM

    refused: Exception | None = None
    for change in (_narrow, _short):
        small = copy.deepcopy(config)
        try:
            change(small)
            with torch.device("meta"):
                skeleton = AutoModelForCausalLM.from_config(small, trust_remote_code=False)
            if sum(parameter.numel() for parameter in skeleton.parameters()) > LARGEST:
                continue
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                model = AutoModelForCausalLM.from_config(
                    small, dtype=torch.float32, attn_implementation="sdpa", trust_remote_code=False
                )
            model = model.eval()
            with torch.inference_mode():
                plain = model(torch.tensor([TOKENS]), use_cache=False).logits
            if plain.isfinite().all() and plain.std() > 0:
                return model
        except Exception as error:  # a shrunken config may be one that the architecture refuses
            refused = error
    if refused is not None and "scaled_dot_product_attention" in str(refused):
        raise BenchmarkError(
            f"model {name}: {config.model_type} has no scaled-dot-product attention in transformers, which the masks "
            f"need: {REMEDY}"
        )
    return None


def _set(config: Any, **values: Any) -> None:
    """Sets what the config has of these, under its own names for them."""
    for key, value in values.items():
        if getattr(config, key, None) is not None:
            with suppress(AttributeError):  # one that the config works out by itself
                setattr(config, key, value)


def _short(config: Any) -> None:
    """Two layers, a small vocabulary, no special token beyond it."""
    kinds = getattr(config, "layer_types", None)
    layers = len(dict.fromkeys(kinds)) if kinds else LAYERS
    layers = max(LAYERS, layers)
    if kinds:
        first = {kind: kind for kind in kinds}
        config.layer_types = (list(first) * layers)[:layers]
    _set(config, num_hidden_layers=layers, vocab_size=VOCABULARY, pad_token_id=0, bos_token_id=0, eos_token_id=0)
    for key, value in (("max_window_layers", layers), ("vocab_size_per_layer_input", VOCABULARY)):
        _set(config, **{key: value})


def _narrow(config: Any) -> None:
    """As `_short`, and 4 heads of 16, of latent attention too, and 4 experts."""
    _short(config)
    heads = int(config.num_attention_heads)
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    _set(
        config,
        hidden_size=64,
        num_attention_heads=4,
        num_key_value_heads=4 if kv_heads == heads else 1 if kv_heads == 1 else 2,
        num_kv_heads=4,
        head_dim=16,
        intermediate_size=96,
        ffn_dim=96,
        n_inner=96,
        ffn_hidden_size=96,
        word_embed_proj_dim=64,
        rotary_dim=8,
        initializer_range=0.2,
        init_std=0.2,
        q_lora_rank=24,
        kv_lora_rank=24,
        qk_nope_head_dim=16,
        qk_rope_head_dim=16,
        v_head_dim=16,
        moe_intermediate_size=32,
        n_routed_experts=4,
        num_experts=4,
        num_local_experts=4,
        num_experts_per_tok=2,
        n_group=1,
        topk_group=1,
        first_k_dense_replace=1,
    )


def _logits(model: PreTrainedModel, ids: torch.Tensor, mask: torch.Tensor, start: int = 0, **more: Any) -> Any:
    positions = torch.arange(start, start + ids.shape[1]).expand_as(ids)
    return model(ids, attention_mask=mask, position_ids=positions, **more)


def _near(left: torch.Tensor, right: torch.Tensor) -> bool:
    return bool((left - right).abs().max() <= TOLERANCE * right.abs().max())


def _causal(model: PreTrainedModel) -> bool:
    """Another last token leaves the logits before it as they are."""
    ids = torch.tensor([TOKENS])
    other = ids.clone()
    other[0, -1] = 7
    return _near(*(model(each, use_cache=False).logits[:, :-1] for each in (ids, other)))


def _masks(model: PreTrainedModel) -> bool:
    """A token that is hidden is not heard, one that is shown is, in both directions, and the causal mask is the plain
    pass.
    """
    ids = torch.tensor([TOKENS])
    count = ids.shape[1]
    causal = torch.ones(count, count, dtype=torch.bool).tril()[None, None]
    if not _near(_logits(model, ids, causal, use_cache=False).logits, model(ids, use_cache=False).logits):
        return False
    first, last = ids.clone(), ids.clone()
    first[0, 0] = last[0, -1] = 7
    alone = torch.eye(count, dtype=torch.bool)[None, None]
    everywhere = torch.ones_like(alone)
    hidden, same = (_logits(model, each, alone, use_cache=False).logits[0, -1] for each in (first, ids))
    heard, other = (_logits(model, each, everywhere, use_cache=False).logits[0, 0] for each in (last, ids))
    return _near(hidden, same) and not torch.equal(heard, other)


def _caches(model: PreTrainedModel) -> bool:
    """The logits of the last three of six tokens, the first three from a cache, are those of a plain pass."""
    from transformers import DynamicCache

    ids = torch.tensor([TOKENS])
    count, half = ids.shape[1], ids.shape[1] // 2
    causal = torch.ones(count, count, dtype=torch.bool).tril()[None, None]
    cache = DynamicCache(config=model.config)
    _logits(model, ids[:, :half], causal[..., :half, :half], past_key_values=cache, use_cache=True)
    rest = _logits(model, ids[:, half:], causal[..., half:, :], half, past_key_values=cache, use_cache=True)
    return _near(rest.logits, model(ids, use_cache=False).logits[:, half:])
