"""plant@M: do the massive-activation statistics see a massive dimension that was put there on purpose?

Planted at every position, so that every mask strategy pools it; compared on candidates of the profile's first dataset.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from benchmark.artefacts.planted import write_planted
from benchmark.params import Params
from benchmark.stages.computing import load
from benchmark.stages.names import COMPUTED
from benchmark.stages.stage import Out, stage
from benchmark.tasks.dataset import Dataset

CANDIDATES = 16
STATISTICS = ("max_abs", "max_median_ratio", "max_sequence_ratio", "massive_count")
TIMES_THRESHOLD = 50  # how far beyond the absolute threshold of a massive activation the planted one lies


@stage(
    per="model",
    parameters=("extraction", "models.{model}", "datasets", *COMPUTED),
    inputs=("{data}/datasets", "{data}/models/{model}"),
    outs=(Out("{data}/planted/{model}.csv"),),
)
def run(params: Params, model: str) -> None:
    """Plant a massive dimension into MODEL and record whether the statistics see it."""
    from benchmark.activations.extraction import extract
    from benchmark.activations.group import Thresholds
    from benchmark.activations.planting import plant_massive_dimension

    section, mlp = params.extraction, params.models[model].mlp
    statistics = [name for name in STATISTICS if name in section.sites.get("mlp_output", ())]
    examples = Dataset.read(params.dataset_folder(next(iter(params.datasets)))).pool[:CANDIDATES]
    loaded = load(params, model)
    planted = plant_massive_dimension(
        loaded.model, layer=0, dimension=0, magnitude=TIMES_THRESHOLD * section.massive_absolute, position=None, mlp=mlp
    )
    before, after = (
        extract(
            replace(loaded, model=network),
            examples,
            masks=section.masks,
            sites={"mlp_output": statistics},
            thresholds=Thresholds(section.massive_absolute, section.massive_ratio),
            token_budget=section.token_budget,
            kernel=section.kernel,
            mlp=mlp,
        ).scores[:, 0, :, 0]  # [candidate, mask, layer, statistic]
        for network in (loaded.model, planted)
    )
    rows = [
        {
            "model": model,
            "mask": mask,
            "statistic": statistic,
            "layer": layer,
            "before": before[:, m, layer, s].mean(),
            "after": after[:, m, layer, s].mean(),
        }
        for m, mask in enumerate(section.masks)
        for layer in range(before.shape[2])
        for s, statistic in enumerate(statistics)
    ]
    write_planted(params.data / "planted" / f"{model}.csv", pd.DataFrame(rows))
