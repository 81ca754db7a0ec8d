"""Every family keeps the contract, and its targets are right by an independent reading of its inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from benchmark.errors import BenchmarkError
from benchmark.models.tokenizer import build_tokenizer
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.embedded import FAMILIES, build_dataset
from benchmark.tasks.embedded.lexicon import LABEL_PAIRS, SENTIMENTS, SPLITS, TOPICS, Split, lexicon
from benchmark.tasks.example import Example
from benchmark.tasks.metrics import METRICS
from benchmark.tasks.tokens import encode, tokenize_example

TOPIC_OF = {word: topic for topic, words in TOPICS.items() for word in words}
EVERY = sorted(FAMILIES)


def dataset(family: str, seed: int = 3, split: Split = "seen") -> Dataset:
    return build_dataset("d", family, seed, n_pool=200, n_queries=96, split=split)


def words_of(example: Example) -> list[str]:
    """The words of an input between cue and arrow."""
    return example.input.split(" : ")[1].removesuffix(" ->").split()


def test_there_are_enough_families_of_both_kinds() -> None:
    kinds = Counter(family.kind for family in FAMILIES.values())
    assert kinds["classification"] >= 4
    assert kinds["generative"] >= 3


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("family", EVERY)
def test_contract(family: str, split: Split) -> None:
    """Distinct, disjoint, balanced, of varied length, tokenized without unknown words, with a known metric."""
    made = dataset(family, split=split)
    inputs = [example.input for example in (*made.pool, *made.queries)]
    assert len(set(inputs)) == 296
    assert made.metric in METRICS
    for part in (made.pool, made.queries):
        if made.kind == "classification":
            counts = Counter(example.label for example in part)
            assert max(counts.values()) - min(counts.values()) <= 1
            assert len(counts) == 2
            assert len({(example.choices, example.label, example.target) for example in part}) == 2
    tokenizer = build_tokenizer(bos=True)
    tokens = [tokenize_example(tokenizer, example) for example in (*made.pool, *made.queries)]
    assert all(tokenizer.unk_token_id not in token.ids for token in tokens)
    assert len({len(token) for token in tokens}) > 1
    assert max(token.n_target for token in tokens) < made.max_new_tokens
    assert max(map(len, tokens)) <= 16
    first = made.pool[0]
    parts = [first.input + first.target + made.separator, made.queries[0].input]
    left, right, whole = encode(tokenizer, [*parts, "".join(parts)])
    assert left.ids + right.ids == whole.ids


@pytest.mark.parametrize("family", EVERY)
def test_a_seed_decides_everything(family: str) -> None:
    assert dataset(family) == dataset(family)
    assert dataset(family) != dataset(family, seed=4)


@pytest.mark.parametrize("family", EVERY)
def test_held_out_words_never_occur_in_the_seen_split_nor_the_reverse(family: str) -> None:
    for split, other in (("seen", "held_out"), ("held_out", "seen")):
        hidden = lexicon(other)
        forbidden = {*hidden.words, *(word for words in hidden.sentiments.values() for word in words)}
        for example in dataset(family, split=split).pool:  # type: ignore[arg-type]
            assert forbidden.isdisjoint(words_of(example))


@pytest.mark.parametrize("family", EVERY)
def test_labels_are_arbitrary_and_rules_vary_between_seeds(family: str) -> None:
    """Which word stands for which class, or which rule holds, is nothing that a model could know beforehand."""
    tasks = [FAMILIES[family].draw(np.random.default_rng(seed), lexicon("seen")) for seed in range(20)]
    generator = np.random.default_rng(0)
    if FAMILIES[family].kind == "classification":
        labels = {word for pair in LABEL_PAIRS for word in pair}
        targets = {task.example(generator, 0).target for task in tasks}
        assert len(targets) > 8
        assert {target.split()[-1] for target in targets} <= labels
    else:
        examples = [task.example(np.random.default_rng(0), 1) for task in tasks]
        assert len({example.target for example in examples}) > 1
        assert len({example.input.split(" : ")[0] for example in examples}) == 1


@pytest.mark.parametrize("family", EVERY)
def test_an_explicit_task_is_told_in_words_of_its_own(family: str) -> None:
    task = FAMILIES[family].draw(np.random.default_rng(1), lexicon("seen"))
    implicit, explicit = (t.example(np.random.default_rng(2), 0) for t in (task, task.explicit()))
    if FAMILIES[family].kind == "classification":
        assert implicit.input == explicit.input
        assert implicit.label == explicit.target.strip()
    else:
        assert implicit.target == explicit.target
        assert implicit.input.split(" : ")[0] != explicit.input.split(" : ")[0]


def majority_topic(example: Example) -> str:
    return Counter(TOPIC_OF[word] for word in words_of(example) if word in TOPIC_OF).most_common(1)[0][0]


def sentiment(example: Example) -> str:
    (name,) = (name for name, adjectives in SENTIMENTS.items() if set(words_of(example)) & set(adjectives))
    return name


def question(example: Example) -> str:
    return "asked" if words_of(example)[0] == "was" else "stated"


def negation(example: Example) -> str:
    return "negated" if "not" in words_of(example) else "affirmed"


CLASSES: dict[str, Callable[[Example], str]] = {
    "topic": majority_topic,
    "majority": majority_topic,
    "sentiment": sentiment,
    "question": question,
    "negation": negation,
}


@pytest.mark.parametrize("family", [name for name in EVERY if FAMILIES[name].kind == "classification"])
def test_labels_are_right(family: str) -> None:
    made = dataset(family)
    assert [example.label for example in made.pool] == [CLASSES[family](example) for example in made.pool]


def rules(family: str, words: list[str]) -> list[list[str]]:
    """Every answer that some rule of the family gives, rules in a fixed order."""
    if family == "filtering":
        return [[word for word in words if TOPIC_OF[word] == topic] for topic in TOPICS]
    if family == "opinion":
        return [[word for word in words if word in adjectives] for adjectives in SENTIMENTS.values()]
    by_topic = {TOPIC_OF[word]: word for word in words}
    singles = [[by_topic.get(topic, "")] for topic in TOPICS]
    return singles + [[by_topic.get(a, ""), by_topic.get(b, "")] for a in TOPICS for b in TOPICS if a != b]


@pytest.mark.parametrize("family", [name for name in EVERY if FAMILIES[name].kind == "generative"])
def test_exactly_one_rule_explains_all_targets(family: str) -> None:
    made = dataset(family)
    answers = [[" ".join(answer) for answer in rules(family, words_of(example))] for example in made.pool]
    targets = [example.references[0] for example in made.pool]
    explaining = [r for r in range(len(answers[0])) if all(a[r] == t for a, t in zip(answers, targets, strict=True))]
    assert len(explaining) == 1
    assert [example.target for example in made.pool] == [f" {target}" for target in targets]


@pytest.mark.slow
def test_bad_input_is_told_in_one_line() -> None:
    with pytest.raises(BenchmarkError, match="did you mean 'topic'"):
        build_dataset("d", "topics", 1)
    with pytest.raises(BenchmarkError, match="n_pool and n_queries"):
        build_dataset("d", "topic", 1, n_pool=0)
    with pytest.raises(BenchmarkError, match="unknown lexicon split"):
        build_dataset("d", "topic", 1, split="hidden")  # type: ignore[arg-type]
    with pytest.raises(BenchmarkError, match="too few distinct examples"):
        build_dataset("d", "sentiment", 1, n_pool=900, n_queries=100, split="held_out")
