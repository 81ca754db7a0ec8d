"""What `make bench-compare` times: the loops in which the time goes, on inputs made from a seed.

    python -P benchmark/timing/worker.py INPUTS [SLOWER]     reads names of workloads, answers with processor seconds

With SLOWER, 0.2 for a fifth, every call keeps the processor busy for so much longer: a slowdown that must be found.

A worker runs this file with another tree's `benchmark` package, so it uses nothing but what that package has long had;
a workload that cannot be set up there is answered with the reason and is not compared. What both trees must agree on,
the workload returns as an array.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Work = Callable[[], object]
SCORED = "scored.txt"
TOKEN_BUDGET = 4096
STATISTICS = ("mean", "variance", "skewness", "kurtosis", "max_abs", "max_median_ratio")
"""Those that have always meant the same."""
SECONDS = 0.05
"""A sample lasts at least so long: above the clock's and the scheduler's grain."""


def statistics(_: Path) -> Work:
    """Every statistic of 512 rows of hidden size 512, by the kernel that extraction would choose."""
    import torch

    from benchmark.activations.kernels import choose_kernel

    kernel: Any = choose_kernel("auto", torch.device("cpu"))
    rows = torch.randn(512, 512, generator=torch.Generator().manual_seed(0))
    try:
        from benchmark.activations.sequences import Sequences
    except ImportError:  # a tree from before statistics of a whole sequence
        from benchmark.activations.statistics import Thresholds as Limits  # type: ignore[attr-defined]

        return lambda: kernel(rows, Limits(), frozenset({"moments", "massive"}))
    from benchmark.activations.group import Thresholds
    from benchmark.activations.statistics import STATISTICS

    sequences = Sequences(tuple(range(0, 513, 64)))
    return lambda: kernel(rows, sequences, Thresholds(), tuple(STATISTICS))


def extraction(inputs: Path) -> Work:
    """All masks and statistics of the pool."""
    return _extraction(inputs)


def one_mask(inputs: Path) -> Work:
    """All statistics of the pool in one causal pass."""
    return _extraction(inputs, masks=("causal",))


def bare(inputs: Path) -> Work:
    """Forward passes over the same batches, and nothing else: what extraction is measured by."""
    import torch

    from benchmark.activations.batching import length_batches
    from benchmark.models.decoder import find_decoder
    from benchmark.tasks.tokens import tokenize_example

    loaded, dataset = _loaded(inputs), _dataset(inputs)
    decoder = find_decoder(loaded.model)
    tokens = [tokenize_example(loaded.tokenizer, example, bos=loaded.add_bos).ids for example in dataset.pool]
    batches = [_padded([tokens[i] for i in batch]) for batch in length_batches([*map(len, tokens)], TOKEN_BUDGET)]
    return torch.inference_mode()(lambda: [decoder.base(input_ids=ids, use_cache=False) for ids in batches])


def scoring(inputs: Path) -> Work:
    """The first candidates by every query."""
    from benchmark.quality.quality import measure_quality

    loaded, dataset, scored = _loaded(inputs), _dataset(inputs), _scored(inputs)
    return lambda: measure_quality(loaded, dataset, range(scored)).log_probability


def necessary(inputs: Path) -> Work:
    """Plain passes over the tokens that scoring must compute, each once: what it is measured by."""
    import torch

    from benchmark.activations.batching import length_batches
    from benchmark.quality.likelihood import query_size
    from benchmark.quality.prompts import prompts

    loaded, dataset = _loaded(inputs), _dataset(inputs)
    (grid,) = prompts(loaded, dataset, [[index] for index in range(_scored(inputs))], dataset.queries)
    rows = [prefix.ids for prefix in grid.prefixes]
    for query in grid.queries:
        ids = (query.input * 2)[: query_size(query)]  # its choices branch from it; here only their number counts
        rows += [ids] * len(grid.prefixes)
    batches = [_padded([rows[i] for i in batch]) for batch in length_batches([*map(len, rows)], TOKEN_BUDGET)]
    return torch.inference_mode()(
        lambda: [loaded.model(ids, use_cache=False, logits_to_keep=1).logits.float().log_softmax(-1) for ids in batches]
    )


def sets(inputs: Path) -> Work:
    """Sets of four demonstrations that differ in the last, by every query."""
    return _leading(inputs, 4)


def sets_8(inputs: Path) -> Work:
    """Sets of eight demonstrations that differ in the last, by every query."""
    return _leading(inputs, 8)


def chosen_4(inputs: Path) -> Work:
    """The sets of four that selectors chose, by the queries that judge; of the inputs `selected`."""
    return _sets(inputs, json.loads((inputs / "chosen_4.json").read_text(encoding="utf-8")))


def chosen_8(inputs: Path) -> Work:
    """The same with eight."""
    return _sets(inputs, json.loads((inputs / "chosen_8.json").read_text(encoding="utf-8")))


def correlation(_: Path) -> Work:
    """Spearman's rho of 200 scores with one target over 1,000 candidates."""
    import numpy as np

    from benchmark.analysis.ranking import spearman

    generator = np.random.default_rng(0)
    scores, target = generator.standard_normal((200, 1000)), generator.standard_normal((1, 1000))
    return lambda: spearman(scores, target)


