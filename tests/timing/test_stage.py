import json

from benchmark.timing.stage import measure
from benchmark.timing.workload import Shape


def test_timing_json_has_ratios_first_and_the_machine() -> None:
    content = measure(2, shape=Shape(layers=1, hidden=64, rows=2, tokens=16))
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert next(iter(content)) == "ratios"
    assert content["attention_rules"] == 6
    assert content["machine"]["cores"] >= 1
    for ratio in content["ratios"].values():
        assert ratio["low"] <= ratio["median"] <= ratio["high"]
        assert ratio["n"] == 2
        assert min(ratio["median"], ratio["candidate_us"], ratio["baseline_us"]) > 0
