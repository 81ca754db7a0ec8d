"""`check DATASET [MODEL]`: ten rows as a model will see them, and what looks wrong, before anything long is run."""

from __future__ import annotations

import difflib
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, permutations
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from benchmark.errors import BenchmarkError, unknown
from benchmark.params import Params
from benchmark.tasks.dataset import Dataset
from benchmark.tasks.example import Example, comparable
from benchmark.tasks.golds import unscorable
from benchmark.tasks.metrics import get_metric
from benchmark.tasks.tokens import Tokens, tokenize_example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class HasParams(Protocol):
    @property
    def params(self) -> Params: ...


SHOWN = 10
NAMED = 3
"""Near-duplicates that are named; the others are counted."""
NEAR = 0.9
"""Share of words in common, in order, from which two inputs are near-duplicates."""
COMPARED = 100
"""Different answers that are compared by the metric, each with each."""
LIKE_MISSING = ("nan", "none", "null", "na", "n/a", "#n/a")
RARE = 0.1
"""Share of the mean count of a label below which the label is rare."""
HTML = re.compile(r"&(?:#\w+|[A-Za-z]\w*);|<br ?/?>|</\w+>")


@click.command()
@click.argument("dataset")
@click.argument("model", required=False)
@click.pass_obj
def check(session: HasParams, dataset: str, model: str | None) -> None:
    """Draw a dataset and show ten rows as MODEL will see them: input, «target», tokens; then what looks wrong."""
    for line in report(session.params, dataset, model):
        click.echo(line)


def report(params: Params, name: str, model: str | None = None) -> Iterator[str]:
    """The lines. Raises `BenchmarkError` where the dataset cannot be drawn at all."""
    if name not in params.datasets:
        raise unknown("dataset", name, params.datasets)
    tokenizer = _tokenizer(params, model) if model else None
    shape = params.models[model].known_shape(params.model_folder(model)) if model else None
    allowed = getattr(params.datasets[name], "allow_unscorable", 0)
    source = params.datasets[name]
    if hasattr(source, "allow_unscorable"):  # shown below instead of refused
        source = source.model_copy(update={"allow_unscorable": 10**9})
    dataset = source.build(name)
    everything = (*dataset.pool, *dataset.queries)
    tokens = {example: tokenize_example(tokenizer, example) for example in everything} if tokenizer else {}
    yield f"{name}: {dataset.kind}, {len(dataset.pool)} candidates, {len(dataset.queries)} queries, {dataset.metric}"
    for part, passed in dataset.source.get("passed_over", {}).items():
        if passed:
            yield f"  passed over for {part}: " + ", ".join(f"{number} {why}" for why, number in passed.items())
    yield ""
    for example in dataset.pool[:SHOWN]:
        yield f"{example.id}: {example.input!r} «{example.target!r}»"
        if example.choices:
            yield f"    choices {', '.join(map(repr, example.choices))}"
        if tokenizer is not None:
            yield f"    {_marked(tokenizer, tokens[example])}"
    yield ""
    yield f"between two examples: {dataset.separator!r}; an answer ends at {dataset.stop!r}" + (
        f" or after {dataset.max_new_tokens} tokens" if dataset.kind == "generative" else ""
    )
    yield _lengths("input", [len(example.input) for example in everything], "characters")
    yield _lengths("target", [len(example.target) for example in everything], "characters")
    if tokens:
        yield _lengths("input", [each.n_input for each in tokens.values()], "tokens")
        yield _lengths("target", [each.n_target for each in tokens.values()], "tokens")
    labels = Counter(example.label for example in dataset.pool if example.label)
    if labels:
        yield "labels of the pool: " + ", ".join(f"{label} {count}" for label, count in labels.most_common())
    yield ""
    wrong = list(_wrong(dataset, labels, tokens, allowed))
    if tokenizer is not None:
        wrong += _unread(tokenizer, tokens, shape.vocabulary if shape else None)
    yield from (f"look at: {line}" for line in wrong)
    if not wrong:
        yield "nothing looks wrong: every gold answer scores 1 against itself, and no two inputs are near-duplicates"


