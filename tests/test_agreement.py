"""`benchmark.agreement`: bytes, and numbers within a tolerance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from benchmark.agreement import bytewise, compare, describe, main
from benchmark.storage import write_arrays, write_json, write_table


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, shift in ((one, 0.0), (other, 1e-4)):
        write_json(folder / "claim.json", {"verdict": "reproduced", "rho": [0.2 + shift, None], "n": 3})
        write_table(folder / "cells.csv", pd.DataFrame({"mask": ["a", "b"], "rho": [0.1 + shift, np.nan]}))
        write_arrays(folder / "cells/m.npz", x=np.array([[1.0, np.nan]]) + shift, names=np.array(["a", "b"]))
        (folder / "report.html").write_text(f"page {shift}")
        write_json(folder / "timing.json", shift)
        write_table(folder / "timing_history.csv", pd.DataFrame({"median": [1.0 + shift]}))
    return one, other


def beyond(one: Path, other: Path, tolerance: float) -> list[str]:
    return [difference.where for difference in compare(one, other, tolerance).beyond]


def test_bytes_and_tolerance(folders: tuple[Path, Path]) -> None:
    assert bytewise(folders[0], folders[0]) == []
    assert bytewise(*folders) == ["cells.csv", "cells/m.npz", "claim.json", "report.html"]
    assert beyond(*folders, tolerance=2e-4) == []
    assert sorted(beyond(*folders, tolerance=5e-5)) == ["cells.csv.rho", "cells/m.npz.x", "claim.json.rho[0]"]
    assert compare(*folders, tolerance=2e-4).largest.size == pytest.approx(1e-4)  # type: ignore[union-attr]


def test_what_follows_from_the_numbers_counts_for_what_it_is_worth(folders: tuple[Path, Path]) -> None:
    for folder, shift in zip(folders, (0, 1), strict=True):
        reason = f"power 0.{59 + shift}, about {999 + shift:,} are needed"
        claim = {"reason": reason, "n_needed": 999 + shift, "digests": {"cells.csv": str(shift)}}
        write_json(folder / "claim.json", claim)
        table = {"p_value": [0.5 + 0.009 * shift, 0], "null_max": [500 + shift, 500 - shift], "n": [200, 200]}
        write_table(folder / "cells.csv", pd.DataFrame(table))
    assert beyond(*folders, tolerance=1.1e-3) == []
    assert beyond(*folders, tolerance=6e-4) == ["cells.csv.null_max"]  # 0.009 / 16 is within it
    assert sorted(beyond(*folders, tolerance=5e-4)) == ["cells.csv.null_max", "cells.csv.p_value"]
    write_table(folders[1] / "cells.csv", pd.DataFrame(table | {"n": [200, 201]}))
    assert beyond(*folders, tolerance=0.5) == ["cells.csv.n"]
    write_json(folders[1] / "claim.json", claim | {"sentence": "reliability 0.59", "n_needed": 4000})
    assert sorted(beyond(*folders, tolerance=0.04)) == ["cells.csv.n", "claim.json.n_needed", "claim.json.sentence"]


def test_the_interval_of_a_mean_over_pools_is_steeper_than_a_correlation_and_any_other_interval_is_not(
    folders: tuple[Path, Path],
) -> None:
    for name in ("consistency.csv", "cells.csv"):
        for folder, shift in zip(folders, (0.0, 0.1), strict=True):
            write_table(folder / name, pd.DataFrame({"ci_low": [0.2 + shift]}))
    assert beyond(*folders, tolerance=0.01) == ["cells.csv.ci_low"]
    assert sorted(beyond(*folders, tolerance=0.005)) == ["cells.csv.ci_low", "consistency.csv.ci_low"]


def test_what_a_flipped_prediction_or_a_near_tie_decides_counts_by_its_share(folders: tuple[Path, Path]) -> None:
    performance = np.zeros((20, 10), dtype=np.uint8)
    choices = pd.DataFrame({"selector": ["random"] * 100, "score": np.linspace(0, 1, 100), "p": 0.5})
    for folder in folders:
        write_arrays(folder / "cells/m.npz", performance=performance)
        write_table(folder / "selection.csv", choices)
        performance, choices = performance.copy(), choices.copy()
        performance[3, 4] = 1
        choices.loc[7, "score"] = 0.5
        choices["p"] += 0.1  # of a p-value, within 0.01
    assert beyond(*folders, tolerance=0.01) == []
    assert sorted(beyond(*folders, tolerance=0.009)) == ["selection.csv.score"]
    assert "all but 1 of 200 entries, 0.005 apart" in "\n".join(
        describe(found) for found in compare(*folders, tolerance=0.001).beyond
    )
    write_table(folders[1] / "selection.csv", choices.head(99))
    assert "selection.csv.score" in beyond(*folders, tolerance=0.5)  # tables of different length


def test_what_a_limit_decides_is_left_out_and_the_number_it_decides_by_is_not(folders: tuple[Path, Path]) -> None:
    for folder, shift in zip(folders, (0, 1), strict=True):
        table = {"sensitive": [shift], "power": [0.8995 + 0.001 * shift], "n_distinct": [300 + shift]}
        write_table(folder / "cells.csv", pd.DataFrame(table))
        write_json(folder / "claim.json", {"verdict": "exceeded", "n_equivalent": 3 + shift, "n": 3})
    assert sorted(beyond(*folders, tolerance=0.0005)) == ["cells.csv.n_distinct", "cells.csv.power"]
    assert beyond(*folders, tolerance=0.01) == []
    write_json(folders[1] / "claim.json", {"verdict": "refuted", "n_equivalent": 3, "n": 3})
    assert beyond(*folders, tolerance=0.01) == ["claim.json.verdict"]


def test_the_largest_difference_is_told(folders: tuple[Path, Path]) -> None:
    done = CliRunner().invoke(main, [*map(str, folders), "--tolerance", "0.01"])
    assert done.exit_code == 0
    assert "agree within 0.01; the largest difference: " in done.output
    assert CliRunner().invoke(main, [*map(str, folders), "--tolerance", "0.00001"]).exit_code == 1
    assert CliRunner().invoke(main, [*map(str, folders)]).exit_code == 1


def test_another_verdict_a_missing_file_and_other_values_are_named(folders: tuple[Path, Path]) -> None:
    one, other = folders
    write_json(other / "claim.json", {"verdict": "refuted", "rho": [0.2, None], "n": 3, "more": 1})
    write_arrays(other / "cells/m.npz", x=np.array([[1.0, 2.0]]), names=np.array(["a", "c"]))
    (other / "cells.csv").unlink()
    done = CliRunner().invoke(main, [str(one), str(other), "--tolerance", "1"])
    assert done.exit_code == 1
    for text in (
        "cells.csv: a file and no file",
        "reproduced and refuted",
        "claim.json.more: nothing and 1",
        "m.npz.x",
    ):
        assert text in done.output
    assert "m.npz.names at 1: b and c" in done.output
