"""The command: checks, figures, a short table, `results/gpu/CARD.json`."""

from __future__ import annotations

import sys

from benchmark.timing.gpu.packages import lacking, remedy

if missing := lacking():
    sys.exit(f"error: {remedy(missing)}")

from benchmark.timing.gpu.proof import main

main(prog_name="python -m benchmark.timing.gpu")
