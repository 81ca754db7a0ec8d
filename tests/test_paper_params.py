"""What the paper's profile pins, against the facts that were checked: each model and dataset by commit and by size."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmark.models.shape import weights
from benchmark.params import Params, load_params
from benchmark.sources.datasets.hub import HubDataset
from benchmark.sources.models.hub import HubModel

PAPER = Path(__file__).parents[1] / "paper" / "params.yaml"
CORE = ("boolq", "arc_challenge", "openbookqa", "gsm8k")

# layers, hidden, MLP, heads, KV heads, vocabulary, BOS, bytes of the safetensors files
MODELS = {
    "llama_3b": (
        "meta-llama/Llama-3.2-3B",
        "13afe5124825b4f3751f836b40dafda64c1ed062",
        (28, 3072, 8192, 24, 8, 128, 128256, True),
        True,
        4965799096 + 1459729952,
    ),
    "qwen_3b": (
        "Qwen/Qwen2.5-3B",
        "3aab1f1954e9cc14eb9509a215f9e5ca08227a9b",
        (36, 2048, 11008, 16, 2, 128, 151936, True),
        False,
        3968658944 + 2203268048,
    ),
}
# key, repository, configuration, commit, labelled split and its rows, rows of the train split, metric
DATASETS = """
boolq google/boolq default 35b264d03638db9f4ce671b711558bf7ff0f80d5 validation 3270 9427 accuracy
arc_challenge allenai/ai2_arc ARC-Challenge 210d026faf9955653af8916fad021475a3f00453 test 1172 1119 accuracy
openbookqa allenai/openbookqa main 388097ea7776314e93a529163e0fea805b8a6454 test 500 4957 accuracy
commonsense_qa tau/commonsense_qa default 94630fe30dad47192a8546eb75f094926d47e155 validation 1221 9741 accuracy
ag_news fancyzhx/ag_news default eb185aade064a813bc0b7f42de02595523103ca4 test 7600 120000 accuracy
sst2 stanfordnlp/sst2 default 8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb validation 872 67349 accuracy
gsm8k openai/gsm8k main 740312add88f781978c0658806c59bc2815b9866 test 1319 7473 numeric_match
squad rajpurkar/squad plain_text 7b6d24c440a36b6815f21b70d25016731768db1f validation 10570 87599 squad_f1
nq_open google-research-datasets/nq_open nq_open 5dd9790a83002ad084ddeb7c420dc716852c6f28 validation 3610 87925 \
answer_match
cnn_dailymail abisee/cnn_dailymail 3.0.0 96df5e686bee6baa90b8bee7c28b81fa3fa6223d test 11490 287113 rouge_l
"""


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(PAPER)


def on_demand() -> dict[str, HubDataset]:
    """The datasets that stand in the profile as comments, an entry a line."""
    lines = PAPER.read_text(encoding="utf-8").splitlines()
    entries = [
        line.strip().removeprefix("# ") for line in lines if line.strip().startswith("# ") and "{source: hub" in line
    ]
    return {name: HubDataset(**entry) for line in entries for name, entry in yaml.safe_load(line).items()}


def test_the_models_are_pinned(params: Params) -> None:
    assert set(params.models) == set(MODELS)
    for name, (repository, revision, numbers, bos, size) in MODELS.items():
        model = params.models[name]
        assert isinstance(model, HubModel)
        assert (model.repository, model.revision, model.add_bos) == (repository, revision, bos)
        assert model.shape is not None
        shape = model.shape
        assert (
            shape.layers,
            shape.hidden,
            shape.intermediate,
            shape.heads,
            shape.kv_heads,
            shape.head_dim,
            shape.vocabulary,
            shape.tied,
        ) == numbers
        assert 2 * weights(shape) == pytest.approx(size, rel=1e-3)  # bfloat16; biases, norms and headers are the rest


def test_the_ten_datasets_are_pinned_and_the_core_set_is_on(params: Params) -> None:
    assert tuple(params.datasets) == CORE
    pinned = {**params.datasets, **on_demand()}
    rows = [line.split() for line in DATASETS.strip().splitlines()]
    assert set(pinned) == {row[0] for row in rows}
    for name, repository, config, revision, split, labelled, train, metric in rows:
        entry = pinned[name]
        assert isinstance(entry, HubDataset)
        assert (entry.repository, entry.config, entry.revision) == (repository, config, revision)
        assert (entry.pool_split, entry.query_split) == ("train", split)
        assert entry.form().metric == metric
        assert entry.form().kind == ("classification" if metric == "accuracy" else "generative")
        assert entry.queries == 500 <= int(labelled)
        if name == "arc_challenge":
            assert entry.pool is None, "all 1,119"
        else:
            assert entry.pool == 1000 <= int(train)


def test_what_is_drawn_and_asked_is_the_claims(params: Params) -> None:
    assert params.claim.bound == 0.33
    assert params.claim.families["paper"].shots == 1
    masks = ("causal", "no_sink", "input", "target", "target_isolated", "prefix", "bidirectional", "self")
    statistics = (
        "mean",
        "variance",
        "skewness",
        "kurtosis",
        "max_abs",
        "max_median_ratio",
        "max_sequence_ratio",
        "massive_count",
    )
    assert params.extraction.masks == params.claim.families["extended"].masks == masks
    assert params.extraction.sites["mlp_output"] == params.claim.families["extended"].statistics == statistics
    assert params.claim.families["paper"].outcomes == ("quality", "performance")
    assert (params.extraction.massive_absolute, params.extraction.massive_ratio) == (100, 1000)
    assert 1 in params.selection.shots
