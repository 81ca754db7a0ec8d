"""The plan's time against that of the stages that really ran."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.rehearsal.rehearsal import PARAMS, Rehearsal

PLANNED = """
import json, sys
from pathlib import Path
from benchmark.params import load_params
from benchmark.planning import plan
costs = plan(load_params(Path(sys.argv[1])), calibrated=True).costs
seconds = {}
for cost in costs:
    seconds[cost.stage] = seconds.get(cost.stage, 0.0) + cost.seconds
print(json.dumps(seconds))
"""


def planned(rehearsal: Rehearsal) -> dict[str, float]:
    """Seconds of each stage as the plan has them, now that datasets and tokenizers are there."""
    done = subprocess.run(
        [sys.executable, "-c", PLANNED, str(PARAMS)],
        cwd=rehearsal.checkout,
        env=rehearsal.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: float(value) for name, value in json.loads(done.stdout.splitlines()[-1]).items()}


def measured(checkout: Path) -> dict[str, float]:
    """Seconds of each stage as they were recorded when it ran."""
    return {
        path.stem: float(json.loads(path.read_text(encoding="utf-8"))["seconds"])
        for path in sorted((checkout / ".work" / "stages").rglob("*.json"))
    }


def compare(rehearsal: Rehearsal) -> str:
    """A line for each sort of stage: planned and measured seconds, and the plan's error."""
    plan, real = planned(rehearsal), measured(rehearsal.checkout)
    common = sorted(set(plan) & set(real))
    if not common:
        return f"no stage was both planned and recorded: {sorted(plan)[:2]}, {sorted(real)[:2]}"
    lines = [f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"]
    for stage in ("extract", "quality", "select"):
        expected, took = plan.get(stage, 0.0), real.get(stage, 0.0)
        if took:
            lines.append(f"{stage:<8} planned {expected:6.1f} s, took {took:6.1f} s, error {expected / took - 1:+.0%}")
    return "\n".join(lines)
