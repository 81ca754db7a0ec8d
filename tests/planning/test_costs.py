"""Counted FLOPs and bytes of real runs on small models, against the plan's."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count
from transformers import AutoConfig

from benchmark.activations.attention import by_rule
from benchmark.activations.extraction import extract
from benchmark.activations.masks import MASKS
from benchmark.artefacts.prompts import Prompt
from benchmark.models.budget import Budget
from benchmark.models.loading import LoadedModel, load_model
from benchmark.models.parameters import Shape
from benchmark.models.shape import shape_of, weights
from benchmark.params import Params, load_params
from benchmark.planning.asking import round_prompts, wanted_prompts
from benchmark.planning.costs import flops, key_value_bytes, peak_bytes
from benchmark.planning.dictionaries import dictionary_cost, training_flops
from benchmark.planning.lengths import Lengths, count_lengths, typical_lengths
from benchmark.planning.machines import GPUS
from benchmark.planning.passes import (
    answering_passes,
    extraction_passes,
    scoring_passes,
    set_prefixes,
    total,
    uncertainty_passes,
)
from benchmark.planning.stages import Cell, costs
from benchmark.quality import quality
from benchmark.quality.asking import ask
from benchmark.quality.uncertainty import measure_uncertainty
from benchmark.sae.activations import Reader
from benchmark.sae.autoencoder import activations
from benchmark.sae.training import Settings, gradients
from benchmark.sources.models.local import LocalModel
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example
from benchmark.tasks.tokens import tokenize_example
from tests.hub_server.models import write_model

PAPER = Path(__file__).parents[2] / "paper" / "params.yaml"
BUDGET = 400
SHAPE = Shape(
    layers=2, hidden=64, intermediate=160, heads=4, kv_heads=2, head_dim=16, vocabulary=500, tied=True, gated_mlp=True
)


def make_dataset(kind: str, choices: int = 3, words: int = 2) -> Dataset:
    generator = np.random.default_rng(3)

    def example(index: int) -> Example:
        text = "The river flows " * int(generator.integers(1, 5)) + f"{index}. Answer:"
        answers = tuple(f" {'Jupiter sea ' * words}{index + place}" for place in range(choices))
        if kind == "classification":
            return Example(text, answers[index % choices], choices=answers, id=str(index))
        return Example(text, answers[0], references=(answers[0].strip(),), id=str(index))

    pool, queries = tuple(map(example, range(9))), tuple(map(example, range(20, 27)))
    metric = "accuracy" if kind == "classification" else "squad_f1"
    return Dataset("d", kind, metric, "\n\n", "\n", 4, pool, queries)  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp(request.param)
    write_model(folder / "weights", request.param, hidden_size=64, intermediate_size=160, head_dim=16)
    LocalModel(source="local", path=str(folder / "weights")).fetch("m", folder / "m", folder / "work")
    return load_model(folder / "m", "cpu")


@pytest.fixture(autouse=True)
def no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check that a model can share takes a few rows before a shard: no plan counts them."""
    monkeypatch.setattr("benchmark.quality.likelihood.check_sharing", lambda *_: None)


def counted(run: Callable[[], Any]) -> int:
    """FLOPs of what runs, as torch counts them (its flash attention for CPUs is not on its list)."""

    def attention(query: Any, key: Any, value: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
        return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]

    operator = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    with FlopCounterMode(display=False, custom_mapping={operator: attention}) as counter:
        run()
    return int(counter.get_total_flops())


def lengths_of(loaded: LoadedModel, dataset: Dataset) -> Lengths:
    return count_lengths(dataset, loaded.tokenizer, loaded.add_bos)


def test_flops_of_extraction(loaded: LoadedModel) -> None:
    dataset, shape = make_dataset("classification"), shape_of(loaded.model.config)
    lengths, rules = lengths_of(loaded, dataset), by_rule(list(MASKS.values()))
    for plain, tolerance in ((True, 0.02), (False, 0.2)):  # how many tokens are distinct is a guess
        extract(loaded, dataset.pool, token_budget=BUDGET, plain=plain)  # the model is asked about its positions
        actual = counted(lambda plain=plain: extract(loaded, dataset.pool, token_budget=BUDGET, plain=plain))  # type: ignore[misc]
        passes = extraction_passes(lengths, rules, BUDGET, shard=len(dataset.pool), apart=not plain)
        assert flops(shape, total(passes)) == pytest.approx(actual, rel=tolerance)  # pooling, and the check of masks