def _tokenizer(params: Params, model: str) -> PreTrainedTokenizerBase:
    from benchmark.models.loading import load_tokenizer
    from benchmark.models.places import weights_folder
    from benchmark.storage import read_json

    folder = params.model_folder(model)
    path = getattr(params.models[model], "path", None)
    if (folder / "manifest.json").is_file():
        return load_tokenizer(weights_folder(folder, read_json(folder / "manifest.json")))
    if path is not None and (Path(path) / "tokenizer_config.json").is_file():
        return load_tokenizer(Path(path))
    raise BenchmarkError(
        f"the tokenizer of {model} is not here yet: run `python -m benchmark --params {params.paths.params} model "
        f"{model}` first, or leave the model out"
    )


def _marked(tokenizer: PreTrainedTokenizerBase, tokens: Tokens) -> str:
    """The tokens, those of the target between « and »."""
    words = [repr(tokenizer.decode([token]))[1:-1] for token in tokens.ids]
    return f"{'|'.join(words[: tokens.n_input])} «{'|'.join(words[tokens.n_input :])}»"


def _lengths(what: str, sizes: Sequence[int], unit: str) -> str:
    return f"{what}: {min(sizes)} to {max(sizes)} {unit}, median {statistics.median_high(sizes)}"


def _unread(tokenizer: PreTrainedTokenizerBase, tokens: Mapping[Example, Tokens], rows: int | None) -> Iterator[str]:
    """Texts that the model does not read as they stand. `rows`: those of its embedding, if known."""
    beyond = set() if rows is None else {index for index in tokenizer.get_vocab().values() if index >= rows}
    for unread, why in (
        ({*tokenizer.all_special_ids}, "a special token or one for what it does not know"),
        (beyond, "a token that the model has no row for"),
    ):
        found = [(example, index) for example, each in tokens.items() for index in each.ids if index in unread]
        if found:
            example, index = found[0]
            count = len({example.id for example, _ in found})
            yield (
                f"{count} rows hold text that the tokenizer reads as {tokenizer.convert_ids_to_tokens(index)!r}, "
                f"{example.id} first: {why}; see the step `replace`"
            )


def _wrong(dataset: Dataset, labels: Counter[str], tokens: Mapping[Example, Tokens], allowed: int) -> Iterator[str]:
    everything = (*dataset.pool, *dataset.queries)
    refused = unscorable(dataset)
    if refused:
        first = refused[0]
        fate = "which allow_unscorable allows" if len(refused) <= allowed else "which the dataset stage refuses"
        yield (
            f"{len(refused)} gold answers do not score 1 against themselves, {fate}; first {first.example.id}: "
            f"{first.reason}"
        )
    elif tokens and (cut := unscorable(dataset, lambda example: tokens[example].n_target)):
        yield (
            f"the model cannot give {len(cut)} gold answers whole, {cut[0].example.id} first: {cut[0].reason}; raise it"
        )
    near = _near_duplicates(everything)
    for one, other in near[:NAMED]:
        yield f"near-duplicates: {one.id} {one.input[:70]!r} and {other.id} {other.input[:70]!r}"
    if len(near) > NAMED:
        yield f"{len(near) - NAMED} more pairs of near-duplicates"
    if len(labels) > 1:
        mean = sum(labels.values()) / len(labels)
        for label, number in labels.items():
            if number < RARE * mean:
                yield f"the label {label!r} has {number} of {len(dataset.pool)} candidates: see `balance: label`"
    if dataset.kind == "classification":
        fixed = {example.choices for example in everything}
        if len(fixed) == 1:
            never = [choice for choice in fixed.pop() if all(example.target != choice for example in everything)]
            if never:
                yield f"the choice {never[0]!r} is never the answer"
        elif len({example.gold for example in everything}) == 1 and len(everything) > SHOWN:
            yield f"the answer is always choice number {everything[0].gold + 1}: shuffle the choices"
    median = statistics.median_high(len(example.input) for example in everything)
    long = [example for example in everything if len(example.input) > 10 * median]
    if long:
        yield f"{len(long)} inputs are over 10 times as long as the median, {long[0].id} first: see max_characters"
    gone = [example for example in everything if example.target.strip().casefold() in LIKE_MISSING]
    if gone:
        yield (
            f"{len(gone)} targets are {gone[0].target.strip()!r} or the like, {gone[0].id} first: where that means "
            f"none, leave the cell empty"
        )
    yield from _confused(dataset)
    strange = [example for example in everything if "\N{REPLACEMENT CHARACTER}" in example.input + example.target]
    if strange:
        yield f"{len(strange)} rows hold the character U+FFFD, {strange[0].id} first: a wrong `encoding` made it"
    marked = [(example, found[0]) for example in everything if (found := HTML.search(example.input + example.target))]
    if marked:
        example, tag = marked[0]
        yield f"{len(marked)} rows hold HTML, {tag!r} of {example.id} first: see the steps `unescape` and `replace`"
    garbled = [(example, word) for example in everything if (word := _garbled(example.input + example.target))]
    if garbled:
        example, word = garbled[0]
        yield (
            f"{len(garbled)} rows hold UTF-8 that was read in another `encoding`, {example.id} first: "
            f"{word!r} for {_as_utf8(word)!r}"
        )
    if len({example.target for example in everything}) == 1:
        yield f"every answer is {everything[0].target.strip()!r}"
    yield from _cased(dataset)


