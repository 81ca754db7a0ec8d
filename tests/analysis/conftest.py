from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmark.analysis.claim import ClaimInputs, claim
from benchmark.analysis.correlation import correlate
from benchmark.analysis.parameters import ClaimParameters
from tests.analysis.upstream import CONTEXT, PAIRS, parameters, write_all


class Workplace:
    """A folder as the pipeline leaves it, and the arguments every stage of the analysis takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / "results"
        self.cells = self.results / "cells"
        self.correlations = self.results / "correlations.csv"

    def correlate(self, settings: ClaimParameters) -> None:
        correlate(
            PAIRS,
            data=self.folder,
            cells=self.cells,
            table=self.correlations,
            parameters=settings,
            context=CONTEXT,
        )

    def inputs(self, settings: ClaimParameters, planted: Path | None = None) -> ClaimInputs:
        return ClaimInputs(PAIRS, self.cells, self.correlations, self.results, settings, CONTEXT, planted)

    def copy(self, folder: Path) -> Workplace:
        shutil.copytree(self.folder, folder)
        return Workplace(folder)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Claimed results with no planted correlation; tests must not change them but copy them."""
    place = Workplace(tmp_path_factory.mktemp("finished"))
    write_all(place.folder, n=600)
    place.correlate(parameters())
    claim(place.inputs(parameters()))
    return place


@pytest.fixture
def place(finished: Workplace, tmp_path: Path) -> Workplace:
    """A copy of `finished` that a test may spoil."""
    return finished.copy(tmp_path / "place")
