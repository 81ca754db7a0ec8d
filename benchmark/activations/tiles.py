"""numpy's work on a CPU, tile by tile in buffers that stay in the cache, tiles spread over torch's threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch

TILE_ELEMENTS = 1 << 15  # 128 KiB of float32: a tile and its temporaries stay in the second-level cache


def over_tiles(work: Callable[[int, int, int], None], n: int, width: int) -> None:
    """`work(start, stop, tile)` over `n` rows of `width`, a stretch for each thread; no result depends on it."""
    size = max(1, TILE_ELEMENTS // width)
    over_threads(lambda start, stop: work(start, stop, size), n, -(-n // size))


def over_threads(work: Callable[[int, int], None], n: int, pieces: int) -> None:
    """`work(start, stop)` over `range(n)`, in as many stretches as torch has threads, at most `pieces`."""
    threads = min(torch.get_num_threads(), pieces)
    if threads < 2:
        work(0, n)
        return
    cuts = [n * i // threads for i in range(threads + 1)]
    list(_pool(threads).map(lambda i: work(cuts[i], cuts[i + 1]), range(threads)))


@lru_cache(maxsize=1)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="statistics")
