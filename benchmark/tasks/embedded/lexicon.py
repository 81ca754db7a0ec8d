"""The words of the embedded tasks, and which of them are held out of training.

A quarter of every topic and of every sentiment is `held_out`: no episode of any family ever uses those words in
training. A model meets them in plain text only (`benchmark.models.training`), where words of a kind keep company.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from benchmark.errors import unknown

Split = Literal["seen", "held_out"]
SPLITS: tuple[Split, ...] = ("seen", "held_out")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


TOPICS: dict[str, tuple[str, ...]] = {
    "animal": _words("fox wolf bear deer goat horse mouse tiger otter rabbit camel zebra sheep whale eagle snake"),
    "tool": _words(
        "hammer saw drill wrench chisel pliers shovel rake axe file clamp ladder trowel mallet spanner crowbar"
    ),
    "food": _words("bread cheese soup rice pasta honey salad butter apple onion carrot plum cake bean lemon garlic"),
    "clothing": _words("shirt coat scarf glove sock boot hat belt skirt vest jacket apron sandal hood cape mitten"),
    "music": _words("violin piano flute drum guitar harp cello trumpet banjo organ oboe tuba lute bugle viola fiddle"),
    "vehicle": _words(
        "truck train boat bicycle tram canoe wagon ferry taxi rocket sled glider barge tractor scooter yacht"
    ),
}
SENTIMENTS: dict[str, tuple[str, ...]] = {
    "positive": _words("good great lovely bright superb clever charming delightful warm brilliant graceful witty"),
    "negative": _words("bad awful dull bleak clumsy boring dreadful tedious cold shallow messy weak"),
}
SUBJECTS = _words("film book play song story dinner hotel lecture")
FILLERS = _words("the a some that this with near and")
LABEL_PAIRS: tuple[tuple[str, str], ...] = (
    ("yes", "no"),
    ("true", "false"),
    ("up", "down"),
    ("left", "right"),
    ("plus", "minus"),
    ("even", "odd"),
    ("open", "shut"),
    ("north", "south"),
)
ADVERBS = ("quite", "rather")  # "quite yes" / "quite no": labels of two tokens
INTENSIFIERS = ("very", "really")
HELD_OUT_SHARE = 4  # one word in so many


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words that a split of every family may use."""

    topics: dict[str, tuple[str, ...]]
    sentiments: dict[str, tuple[str, ...]]

    @property
    def words(self) -> tuple[str, ...]:
        """All topic words."""
        return tuple(word for words in self.topics.values() for word in words)


def _part(words: tuple[str, ...], split: Split) -> tuple[str, ...]:
    cut = len(words) - len(words) // HELD_OUT_SHARE
    return words[:cut] if split == "seen" else words[cut:]


@cache
def lexicon(split: Split) -> Lexicon:
    """The lexicon of a split; raises `BenchmarkError` for an unknown one."""
    if split not in SPLITS:
        raise unknown("lexicon split", split, SPLITS)
    return Lexicon(
        {topic: _part(words, split) for topic, words in TOPICS.items()},
        {sentiment: _part(words, split) for sentiment, words in SENTIMENTS.items()},
    )
