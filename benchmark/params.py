"""Typed parameters: `params.yaml` as one frozen object; an error names the key, the value and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from benchmark.analysis.parameters import ClaimParameters
from benchmark.errors import BenchmarkError, unknown
from benchmark.section import UNKNOWN, Section
from benchmark.sources.datasets import AnyDataset
from benchmark.sources.models import AnyModel
from benchmark.sources.packages import PackageFile
from benchmark.yaml_loader import load_yaml


def _key(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError("a key is lower-case letters, digits and '_', starting with a letter")
    return name


Key = Annotated[str, AfterValidator(_key)]
Kind = Literal["activations", "quality", "embeddings", "features", "answers", "labels", "selection"]


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


class Rounds(Section):
    models: tuple[str, ...] = Field(
        description="models that are asked anew in each round, under what was labelled before"
    )
    shots: int = Field(ge=1, description="labelled demonstrations in each of these prompts")
    prompts: int = Field(ge=1, description="prompts about a candidate in a round, each with other demonstrations")


class Selection(Section):
    selectors: tuple[str, ...] = Field(min_length=1, description="the families that choose")
    features: tuple[str, ...] = Field(min_length=1, description="what selectors compare candidates by")
    embedder: PackageFile | None = Field(
        description="the encoder of `embeddings`: a folder of a package, as sentence-transformers writes it"
    )
    unasked: tuple[str, ...] = Field(
        description="models that say nothing before selectors choose, for its cost: who must ask is undefined there"
    )
    shots: tuple[int, ...] = Field(min_length=1)
    random_draws: int = Field(ge=10, description="random choices that a selector is compared with")
    budgets: tuple[int, ...] = Field(min_length=1, description="labels bought from an unlabelled pool, in rounds")
    random_orders: int = Field(ge=100, description="random orders of labelling that a learning curve is compared with")
    rounds: Rounds
    query_share: float = Field(gt=0, lt=1, description="share of the queries that selectors may see; the rest judge")

    @model_validator(mode="after")
    def _has_an_embedder(self) -> Self:
        if "embeddings" in self.features and self.embedder is None:
            raise ValueError("the features `embeddings` need `embedder`, the package of a sentence encoder")
        return self


class SaeModel(Section):
    """The dictionaries of one model, one for each site of one layer."""

    layer: int = Field(ge=0, description="whose outputs are read; the model runs no further")
    sites: tuple[Literal["mlp_output", "residual"], ...] = Field(min_length=1)
    tokens: int = Field(ge=1, description="to be trained on; fewer where the text that is left over has fewer")
    held_out: int = Field(ge=1, description="tokens on which the dictionary is measured")
    width: int = Field(ge=1, description="features")
    active: int = Field(ge=1, description="of them at work in a token, on average")
    epochs: int = Field(ge=1, description="passes over the tokens")
    batch: int = Field(ge=1, description="tokens of a training step")
    learning_rate: float = Field(gt=0, description="of Adam; it falls to 0 over the last fifth of the steps")
    auxiliary: float = Field(ge=0, description="weight of the loss that wakes dead features (Gao et al. 2024: 1/32)")
    dead_after: int = Field(ge=1, description="tokens for which a dead feature has been silent")
    token_budget: int = Field(ge=1, description="tokens of a batch that the model reads")
    shard: int = Field(ge=1, description="texts of a shard: the most that a kill can cost")


class Sae(Section):
    texts: int = Field(ge=1, description="of each dataset, at most so many of those that are left over")
    models: dict[Key, SaeModel] = Field(description="the models that get dictionaries")


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
    executor: Literal["auto", "local", "ray"] = Field(
        description="where shards are computed, which changes no byte; auto: by Ray if RAY_ADDRESS is set"
    )
    models: dict[Key, AnyModel] = Field(min_length=1)
    datasets: dict[Key, AnyDataset] = Field(min_length=1)
    extraction: Extraction
    quality: Quality
    selection: Selection
    sae: Sae
    claim: ClaimParameters
    timing: Timing

    @model_validator(mode="after")
    def _names_its_models(self) -> Self:
        for key, names in (
            ("sae.models", self.sae.models),
            ("selection.unasked", self.selection.unasked),
            ("selection.rounds.models", self.selection.rounds.models),
        ):
            strange = [name for name in names if name not in self.models]
            if strange:
                raise ValueError(f"{key} names {strange[0]!r}, the models are {', '.join(self.models)}")
        return self

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

    def part(self, kind: Kind, model: str, dataset: str) -> Path:
        """The folder of one model on one dataset, `data/<kind>/M/D/`."""
        return self.data / kind / self.model_folder(model).name / self.dataset_folder(dataset).name

    def prompts(self, model: str, dataset: str) -> Path:
        """The prompts that selectors want run before they choose."""
        return self.data / "prompts" / self.model_folder(model).name / f"{self.dataset_folder(dataset).name}.csv"

    def features(self, model: str, dataset: str) -> Path:
        """What the features of a model's dictionaries say of a pool."""
        return self.part("features", model, dataset) / "features.npz"


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
    said = problem["msg"].removeprefix("Value error, ")  # what is wrong between sections has no key
    return f"{key and f'{key}: '}{said[0].lower()}{said[1:]}{given}{more}"
