"""Words stay words, whatever YAML 1.1 takes them for; and what is dumped comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from benchmark.yaml_loader import load_yaml

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[no, yes, on, off, No, YES, y]", ["no", "yes", "on", "off", "No", "YES", "y"]),
        ("{no: yes}", {"no": "yes"}),
        ("[true, False]", [True, False]),
        ("[010, 0o7, 0x1F, 1:30, 1_000]", ["010", "0o7", "0x1F", "1:30", "1_000"]),
        ("[0, -3, 4000, 1.5, .5, 1.0e-4, null, ~]", [0, -3, 4000, 1.5, 0.5, 1e-4, None, None]),
        ("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}", {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}),
    ],
)
def test_a_scalar_is_what_it_looks_like(text: str, value: Any) -> None:
    assert load_yaml(text) == value


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "x:\n  a: 1\n  a: 1\n", "{0: a, '0': b}"])
def test_a_key_that_occurs_twice_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match=r"line \d has the key '.' a second time"):
        load_yaml(text)


SCALAR = st.text() | st.from_regex(r"\A[-+.0-9eE:_xo]{1,6}\Z") | st.integers() | st.booleans() | st.none()


@given(st.recursive(SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)))
def test_what_is_dumped_comes_back(value: Any) -> None:
    assert load_yaml(yaml.safe_dump(value)) == value


@pytest.mark.parametrize("path", ["params.yaml", "pretrained/params.yaml", "paper/params.yaml"])
def test_the_profiles_mean_the_same_in_yaml_1_1(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert load_yaml(text) == yaml.safe_load(text)