GATE = (statistics, extraction, scoring, sets, correlation)
"""What is compared unless workloads are named."""
WORKLOADS: dict[str, Callable[[Path], Work]] = {
    work.__name__: work for work in (*GATE, one_mask, sets_8, chosen_4, chosen_8, bare, necessary)
}
LIMITS = {"extraction": "bare", "one_mask": "bare", "scoring": "necessary"}
"""By workload, the one that does only what must be done."""


def _extraction(inputs: Path, **options: Any) -> Work:
    from benchmark.activations.extraction import extract

    loaded, dataset = _loaded(inputs), _dataset(inputs)

    def run() -> object:
        found = extract(loaded, dataset.pool, token_budget=TOKEN_BUDGET, **options)
        statistics = [found.statistics.tolist().index(name) for name in STATISTICS]
        return found.scores[:, :, found.masks.argsort()][..., statistics]

    return run


def _leading(inputs: Path, size: int) -> Work:
    last = range(size - 1, len(_dataset(inputs).pool))[: _scored(inputs)]
    return _sets(inputs, [[*range(size - 1), index] for index in last])


def _sets(inputs: Path, members: list[list[int]]) -> Work:
    from benchmark.quality.quality import score_sets

    loaded, dataset = _loaded(inputs), _dataset(inputs)
    return lambda: score_sets(loaded, dataset, members, range(len(dataset.queries)))[0]


def _padded(rows: list[Any]) -> Any:
    import torch

    width = max(map(len, rows))
    return torch.tensor([[*ids, *[0] * (width - len(ids))] for ids in rows])


def _loaded(inputs: Path) -> Any:
    from benchmark.models.loading import load_model

    return load_model(inputs / "model", "cpu", "float32")


def _dataset(inputs: Path) -> Any:
    from benchmark.tasks.dataset import Dataset

    return Dataset.read(inputs / "dataset")


def _scored(inputs: Path) -> int:
    """Candidates that are scored: the first ones."""
    return int((inputs / SCORED).read_text(encoding="utf-8"))


def serve(inputs: Path, slower: float = 0.0) -> None:
    """Answers every name on stdin with one JSON line: `seconds` of a call, or `error`.

    The first answer has `result`, too: the file of the array that the workload returned, where it returned one.
    """
    import numpy as np
    import torch

    torch.set_num_threads(1)
    ready: dict[str, tuple[Work, int]] = {}
    for line in sys.stdin:
        name = line.strip()
        answer: dict[str, Any] = {}
        try:
            if name not in ready:
                work = WORKLOADS[name](inputs)
                if isinstance(result := work(), np.ndarray):
                    answer["result"] = str(inputs / f"{name}-{os.getpid()}.npy")
                    np.save(answer["result"], result)
                work = _slowed(work, slower) if slower else work
                answer["seconds"] = _seconds(work, 1)
                ready[name] = work, max(1, math.ceil(SECONDS / max(answer["seconds"], 1e-6)))
            else:
                answer["seconds"] = _seconds(*ready[name])
            print(json.dumps(answer), flush=True)
        except Exception as error:  # the other tree may have no such function
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)


def _slowed(work: Work, slower: float) -> Work:
    """`work`, and after each call a wait of that share of its time on the processor."""

    def run() -> None:
        start = time.process_time()
        work()
        end = time.process_time() + slower * (time.process_time() - start)
        while time.process_time() < end:
            pass

    return run


def _seconds(work: Work, repeats: int) -> float:
    """Processor time of this process per call: what other processes do hardly changes it."""
    start = time.process_time()
    for _ in range(repeats):
        work()
    return (time.process_time() - start) / repeats


if __name__ == "__main__":
    serve(Path(sys.argv[1]), *map(float, sys.argv[2:]))
