"""What `python -m benchmark list` lists: names that a profile can use, each with one line about it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmark.params import Params

Catalogue = Callable[[Params], dict[str, str]]
CATALOGUES: dict[str, Catalogue] = {}


def _catalogue(list_entries: Catalogue) -> Catalogue:
    CATALOGUES[list_entries.__name__] = list_entries
    return list_entries


def _about(entry: object) -> str:
    return (entry.__doc__ or "").strip().partition("\n")[0]


@_catalogue
def models(params: Params) -> dict[str, str]:
    """The models of the profile."""
    return {name: model.summary for name, model in params.models.items()}


@_catalogue
def tasks(params: Params) -> dict[str, str]:
    """The datasets of the profile, then the families and templates that another could be made of."""
    from benchmark.tasks.embedded import FAMILIES
    from benchmark.tasks.templates import TEMPLATES

    return (
        {name: f"dataset, {source.summary}" for name, source in params.datasets.items()}
        | {f"family {name}": f"{family.kind}, {family.metric}" for name, family in sorted(FAMILIES.items())}
        | {
            f"template {name}": f"{template.kind}, {template.metric}; columns {', '.join(template.columns)}"
            for name, template in sorted(TEMPLATES.items())
        }
    )


@_catalogue
def steps(params: Params) -> dict[str, str]:
    """The steps that change a row before a prompt is filled."""
    from benchmark.tasks.steps import STEPS

    return {
        name: f"{_about(sys.modules[step.__module__])} [{', '.join(key for key in step.model_fields if key != 'step')}]"
        for name, step in sorted(STEPS.items())
    }


@_catalogue
def metrics(params: Params) -> dict[str, str]:
    """The metrics of a prediction."""
    from benchmark.tasks.metrics import METRICS

    return {name: _about(metric) for name, metric in sorted(METRICS.items())}


@_catalogue
def masks(params: Params) -> dict[str, str]:
    """The mask strategies."""
    from benchmark.activations.masks import MASKS

    return {name: f"{mask.question} [{mask.rule.formula}; pools {mask.pooled.formula}]" for name, mask in MASKS.items()}


@_catalogue
def statistics(params: Params) -> dict[str, str]:
    """The statistics of one MLP output vector."""
    from benchmark.activations.statistics import STATISTICS

    return {name: statistic.meaning for name, statistic in STATISTICS.items()}


@_catalogue
def selectors(params: Params) -> dict[str, str]:
    """The selector families."""
    from benchmark.selection import describe

    return describe()


@_catalogue
def features(params: Params) -> dict[str, str]:
    """What selectors compare candidates by."""
    from benchmark.selection.feature import kinds

    return {name: kind.description for name, kind in kinds().items()}