@pytest.mark.parametrize("choices", [2, 4])
@pytest.mark.parametrize("words", [0, 3])
def test_flops_of_scoring_choices(loaded: LoadedModel, choices: int, words: int) -> None:
    dataset, shape = make_dataset("classification", choices, words), shape_of(loaded.model.config)
    lengths, budget = lengths_of(loaded, dataset), Budget(BUDGET)
    actual = counted(lambda: quality.measure_quality(loaded, dataset, range(9), budget))
    work = total(scoring_passes(lengths, lengths.bos + lengths.block, hidden=64, token_budget=BUDGET, shard=9))
    assert flops(shape, work) == pytest.approx(actual, rel=0.001)
    assert work.tokens == budget.padded


def test_flops_of_scoring_without_a_demonstration(loaded: LoadedModel) -> None:
    dataset, shape = make_dataset("classification"), shape_of(loaded.model.config)
    lengths = lengths_of(loaded, dataset)
    actual = counted(lambda: quality.zero_shot(loaded, dataset, Budget(BUDGET)))
    start = np.array([lengths.bos], dtype=np.int64)
    work = total(scoring_passes(lengths, start, hidden=64, token_budget=BUDGET, shard=1))
    assert flops(shape, work) == pytest.approx(actual, rel=0.001)


@pytest.mark.parametrize("kind", ["classification", "generative"])
def test_flops_of_uncertainty(loaded: LoadedModel, kind: str) -> None:
    dataset, shape = make_dataset(kind), shape_of(loaded.model.config)
    lengths = lengths_of(loaded, dataset)
    actual = counted(lambda: measure_uncertainty(loaded, dataset, Budget(BUDGET)))
    work = total(uncertainty_passes(lengths, BUDGET, shape.hidden))
    assert flops(shape, work) == pytest.approx(actual, rel=0.001)


def test_flops_of_generation_lie_between_no_decoding_and_the_limit(loaded: LoadedModel) -> None:
    dataset, shape = make_dataset("generative"), shape_of(loaded.model.config)
    lengths = lengths_of(loaded, dataset)
    actual = counted(lambda: quality.measure_quality(loaded, dataset, range(9), Budget(BUDGET)))
    passes = list(scoring_passes(lengths, lengths.bos + lengths.block, hidden=64, token_budget=BUDGET, shard=9))
    least = total(each for each in passes if not each.decoding)
    planned = total(passes)
    assert flops(shape, least) <= actual * 1.001
    assert flops(shape, planned) == pytest.approx(actual, rel=0.25)  # random weights rarely end an answer


