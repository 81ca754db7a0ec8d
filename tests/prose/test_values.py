"""`benchmark.prose.values`: what a comment beside a number can name."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.prose.values import look_up, written

RHO: dict[str, list[float | None]] = {"paper": [0.1, -0.5, 0.35, None], "extended": [0.9, -0.2]}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    claim = {"verdict": "refuted", "families": {"paper": {"rho": 0.5}}, "rate": 4.114e12, "fine": True, "none": None}
    claim["figures"] = [{"name": "one: mask", "value": 1.25}, {"name": "all", "value": 5.5}]
    Path("claim.json").write_text(json.dumps(claim))
    rows = [f"{family},{'' if rho is None else rho}" for family, rhos in RHO.items() for rho in rhos]
    Path("family.csv").write_text("family,rho\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("claim.json: verdict", "refuted"),
        ("claim.json: families.paper.rho", 0.5),
        ("claim.json: rate / 1e12", 4.114),
        ("claim.json: families.paper.rho * 100", 50),
        ("claim.json: figures.1.name", "all"),
        ('claim.json: figures: value if name == "one: mask"', 1.25),
        ('family.csv: count(rho) if family == "paper"', 3),
        ("family.csv: distinct(family)", 2),
        ('family.csv: sum(abs(rho) > 0.33) if family == "paper"', 2),
        ("family.csv: max(abs(rho))", 0.9),
        ('family.csv: median(abs(rho)) if family == "paper"', statistics.median([0.1, 0.5, 0.35])),
        ('family.csv: min(rho) if family == "paper"', -0.5),
        ('family.csv: 100 * mean(rho) if family == "extended"', None),
        ('family.csv: mean(100 * rho) if family == "extended"', 35),
    ],
)
def test_what_is_named_is_found(reference: str, value: str | float | None) -> None:
    if value is None:
        with pytest.raises(BenchmarkError, match=r"family\.csv"):
            look_up(reference)
    else:
        assert look_up(reference) == (pytest.approx(value) if isinstance(value, float) else value)


@pytest.mark.parametrize(
    "reference",
    [
        "claim.json: families.other.rho",  # no such key
        "claim.json: families.paper",  # not a single value
        "claim.json: fine",
        "claim.json: none",
        "absent.json: verdict",
        "family.csv: rho",  # several rows
        'family.csv: rho if family == "none"',
        'family.csv: max(rho) if family == "none"',  # of nothing
        "family.csv: max(correlation)",
        "family.csv: __import__('os').getcwd()",
    ],
)
def test_what_is_not_there_is_refused_in_one_line(reference: str) -> None:
    with pytest.raises(BenchmarkError) as refusal:
        look_up(reference)
    assert reference.split(":")[0] in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "before", "after"),
    [
        (0.4631, "0.46", "0.46"),
        (-0.4631, "0.5", "-0.5"),
        (0.4631, "0.463", "0.463"),
        (67092.2, "1", "67,092"),
        (67092.2, "67,091.0", "67,092.2"),
        (7, "6", "7"),
        ("exceeded", "refuted", "exceeded"),
    ],
)
def test_a_value_is_written_as_what_stood_there(value: str | float, before: str, after: str) -> None:
    assert written(value, before) == after
