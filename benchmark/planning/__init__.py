"""What a run will take, before it starts and without weights: prompts, tokens, FLOPs, bytes, memory and hours.

    print(plan(params, gpu="H100"))

The passes of a run are those that the stages will make: the same grouping code is walked with token lengths alone.
"""

from benchmark.planning.plan import plan

__all__ = ["plan"]