@pytest.mark.parametrize("kind", ["classification", "generative"])
def test_flops_of_what_selectors_want_said(loaded: LoadedModel, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.quality.asking.MANY", 6)
    dataset, shape = make_dataset(kind), shape_of(loaded.model.config)
    asked = [Prompt("input", (i,), "queries", j) for i in (0, 3) for j in range(5 - i)]
    if kind == "classification":
        asked += [Prompt("choices", members, "pool", i) for members in ((), (4,)) for i in range(9)]
        asked += [Prompt("choices", (i,), "queries", i) for i in range(3)]
    actual = counted(lambda: ask(loaded, dataset, asked, Budget(BUDGET)))
    work = total(answering_passes(lengths_of(loaded, dataset), asked, BUDGET, shape.hidden))
    assert flops(shape, work) == pytest.approx(actual, rel=0.001)


def test_as_many_prompts_are_planned_as_selectors_say() -> None:
    """MDL may draw a set twice. A generative task has no labels to read."""
    params = load_params(PAPER)
    lengths = typical_lengths("classification", (200, 30), 40, 10, 8, bos=True)
    said = [len(wanted_prompts(_choosing(params, name), lengths)) for name in ("badge", "vote_k", "mdl", "cone", "dpp")]
    assert said[:2] + said[3:] == [40, 40, 150, 0]
    assert 15 < said[2] <= 25
    generated = typical_lengths("generative", (200, 30), 40, 10, 8, bos=True)
    assert len(wanted_prompts(_choosing(params, "cone"), generated)) == 150
    assert wanted_prompts(_choosing(params, "badge"), generated) == []


def test_rounds_are_planned_as_selectors_ask() -> None:
    """Of 40 candidates the third budget is out of reach; the model is asked about those that are not labelled."""
    params = load_params(PAPER)
    rounds = params.selection.rounds.model_copy(update={"shots": 3, "prompts": 2})
    changes = {"selectors": ("predictive_entropy", "dpp"), "budgets": (2, 16, 64), "rounds": rounds}
    params = params.model_copy(update={"selection": params.selection.model_copy(update=changes)})
    planned = round_prompts(params, typical_lengths("classification", (200, 30), 40, 10, 8, bos=True))
    asked = [(40, 0), (2 * 38, 2), (2 * 38, 2)]  # prompts, and demonstrations in each: all zero-shot once, then of two
    assert [(len(prompts), len(prompts[0].members)) for prompts in planned] == asked
    assert round_prompts(params, typical_lengths("generative", (200, 30), 40, 10, 8, bos=True)) == []


def _choosing(params: Params, name: str) -> Params:
    section = params.selection.model_copy(update={"selectors": (name,), "features": ("embeddings",), "shots": (1,)})
    return params.model_copy(update={"selection": section})


def test_flops_of_reading_what_dictionaries_are_trained_on(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the pool alone: nothing is trained or measured."""
    monkeypatch.setattr("benchmark.planning.dictionaries.CROSS_ENTROPY", 0)
    params = load_params(PAPER)
    nothing = {"layer": 0, "width": 0, "tokens": 0, "held_out": 0, "token_budget": BUDGET}
    section = params.sae.models["llama_3b"].model_copy(update=nothing)
    params = params.model_copy(update={"sae": params.sae.model_copy(update={"models": {"llama_3b": section}})})
    dataset, shape = make_dataset("classification"), shape_of(loaded.model.config)
    cell = Cell(params, "llama_3b", "boolq", shape, lengths_of(loaded, dataset), "float32", GPUS["L4"])
    ids = [tokenize_example(loaded.tokenizer, example, bos=loaded.add_bos).ids for example in dataset.pool]
    reader = Reader(loaded, 0, ("mlp_output", "residual"))
    actual = counted(lambda: list(reader.read(ids, Budget(BUDGET))))
    assert dictionary_cost([cell]).flops == pytest.approx(actual, rel=0.001)


def test_flops_of_training_a_dictionary() -> None:
    """The product of all features as torch counts it, and four in which the features at work take part."""
    section = (
        load_params(PAPER).sae.models["llama_3b"].model_copy(update={"width": 96, "active": 6, "sites": ("residual",)})
    )
    torch.manual_seed(0)
    x, encoder = torch.randn(50, 16), torch.randn(96, 16)
    weights = {"encoder": encoder, "decoder": encoder / encoder.norm(dim=1, keepdim=True)}
    weights |= {"encoder_bias": torch.zeros(96), "decoder_bias": torch.zeros(16)}
    dense = counted(lambda: activations(x, encoder, weights["encoder_bias"], weights["decoder_bias"]))
    settings = Settings(**{each.name: getattr(section, each.name) for each in fields(Settings)})
    kept = len(gradients(x, weights, settings, torch.empty(0, dtype=torch.int64))[1])
    tokens = section.epochs * section.tokens
    assert training_flops(section, 16) == tokens * (dense + 4 * 2 * kept * 16) // 50


def test_a_few_shards_stand_for_all() -> None:
    lengths = typical_lengths("classification", (200, 30), 200, 40, 8, bos=True)
    prefixes = lengths.bos + lengths.block
    whole, sampled = (
        flops(SHAPE, total(scoring_passes(lengths, prefixes, hidden=64, token_budget=4096, shard=20, sample=sample)))
        for sample in (None, 2)
    )
    assert sampled == pytest.approx(whole, rel=0.05)


def test_sets_are_as_long_as_their_demonstrations(loaded: LoadedModel) -> None:
    lengths = lengths_of(loaded, make_dataset("classification"))
    sizes = set_prefixes(lengths, 4, 200)
    assert sizes.mean() == pytest.approx(lengths.bos + 4 * lengths.block.mean(), rel=0.05)
    whole = set_prefixes(lengths, 9, 3)
    assert set(whole.tolist()) == {int(lengths.bos + lengths.block.sum())}


def test_bytes_of_weights_and_of_keys_and_values(loaded: LoadedModel) -> None:
    shape = shape_of(loaded.model.config)
    matrices = sum(p.numel() for p in loaded.model.parameters() if p.dim() == 2)
    assert weights(shape) == matrices
    with torch.no_grad():
        cache = loaded.model(torch.ones(3, 11, dtype=torch.long), use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert key_value_bytes(shape, 3 * 11, "float32") == held


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes of the tensors that live at once while something runs, but those of `model`; `peak` is the most."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.sizes = {tensor.untyped_storage()._cdata: 0 for tensor in (*model.parameters(), *model.buffers())}
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            storage = tensor.untyped_storage() if isinstance(tensor, torch.Tensor) else None
            if storage is not None and storage._cdata not in self.sizes:
                self.sizes[storage._cdata] = storage.nbytes()
                weakref.finalize(storage, self.sizes.pop, storage._cdata)
        self.peak = max(self.peak, sum(self.sizes.values()))
        return out


@pytest.mark.parametrize("budget", [BUDGET, 5 * BUDGET])
@pytest.mark.parametrize("stage", ["extract", "classification", "generative"])
def test_the_peak_is_within_a_third_of_the_bytes_that_live(loaded: LoadedModel, stage: str, budget: int) -> None:
    shape = shape_of(loaded.model.config)
    dataset = make_dataset("generative" if stage == "generative" else "classification")
    lengths = lengths_of(loaded, dataset)
    with LiveBytes(loaded.model) as live:
        if stage == "extract":
            extract(loaded, dataset.pool, token_budget=budget)
            passes = extraction_passes(lengths, by_rule(list(MASKS.values())), budget, shard=9)
        else:
            quality.measure_quality(loaded, dataset, range(9), Budget(budget))
            passes = scoring_passes(lengths, lengths.bos + lengths.block, hidden=64, token_budget=budget, shard=9)
    planned = peak_bytes(shape, passes, "float32") - 4 * weights(shape)
    assert live.peak > 500_000
    assert planned == pytest.approx(live.peak, rel=1 / 3)


def test_bytes_of_the_outs(loaded: LoadedModel, tmp_path: Path) -> None:
    """Arrays as they are before compression."""
    content = yaml.safe_load(PAPER.read_text())
    content["quality"] |= {"set_sizes": [2], "sets": 3}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    params = load_params(tmp_path / "params.yaml")
    dataset, shape = make_dataset("classification"), shape_of(loaded.model.config)
    section = params.extraction
    sites = {str(site): names for site, names in section.sites.items()}
    scores = extract(loaded, dataset.pool, masks=section.masks, sites=sites, poolings=section.poolings).scores
    shards = [quality.measure_quality(loaded, dataset, range(9), Budget(BUDGET)).arrays()]
    matrices = quality.assemble(dataset, quality.zero_shot(loaded, dataset, Budget(BUDGET)), shards)
    sets = quality.score_sets(loaded, dataset, np.array([[0, 1], [2, 3], [4, 5]]), range(7), Budget(BUDGET))
    numbers = [*matrices.values(), *sets]
    cell = Cell(params, "llama_3b", "boolq", shape, lengths_of(loaded, dataset), "float32", GPUS["L4"])
    written = {cost.stage: cost.written for cost in costs(cell)}
    assert written["extract"] == scores.nbytes
    assert written["quality"] == sum(array.astype(np.float32).nbytes for array in numbers if array.dtype.kind == "f")


@pytest.mark.parametrize(
    ("architecture", "config", "parameters"),
    [
        # numbers of the safetensors headers of the two real models: bytes / 2, within biases, norms and the header
        ("llama", {"vocab_size": 128256, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28,
                   "num_attention_heads": 24, "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": True},
         (4965799096 + 1459729952) / 2),
        ("qwen2", {"vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36,
                   "num_attention_heads": 16, "num_key_value_heads": 2, "tie_word_embeddings": True},
         (3968658944 + 2203268048) / 2),
    ],
)  # fmt: skip
def test_the_weights_of_the_real_models(architecture: str, config: dict[str, Any], parameters: float) -> None:
    shape = shape_of(AutoConfig.for_model(architecture, **config))
    assert weights(shape) == pytest.approx(parameters, rel=1e-3)


def test_lengths_are_those_of_the_stages(loaded: LoadedModel, tmp_path: Path) -> None:
    from benchmark.quality.prompts import prompts

    dataset = make_dataset("classification")
    lengths = lengths_of(loaded, dataset)
    (grid,) = prompts(loaded, dataset, [[index] for index in range(9)], dataset.queries)
    real = [len(prefix.ids) for prefix in grid.prefixes]
    assert (lengths.bos + lengths.block).tolist() == real
    asked = grid.queries
    assert lengths.query_input.tolist() == [len(each.input) for each in asked]
    assert lengths.continuations == tuple(tuple(map(len, each.continuations)) for each in asked)