def _cased(dataset: Dataset) -> Iterator[str]:
    """Two answers that differ in case alone, where the metric minds."""
    score = get_metric(dataset.metric)
    first: dict[str, Example] = {}
    for example in (*dataset.pool, *dataset.queries):
        one = first.setdefault(example.target.casefold(), example)
        if one.target != example.target and score(example.target, one) < 1:
            yield (
                f"the answers {one.target.strip()!r} of {one.id} and {example.target.strip()!r} of {example.id} differ "
                f"in case alone: see the step `lower`"
            )
            return


def _as_utf8(word: str) -> str | None:
    """A word whose UTF-8 was read as cp1252, as it was written; None for every other word."""
    try:
        return None if word.isascii() else word.encode("cp1252").decode()
    except UnicodeError:
        return None


def _garbled(text: str) -> str | None:
    return None if text.isascii() else next((word for word in text.split() if _as_utf8(word)), None)


def _confused(dataset: Dataset) -> Iterator[str]:
    """Different answers that the metric takes for one another."""
    if dataset.kind == "classification":
        return
    first = {example.target.strip().casefold(): example for example in (*dataset.pool, *dataset.queries)}
    score = get_metric(dataset.metric)
    some = [*first.values()][:COMPARED]
    pairs = [
        (one, other)
        for one, other in permutations(some, 2)
        if other.target.strip() not in one.references and score(other.target, one) == 1
    ]
    if pairs:
        one, other = pairs[0]
        yield (
            f"{dataset.metric} takes {other.target.strip()!r:.60} of {other.id} for {one.target.strip()!r:.60} of "
            f"{one.id} ({len(pairs)} such pairs): see `metric`"
        )


def _near_duplicates(examples: Sequence[Example]) -> list[tuple[Example, Example]]:
    """Pairs of different inputs that share nearly all words; only neighbours in two orders are compared."""
    found: dict[tuple[str, str], tuple[Example, Example]] = {}
    words = {example.id: comparable(example.input).casefold().split() for example in examples}
    for order in (words.__getitem__, lambda identity: words[identity][::-1]):
        ordered = sorted(examples, key=lambda example: order(example.id))
        for one, other in pairwise(ordered):
            first, second = words[one.id], words[other.id]
            if difflib.SequenceMatcher(None, first, second, autojunk=False).ratio() >= NEAR:
                pair = min((one, other), (other, one), key=lambda two: two[0].id)
                found[pair[0].id, pair[1].id] = pair
    return [found[key] for key in sorted(found)]
