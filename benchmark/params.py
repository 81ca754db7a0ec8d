"""Typed parameters: `params.yaml` as one frozen object; an error names the key, the value and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from benchmark.analysis.parameters import ClaimParameters
from benchmark.errors import BenchmarkError, unknown
from benchmark.section import UNKNOWN, Section
from benchmark.sources.datasets import AnyDataset
from benchmark.sources.models import AnyModel
from benchmark.yaml_loader import load_yaml


def _key(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError("a key is lower-case letters, digits and '_', starting with a letter")
    return name


Key = Annotated[str, AfterValidator(_key)]


class Paths(Section):
    root: str = Field(description="working folder of the stages, seen from the folder of dvc.yaml")
    params: str = Field(description="this file, seen from the root")
    data: str = Field(description="what the stages read and write")
    results: str = Field(description="small committed results")
    kept: tuple[str, ...] = Field(description="folders of data that git keeps, not DVC's cache: quality, say")


class Extraction(Section):
    masks: tuple[str, ...] = Field(min_length=1)
    sites: dict[Literal["mlp_output", "mlp_contribution", "residual"], tuple[str, ...]] = Field(
        min_length=1, description="the statistics taken at each site"
    )
    poolings: tuple[Literal["mean", "max"], ...] = Field(min_length=1)
    massive_absolute: float = Field(gt=0, description="|x| of a massive activation (Sun et al. 2024: 100)")
    massive_ratio: float = Field(gt=0, description="|x| over the median of a massive activation (Sun et al.: 1000)")
    kernel: Literal["auto", "eager", "compiled", "triton"]
    token_budget: int = Field(ge=1, description="tokens of a batch")
    shard: int = Field(ge=1, description="candidates of a shard: the most that a kill can cost")


class Quality(Section):
    token_budget: int = Field(ge=1, description="tokens of a batch")
    shard: int = Field(ge=1, description="candidates of a shard: the most that a kill can cost")
    set_sizes: tuple[int, ...] = Field(description="demonstrations of a random set, beyond 1 shot")
    sets: int = Field(ge=2, description="random sets of each size")


class Selection(Section):
    selectors: tuple[str, ...] = Field(min_length=1, description="the families that choose")
    features: tuple[str, ...] = Field(min_length=1, description="what selectors compare candidates by")
    shots: tuple[int, ...] = Field(min_length=1)
    random_draws: int = Field(ge=10, description="random choices that a selector is compared with")
    budgets: tuple[int, ...] = Field(min_length=1, description="labels bought from an unlabelled pool, in rounds")
    random_orders: int = Field(ge=100, description="random orders of labelling that a learning curve is compared with")
    query_share: float = Field(gt=0, lt=1, description="share of the queries that selectors may see; the rest judge")


class Timing(Section):
    rounds: int = Field(ge=3, description="interleaved rounds of each measurement")
    threshold: float = Field(gt=1, description="a ratio of new to old time above this is a slowdown")


class Params(Section):
    profile: Key
    paths: Paths
    seed: int = Field(ge=0)
    device: str = Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    threads: int | None = Field(ge=1, description="CPU threads of a model; null: one a core. Digits can depend on it")
    models: dict[Key, AnyModel] = Field(min_length=1)
    datasets: dict[Key, AnyDataset] = Field(min_length=1)
    extraction: Extraction
    quality: Quality
    selection: Selection
    claim: ClaimParameters
    timing: Timing

    @property
    def data(self) -> Path:
        return Path(self.paths.data)

    @property
    def results(self) -> Path:
        return Path(self.paths.results)

    @property
    def command(self) -> str:
        """What reproduces this profile."""
        folder = Path(self.paths.params).parent
        return "dvc repro" if folder == Path() else f"dvc --cd {folder} repro"

    def dataset_folder(self, name: str) -> Path:
        if name not in self.datasets:
            raise unknown("dataset", name, self.datasets)
        return self.data / "datasets" / name

    def model_folder(self, name: str) -> Path:
        if name not in self.models:
            raise unknown("model", name, self.models)
        return self.data / "models" / name

    def part(self, kind: Literal["activations", "quality", "selection"], model: str, dataset: str) -> Path:
        """The folder of one model on one dataset, `data/<kind>/M/D/`."""
        return self.data / kind / self.model_folder(model).name / self.dataset_folder(dataset).name


def load_params(path: Path) -> Params:
    """Reads and checks a parameter file; raises `BenchmarkError` naming the first bad key."""
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BenchmarkError(f"{path} is missing: run from the repository's root, or pass --params") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BenchmarkError(f"{path} is not a YAML file: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise BenchmarkError(f"{path} must hold a mapping of parameters")
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise BenchmarkError(f"{path}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    problem = next((each for each in problems if each["type"] == UNKNOWN), problems[0])
    sourced = problem["loc"][:1] in (("models",), ("datasets",))  # after their name comes the kind of their source
    key = ".".join(str(part) for place, part in enumerate(problem["loc"]) if not (sourced and place == 2))
    value = problem["input"]
    named = problem["type"] != UNKNOWN and isinstance(value, str | int | float | bool | None)
    given = f", not {value!r}" if named else ""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    said = problem["msg"].removeprefix("Value error, ")
    return f"{key}: {said[0].lower()}{said[1:]}{given}{more}"
