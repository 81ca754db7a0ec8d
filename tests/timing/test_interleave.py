import numpy as np
import pytest

from benchmark.timing.interleave import FEWEST, interleave, interleaved_ratio, summarise


def test_every_round_runs_both_once_and_warmup_is_not_counted() -> None:
    calls: list[str] = []
    ratio = interleaved_ratio(lambda: calls.append("a"), lambda: calls.append("b"), rounds=7, warmup=3)
    assert ratio.n == 7
    assert calls.count("a") == calls.count("b") == 10
    timed = calls[6:]
    assert all({timed[i], timed[i + 1]} == {"a", "b"} for i in range(0, 14, 2))
    assert len({timed[i] for i in range(0, 14, 2)}) == 2  # the order within a pair varies


def test_median_of_pairwise_ratios_and_its_interval() -> None:
    generator = np.random.default_rng(3)
    drift = np.exp(generator.normal(0, 1, 400))  # a machine whose speed wanders over decades
    candidate = 1.2 * drift * np.exp(generator.normal(0, 0.05, 400))
    ratio = summarise(candidate, drift, np.random.default_rng(0))
    assert ratio.median == pytest.approx(np.median(candidate / drift))
    assert ratio.low < 1.2 < ratio.high
    assert ratio.high - ratio.low < 0.03
    assert ratio.baseline_us == pytest.approx(np.median(drift) * 1e6)


def test_interval_covers_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        noisy = np.exp(generator.normal(0, 0.1, 31))
        ratio = summarise(noisy, np.ones(31), generator)
        covered += ratio.low <= 1 <= ratio.high
    assert 0.88 <= covered / 200 <= 0.995


class Machine:
    """A clock that goes on only while something runs, at a speed that wanders."""

    def __init__(self) -> None:
        self.now = 0.0
        self.generator = np.random.default_rng(0)

    def run(self, seconds: float) -> None:
        self.now += seconds * float(np.exp(self.generator.normal(0, 0.05)))


def test_a_planted_slowdown_shows_in_its_size() -> None:
    machine = Machine()
    ratio = interleaved_ratio(
        lambda: machine.run(1.2), lambda: machine.run(1.0), rounds=15, warmup=1, clock=lambda: machine.now
    )
    assert 1.1 < ratio.low < 1.2 < ratio.high < 1.3


def test_several_ways_are_timed_in_one_round_each_in_its_column() -> None:
    machine = Machine()
    ways = [lambda cost=cost: machine.run(cost) for cost in (1.0, 10.0, 100.0)]
    seconds = interleave(ways, rounds=6, generator=np.random.default_rng(0), clock=lambda: machine.now)
    assert seconds.shape == (6, 3)
    np.testing.assert_allclose(np.log10(np.median(seconds, axis=0)), [0, 1, 2], atol=0.1)


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, FEWEST), (60.0, 7)])
def test_time_that_is_up_ends_it_but_not_before_the_fewest_rounds(seconds: float, rounds: int) -> None:
    calls: list[str] = []
    ratio = interleaved_ratio(lambda: calls.append("a"), lambda: calls.append("b"), rounds=7, seconds=seconds, warmup=0)
    assert ratio.n == calls.count("a") == calls.count("b") == rounds


def test_the_clock_is_the_callers_choice() -> None:
    ticks = iter(range(1000))
    ratio = interleaved_ratio(lambda: None, lambda: None, rounds=3, clock=lambda: float(next(ticks)))
    assert (ratio.median, ratio.candidate_us) == (1.0, 1e6)
