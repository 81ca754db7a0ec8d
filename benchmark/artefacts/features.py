"""`data/features/M/D/features.npz`: what the features of a model's dictionaries say of each candidate of a pool.

scores = FeatureScores.read(path)
scores.column(Column("residual", "input", POOLING, LAYER, "sae_loss"))
scores.features("residual", "input")     what each candidate's features reach, for selectors
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.artefacts.column import Column
from benchmark.errors import BenchmarkError
from benchmark.storage import read_arrays, write_arrays

LAYER = "declared"
"""In the place of a layer: the one whose dictionary was trained, `sae.models.M.layer`."""
POOLING = "own"
"""In the place of a pooling: how a score goes over positions is part of its definition."""
STATISTICS = ("sae_loss", "sae_l0", "sae_largest", "sae_novelty", "sae_coverage")
AGAIN = "run the sae stage again"


def of_features(column: Column) -> bool:
    """Whether a column is of a dictionary's features."""
    return column.layer == LAYER


@dataclass(frozen=True, slots=True, eq=False)
class FeatureScores:
    """`scores` float64 [candidate, site, mask, statistic], the axes named by the arrays after it.

    The largest activation of each feature over a candidate's positions, where it is not 0, as rows of a sparse matrix
    [site, mask, candidate; feature]: `values` float32 and `indices` int32, those of row r from `starts[r]` to
    `starts[r + 1]`; `width`: how many features there are.
    """

    scores: NDArray[np.float64]
    candidates: NDArray[np.str_]
    sites: NDArray[np.str_]
    masks: NDArray[np.str_]
    statistics: NDArray[np.str_]
    values: NDArray[np.float32]
    indices: NDArray[np.int32]
    starts: NDArray[np.int64]
    width: NDArray[np.int64]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every field by its name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def write(self, path: Path) -> None:
        write_arrays(path, **self.arrays())

    @classmethod
    def read(cls, path: Path) -> FeatureScores:
        """Reads what `write` wrote; `BenchmarkError` for a missing, damaged or mismatched file."""
        names = [each.name for each in fields(cls)]
        arrays = read_arrays(path, names)
        shape = tuple(len(arrays[axis]) for axis in ("candidates", "sites", "masks", "statistics"))
        if arrays["scores"].shape != shape or len(arrays["starts"]) != shape[0] * shape[1] * shape[2] + 1:
            raise BenchmarkError(f"{path}: scores are {arrays['scores'].shape}, their names say {shape}: {AGAIN}")
        return cls(**{name: arrays[name] for name in names})

    def column(self, column: Column) -> NDArray[np.float32]:
        """The score of every candidate [candidate]."""
        at = [self._index("sites", column.site), self._index("masks", column.mask)]
        return self.scores[:, at[0], at[1], self._index("statistics", column.statistic)].astype(np.float32)

    def features(self, site: str, mask: str) -> Any:
        """scipy.sparse.csr_array float32 [candidate, feature]: the largest activation of each feature."""
        from scipy.sparse import csr_array

        n = len(self.candidates)
        row = (self._index("sites", site) * len(self.masks) + self._index("masks", mask)) * n
        starts = self.starts[row : row + n + 1]
        part = slice(starts[0], starts[-1])
        return csr_array((self.values[part], self.indices[part], starts - starts[0]), shape=(n, int(self.width)))

    def _index(self, axis: str, name: str) -> int:
        names = [str(each) for each in getattr(self, axis)]
        if name not in names:
            raise BenchmarkError(f"the features of dictionaries have no {name} among their {axis} ({', '.join(names)})")
        return names.index(name)
