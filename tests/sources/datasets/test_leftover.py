"""Text for dictionaries is neither candidate nor query."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from benchmark.sources.datasets.embedded import EmbeddedDataset
from benchmark.sources.datasets.local import LocalDataset
from benchmark.tasks.drawing import inputs_of


def test_rows_that_were_not_drawn_are_left_over_however_long_they_are(tmp_path: Path) -> None:
    texts = [f"question {i}" for i in range(30)] + ["  question   3 ", "x" * 300, "question 7"]
    lines = [f'"{text}",{"no" if i % 3 else "yes"}' for i, text in enumerate(texts)]
    path = tmp_path / "rows.csv"
    path.write_text("question,answer\n" + "\n".join(lines) + "\n")
    source = LocalDataset(
        source="local",
        pool_files=(str(path),),
        prompt="Q: {question}\nA:",
        target="{answer}",
        choices=("yes", "no"),
        balance="label",
        max_characters=60,
        pool=12,
        queries=6,
    )
    dataset = source.build("mine")
    with path.open("a") as file:
        file.write(",yes\nlast,perhaps\n")  # rows that no example can be made of
    left = list(source.leftover(dataset))
    drawn = inputs_of((*dataset.pool, *dataset.queries))
    found = inputs_of(left)
    assert len(found) == len(left)
    assert not found & drawn
    assert found | drawn == {f"Q: {text} A:" for text in (*(f"question {i}" for i in range(30)), "x" * 300)}
    assert [example.id for example in source.leftover(dataset)] == [example.id for example in left]


def test_a_family_goes_on_under_other_seeds() -> None:
    source = EmbeddedDataset(source="embedded", family="topic", pool=200, queries=16, split="held_out", seed=1)
    dataset = source.build("topic")
    left = list(islice(source.leftover(dataset), 450))
    assert len(inputs_of(left)) == 450
    assert not inputs_of(left) & inputs_of((*dataset.pool, *dataset.queries))
    assert {example.target for example in left} - {example.target for example in dataset.pool}  # another task's answers


def test_nothing_is_left_of_rows_that_were_all_drawn(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("question,answer\n" + "".join(f"question {i},{i}\n" for i in range(10)))
    source = LocalDataset(
        source="local", pool_files=(str(path),), prompt="{question}:", target="{answer}", pool=6, queries=4
    )
    assert list(source.leftover(source.build("mine"))) == []
