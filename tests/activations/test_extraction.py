from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.activations.attention import Places
from benchmark.activations.extraction import check_masks_honoured, extract
from benchmark.activations.group import Thresholds
from benchmark.activations.masks import MASKS
from benchmark.activations.statistics import STATISTICS, reference
from benchmark.artefacts.scores import PER_CANDIDATE, ActivationScores
from benchmark.errors import BenchmarkError
from benchmark.models.budget import Budget
from benchmark.models.decoder import find_decoder
from benchmark.models.loading import LoadedModel
from benchmark.parts import concatenate
from benchmark.tasks.example import Example
from benchmark.tasks.tokens import tokenize_example
from tests.activations.conftest import tiny_model
from tests.activations.test_masks import is_pooled, may_attend

MLP = ("mean", "variance", "skewness", "kurtosis", "max_abs", "max_median_ratio", "max_sequence_ratio", "massive_count")
SITES = {"mlp_output": MLP, "residual": ("max_abs", "massive_count")}
LIMITS = Thresholds(1.0, 5.0)
"""Low enough for random weights to have massive activations."""
POOLINGS = ("mean", "max")


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    model: LoadedModel = request.getfixturevalue(request.param)
    return model


@pytest.fixture(scope="module")
def scores(loaded: LoadedModel, examples: list[Example]) -> ActivationScores:
    return extract(loaded, examples, sites=SITES, poolings=POOLINGS, thresholds=LIMITS, token_budget=300)


def slowly(loaded: LoadedModel, example: Example, mask: str) -> np.ndarray:
    """One candidate, one mask, no batch, a mask even for the causal rule; float64 [site, pooling, layer, statistic]."""
    tokens = tokenize_example(loaded.tokenizer, example, bos=loaded.add_bos)
    n, x = len(tokens), tokens.n_input
    attend = torch.tensor([[may_attend(mask, q, k, x, n) for k in range(n)] for q in range(n)])[None, None]
    decoder = find_decoder(loaded.model)
    seen: dict[tuple[int, int], np.ndarray] = {}

    def keep(site: int, layer: int):  # type: ignore[no-untyped-def]
        def hook(module: torch.nn.Module, arguments: object, output: torch.Tensor | tuple[torch.Tensor]) -> None:
            seen[site, layer] = (output if isinstance(output, torch.Tensor) else output[0])[0].double().numpy()

        return hook

    handles = [m.register_forward_hook(keep(0, i)) for i, m in enumerate(decoder.mlps)]
    handles += [m.register_forward_hook(keep(1, i)) for i, m in enumerate(decoder.layers)]
    with torch.no_grad():
        loaded.model(torch.tensor([tokens.ids]), attention_mask=attend, position_ids=torch.arange(n)[None])
    for handle in handles:
        handle.remove()
    pooled = [t for t in range(n) if is_pooled(mask, t, x, n)]
    whole = n if MASKS[mask].needs_label else x  # an unlabelled candidate is its input
    values = np.array(
        [
            [reference(seen[site, layer][:whole], MLP, LIMITS)[pooled] for layer in range(len(decoder))]
            for site in (0, 1)
        ]
    )
    pooled_values: np.ndarray = np.stack([values.mean(2), values.max(2)], axis=1)
    return pooled_values


TOLERANCE = 1e-5


def drift(got: np.ndarray, want: np.ndarray, statistics: np.ndarray) -> float:
    """The largest relative difference; of `mean` relative to a standard deviation, of skewness and kurtosis to >= 1."""
    scale = np.abs(want)
    column = {name: index for index, name in enumerate(statistics)}
    if "mean" in column:
        scale[..., column["mean"]] = np.sqrt(want[..., column["variance"]])
    for name in column.keys() & {"skewness", "kurtosis"}:
        scale[..., column[name]] = np.maximum(scale[..., column[name]], 1)
    return float(np.nanmax(np.abs(got - want) / np.maximum(scale, 1e-12)))


def test_scores_are_those_of_single_candidates_in_float64(
    loaded: LoadedModel, examples: list[Example], scores: ActivationScores
) -> None:
    applies = [np.isfinite(row).tolist() for row in scores.scores[0, :, 0, 0, 0]]
    assert applies == [[name in SITES[site] for name in scores.statistics] for site in scores.sites]
    some = [0, 5, 14]
    want = np.stack([[slowly(loaded, examples[i], mask) for mask in scores.masks] for i in some]).swapaxes(1, 2)
    assert drift(scores.scores[some], want, scores.statistics) < TOLERANCE
    assert np.isfinite(scores.scores).all(axis=(0, 2, 3, 4)).tolist() == applies
    assert scores.statistics.tolist() == list(MLP)
    assert len(np.unique(scores.scores[:, :, 0, 0, :, MLP.index("massive_count")])) > 5


