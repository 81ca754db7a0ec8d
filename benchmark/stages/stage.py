"""The table of stages: what each one reads, writes and depends on.

    @stage(per="model", parameters=("extraction", "models.{model}"), inputs=("{data}/datasets",), outs=(Out("..."),))
    def run(params, model): '''What `--help` says about it.'''

A module of this folder that decorates its function so is a stage, named after the module. The command line and every
`dvc.yaml` are made from this table.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from graphlib import TopologicalSorter
from importlib import import_module
from operator import attrgetter
from typing import Any, Literal, TypeVar

from benchmark.params import Params

CODE = "{data}/code"
"""Where the stage `code` writes, for each of the others, the files of this package that it depends on."""
Per = Literal["model", "dictionary", "rounds"]
NAMED: dict[Per, str] = {"model": "models", "dictionary": "sae.models", "rounds": "selection.rounds.models"}
"""The parameters that name the models for which a stage runs once each."""
Run = TypeVar("Run", bound=Callable[..., "str | None"])
_STAGES: dict[str, Stage] = {}


@dataclass(frozen=True)
class Out:
    """A file or folder that a stage writes; `{data}`, `{results}` and `{model}` stand for the profile's.

    `kept`: in git, not in DVC's cache. `metric`: `dvc metrics show` shows it.
    """

    path: str
    kept: bool = False
    metric: bool = False


@dataclass(frozen=True)
class Stage:
    """`run(params)`, or `run(params, model)` where it runs once for each model, `per` says of what; what it returns is
    printed.

    `parameters` are dotted keys of params.yaml, `inputs` paths of outs; both may hold `{model}`. `inherited` are keys
    that it reads as well, but whose values its inputs record: an edit changes an input, so `dvc.lock` need not repeat
    them. Every stage but `code` has its own file of `CODE` among its inputs.
    """

    name: str
    help: str
    run: Callable[..., str | None]
    per: Per | None
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    outs: tuple[Out, ...]
    inherited: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """The keys of all parameters that decide its outs."""
        return (*self.parameters, *self.inherited)

    @property
    def together(self) -> bool:
        """Whether `dvc.yaml` has all its models in one run: to start torch takes longer than most of them.

        The stage that makes a model runs for each by itself: it alone reads nothing of a model.
        """
        return self.per is not None and any("{model}" in path for path in self.inputs)

    def named(self, text: str, params: Params, model: str) -> str:
        """A path of an input or out, or the key of a parameter, in the profile's folders.

        Where it does all models together, that of all: the folder, or the parameter, that holds what each one has.
        """
        paths = params.paths
        whole = text.removesuffix("/{model}").removesuffix(".{model}") if self.together else text
        return whole.format(data=paths.data, results=paths.results, params=paths.params, model=model)

    def models(self, params: Params) -> list[str]:
        """The models for which it runs once each."""
        return [] if self.per is None else [*attrgetter(NAMED[self.per])(params)]

    def idle(self, params: Params) -> bool:
        """Whether it has nothing to do in this profile."""
        return self.per is not None and not self.models(params)

    def instance(self, model: str | None) -> str:
        """What a run of one model is called, or of all that there is."""
        return f"{self.name}@{model}" if model else self.name


def stage(
    *,
    parameters: tuple[str, ...],
    inputs: tuple[str, ...] = (),
    outs: tuple[Out, ...] = (),
    per: Per | None = None,
    inherited: tuple[str, ...] = (),
) -> Callable[[Run], Run]:
    """Enters the decorated function into the table, under the name of its module."""

    def enter(run: Run) -> Run:
        name = run.__module__.rpartition(".")[2]
        code = () if CODE in {out.path for out in outs} else (f"{CODE}/{name}.json",)
        text = (run.__doc__ or "").strip()
        _STAGES[name] = Stage(name, text, run, per, parameters, (*code, *inputs), outs, inherited)
        return run

    return enter


def stage_named(name: str) -> Stage:
    """The stage of that name, or `KeyError`. No other is imported: it starts without what they need."""
    if name in _modules():
        import_module(f"benchmark.stages.{name}")
    return _STAGES[name]


def _modules() -> list[str]:
    import benchmark.stages as package

    return [module.name for module in pkgutil.iter_modules(package.__path__)]


def stages() -> dict[str, Stage]:
    """Every stage by its name, each after those whose outs it reads; among equals by name."""
    for name in _modules():
        import_module(f"benchmark.stages.{name}")
    sorter = TopologicalSorter({name: _makers(entry) for name, entry in sorted(_STAGES.items())})
    sorter.prepare()
    ordered: dict[str, Stage] = {}
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered |= {name: _STAGES[name] for name in ready}
        sorter.done(*ready)
    return ordered


def instances(params: Params) -> list[str]:
    """The names that `dvc.lock` has for the stages of a profile."""
    return [
        entry.instance(model)
        for entry in stages().values()
        if not entry.idle(params)
        for model in (entry.models(params) if entry.per and not entry.together else [None])
    ]


def _makers(reader: Stage) -> set[str]:
    return {
        maker.name
        for maker in _STAGES.values()
        for out in maker.outs
        if any(out.path == path or out.path.startswith(f"{path}/") for path in reader.inputs)
    }


def selected(params: Params, keys: tuple[str, ...], model: str | None = None) -> dict[str, Any]:
    """The values of dotted `keys` of the parameters, by key, as JSON has them."""
    whole = params.model_dump(mode="json")
    found: dict[str, Any] = {}
    for key in keys:
        value: Any = whole
        key = key.format(model=model)
        for part in key.split("."):
            value = value[part]
        found[key] = value
    return found