def test_scores_do_not_depend_on_batch_size_or_order(
    loaded: LoadedModel, examples: list[Example], scores: ActivationScores
) -> None:
    order = np.random.default_rng(1).permutation(len(examples))
    shuffled = [examples[i] for i in order]
    other = extract(loaded, shuffled, sites=SITES, poolings=POOLINGS, thresholds=LIMITS, token_budget=90)
    assert other.candidates.tolist() == [examples[i].id for i in order]
    assert drift(other.scores, scores.scores[order], scores.statistics) < TOLERANCE


def test_shards_join_to_the_same_bits_and_to_the_contract(
    loaded: LoadedModel, examples: list[Example], tmp_path: Path
) -> None:
    shards = [
        extract(loaded, examples[i : i + 5], masks=("causal", "self"), sites=SITES, token_budget=200)
        for i in (0, 5, 10)
    ]
    joined = ActivationScores(**concatenate([shard.arrays() for shard in shards], PER_CANDIDATE))
    again = [
        extract(loaded, examples[i : i + 5], masks=("causal", "self"), sites=SITES, token_budget=200)
        for i in (10, 0, 5)
    ]
    np.testing.assert_array_equal(joined.scores, np.concatenate([again[i].scores for i in (1, 2, 0)]))
    joined.write(tmp_path)
    read = ActivationScores.read(tmp_path)
    for name, array in joined.arrays().items():
        np.testing.assert_array_equal(read.arrays()[name], array)
    assert joined.scores.shape == (15, 2, 2, 1, 3, 8)
    assert joined.table.columns.tolist() == ["candidate", "n_input", "n_target", "first_token", "label"]
    (tmp_path / "candidates.csv").write_text("candidate,n_input,n_target,first_token,label\nx,1,1,1,y\n")
    with pytest.raises(BenchmarkError, match="disagree"):
        ActivationScores.read(tmp_path)


def test_bos_is_at_position_zero_only_where_the_model_has_one(
    llama: LoadedModel, qwen2: LoadedModel, examples: list[Example]
) -> None:
    with_bos, without = (extract(model, examples[:4], masks=("causal",)) for model in (llama, qwen2))
    assert set(with_bos.first_token) == {llama.tokenizer.bos_token_id}
    assert with_bos.n_input.tolist() == [n + 1 for n in without.n_input]
    assert without.first_token[0] == qwen2.tokenizer(examples[0].input)["input_ids"][0]


def test_rules_change_who_is_heard(llama: LoadedModel) -> None:
    """Another X must not reach Y's scores where Y is isolated, and another Y never reaches X's under causal."""
    one = Example("red river:", " yes", references=("yes",), id="one")
    other_input = replace(one, input="old house:")
    other_target = replace(one, target=" not", references=("not",))
    assert len(one.input) == len(other_input.input)
    assert len(one.target) == len(other_target.target)
    base, input_changed, target_changed = (
        extract(llama, [example], masks=tuple(MASKS)).scores[0, 0] for example in (one, other_input, other_target)
    )
    index = {name: i for i, name in enumerate(MASKS)}

    def same(a: np.ndarray, b: np.ndarray, mask: str) -> bool:
        return bool(np.allclose(a[index[mask]], b[index[mask]], rtol=1e-6, atol=1e-9))

    own = [i for i, name in enumerate(STATISTICS) if name not in ("max_sequence_ratio", "massive_count")]
    np.testing.assert_allclose(  # what is taken over the whole sequence may change with the input
        base[index["target_isolated"]][..., own], input_changed[index["target_isolated"]][..., own], rtol=1e-6
    )
    assert not same(base, input_changed, "target")
    assert same(base, target_changed, "input")
    for mask in ("causal", "no_sink", "target", "target_isolated", "prefix", "bidirectional", "self"):
        assert not same(base, target_changed, mask)
    assert not same(base, base[[index["causal"]] * len(MASKS)], "bidirectional")


def test_self_mixes_nothing(qwen2: LoadedModel) -> None:
    """Without information flow and with rotary positions only, tokens in another order give the same mean."""
    forth = Example("abc", "d", references=("d",), id="a")
    back = Example("cba", "d", references=("d",), id="b")
    a, b = (extract(qwen2, [example], masks=("self", "causal")).scores[0, 0] for example in (forth, back))
    np.testing.assert_allclose(a[0], b[0], rtol=1e-6, atol=1e-9)
    assert not np.allclose(a[1], b[1], rtol=1e-3)


def test_input_scores_are_the_same_without_a_label(llama: LoadedModel, examples: list[Example]) -> None:
    hidden = [replace(example, target=" ?", references=(" ?",), label="") for example in examples]
    seen, unseen = (extract(llama, part, masks=("input",)) for part in (examples, hidden))
    assert drift(unseen.scores, seen.scores, seen.statistics) < TOLERANCE


def test_a_long_candidate_and_unknown_names_are_told(llama: LoadedModel, examples: list[Example]) -> None:
    long = Example("word " * 40, " yes", references=("yes",), id="long")
    with pytest.raises(BenchmarkError, match="candidate long has 205 tokens, more than the 128 of model llama"):
        extract(llama, [*examples, long])
    with pytest.raises(BenchmarkError, match="did you mean 'mean'"):
        extract(llama, examples, poolings=("meen",))
    with pytest.raises(BenchmarkError, match="did you mean 'residual'"):
        extract(llama, examples, sites={"residuals": ("mean",)})
    with pytest.raises(BenchmarkError, match="did you mean 'kurtosis'"):
        extract(llama, examples, sites={"residual": ("curtosis",)})
    with pytest.raises(BenchmarkError, match="unknown kernel"):
        extract(llama, examples, kernel="fast")


def test_the_first_candidate_without_a_token_to_pool_is_named(
    llama: LoadedModel, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between longer ones, whose tokens stand where it has padding."""
    monkeypatch.setitem(MASKS, "late", replace(MASKS["causal"], pooled=Places("late", lambda s: s.position >= 12)))
    short = [Example("ab", " no", references=("no",), id=name) for name in ("one", "two")]
    with pytest.raises(BenchmarkError, match=r"^candidate one has no token in late, so mask late has nothing to pool"):
        extract(llama, [examples[0], *short, examples[1]], masks=("causal", "late"))
    assert extract(llama, examples[:2], masks=("late",)).scores.shape[0] == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_activations_name_model_layer_and_candidate(examples: list[Example], value: float) -> None:
    loaded = tiny_model("llama")
    with torch.no_grad():
        find_decoder(loaded.model).mlps[1].down_proj.weight[3, 5] = value  # type: ignore[union-attr, operator]
    with pytest.raises(BenchmarkError, match=r"model llama, layer 1, candidate e\d+: \w+ of mlp_output .*NaN"):
        extract(loaded, examples)


def test_a_degenerate_vector_is_told_from_a_broken_one(examples: list[Example]) -> None:
    loaded = tiny_model("llama")
    torch.nn.init.zeros_(find_decoder(loaded.model).mlps[2].down_proj.weight)  # type: ignore[union-attr, arg-type]
    with pytest.raises(BenchmarkError, match=r"layer 2, candidate e\d+: skewness of mlp_output .*constant"):
        extract(loaded, examples, sites={"mlp_output": MLP})
    assert extract(loaded, examples, sites={"mlp_output": ("mean", "max_abs")}).scores.shape[-1] == 2


def test_running_out_of_memory_halves_the_budget_and_changes_nothing(
    llama: LoadedModel, examples: list[Example], scores: ActivationScores, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = find_decoder(llama.model)
    widths: list[int] = []
    failures: list[int] = []
    forward = decoder.base.forward

    def small_device(input_ids: torch.Tensor, **arguments: object) -> object:
        if input_ids.numel() > 100:
            failures.append(input_ids.numel())
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        widths.append(input_ids.numel())
        return forward(input_ids=input_ids, **arguments)

    whole = extract(llama, examples, masks=("causal", "prefix"))
    monkeypatch.setattr(decoder.base, "forward", small_device)
    budget = Budget(1600)
    halved = extract(llama, examples, masks=("causal", "prefix"), token_budget=budget)
    assert max(widths) > 50
    assert 50 <= budget.tokens <= 100
    before = len(failures)
    extract(llama, examples, masks=("causal", "prefix"), token_budget=budget)
    assert len(failures) == before > 0, "the next shard tries no batch that cannot fit"
    assert drift(halved.scores, whole.scores, whole.statistics) < TOLERANCE
    monkeypatch.setattr(decoder.base, "forward", lambda **_: (_ for _ in ()).throw(torch.cuda.OutOfMemoryError("x")))
    with pytest.raises(BenchmarkError, match="does not fit into the memory"):
        extract(llama, examples, masks=("causal",))


def test_a_model_that_ignores_masks_is_refused(llama: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = find_decoder(llama.model)
    check_masks_honoured(llama, decoder)
    forward = decoder.base.forward
    monkeypatch.setattr(decoder.base, "forward", lambda attention_mask=None, **rest: forward(**rest))
    with pytest.raises(BenchmarkError, match="ignores a 4D attention mask"):
        check_masks_honoured(llama, decoder)
