"""What the claim is: the bound, the family of cells declared before anything is run, and how it is tested."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from benchmark.artefacts.column import Column
from benchmark.hashing import sha256_json
from benchmark.section import Section

Outcome = Literal["quality", "performance"]
Verdict = Literal["reproduced", "refuted", "exceeded", "inconclusive"]
AS_STATED, GIVEN_TARGET = CLAIMS = ("as_stated", "given_target")
"""All candidates compared with one another; and those with the same target."""

Names = Annotated[tuple[str, ...], Field(min_length=1)]


class FamilyParameters(Section):
    """The declared family: the product of these, in every model and dataset. A cell outside it is only explored."""

    masks: Names = Field(description="mask strategies")
    statistics: Names = Field(description="statistics of an MLP output vector")
    sites: Names = Field(default=("mlp_output",), description="where the vector is read")
    poolings: Names = Field(default=("mean",), description="how a statistic is pooled over positions")
    layers: tuple[Literal["mean", "declared"] | int, ...] = Field(
        default=("mean",),
        min_length=1,
        description="layer reductions: `mean` over all layers, or a layer's number; `declared`: scores of the features "
        "of dictionaries, each of the layer that sae.models declares",
    )
    outcomes: tuple[Outcome, ...] = Field(
        default=("quality", "performance"), min_length=1, description="what a score is correlated with"
    )
    shots: Literal[1] = Field(
        default=1, description="demonstrations a prompt; random sets of more are explored in correlations.csv"
    )

    @field_validator("masks", "statistics", "sites", "poolings", "layers", "outcomes")
    @classmethod
    def _distinct(cls, names: tuple[object, ...]) -> tuple[object, ...]:
        if len(set(names)) < len(names):
            raise ValueError(f"a name occurs twice in {list(names)}")
        return names

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns, in the order in which they are declared."""
        layers = map(str, self.layers)
        return tuple(Column(*c) for c in product(self.sites, self.masks, self.poolings, layers, self.statistics))


class ExplorationParameters(Section):
    """Which cells `correlations.csv` lists layer by layer and for sets; of layer means at one shot it lists all."""

    sites: tuple[str, ...] = Field(
        default=("mlp_output",), description="sites listed layer by layer, and for sets of more than one"
    )
    poolings: tuple[str, ...] = Field(
        default=("mean",), description="poolings listed layer by layer, and for sets of more than one"
    )

    def lists(self, site: str, pooling: str) -> bool:
        return site in self.sites and pooling in self.poolings


class ControlParameters(Section):
    """Scores whose answer is known in advance."""

    planted_rho: float = Field(default=0.6, gt=0, lt=1, description="rho of the planted score with the outcome")
    massive_factor: float = Field(
        default=2.0,
        gt=1,
        description="max_abs and max_median_ratio must grow by this factor once a massive dimension is planted",
    )


class GateParameters(Section):
    """What the `gate` stage demands of the verdict."""

    expect: Literal["reproduced", "recorded"] = Field(
        default="recorded",
        description="`reproduced`: the verdict must be that; `recorded`: any, if the cells give the recorded one",
    )


class ClaimParameters(Section):
    """The claim: every |rho| of the family is at most `bound`, and the experiment could have shown otherwise."""

    families: dict[str, FamilyParameters] = Field(
        min_length=1, description="declared families by name, each with its own null, limits and verdict"
    )
    headline: str = Field(description="the family whose verdict is the headline")
    bound: float = Field(default=0.33, gt=0, lt=1, description="largest |rho| that the claim allows")
    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="error rate of each test and interval")
    intervals: Literal["bootstrap", "fisher"] = Field(
        default="bootstrap", description="resampled candidates, or the fast normal approximation"
    )
    permutations: int = Field(default=1000, ge=19, le=1_000_000, description="joint permutations of the outcomes")
    bootstrap: int = Field(default=1000, ge=50, le=1_000_000, description="bootstrap samples of the candidates")
    splits: int = Field(default=200, ge=2, le=100_000, description="random halves of the queries, for reliability")
    sensitivity_rho: float = Field(
        default=0.6, gt=0, lt=1, description="rho with a noise-free outcome that the data must be able to show"
    )
    power: float = Field(default=0.9, gt=0, lt=1, description="probability with which it must be able to")
    seed: int = Field(default=0, ge=0, description="seed of every draw of the analysis")
    exploration: ExplorationParameters = Field(default_factory=ExplorationParameters)
    controls: ControlParameters = Field(default_factory=ControlParameters)
    gate: GateParameters = Field(default_factory=GateParameters)

    @model_validator(mode="after")
    def _has_a_headline(self) -> Self:
        if self.headline not in self.families:
            raise ValueError(f"headline is {self.headline!r}, the families are {', '.join(self.families)}")
        return self

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of all families, in the order in which they are declared."""
        return tuple(dict.fromkeys(outcome for family in self.families.values() for outcome in family.outcomes))

    def cells_fingerprint(self, context: Mapping[str, Any]) -> str:
        """Of what the cells are made with: the families, and the `context` of earlier stages."""
        return fingerprint(self.model_dump(mode="json", include={"families"}), context)


def fingerprint(*parts: BaseModel | Mapping[str, Any]) -> str:
    """The first 16 hex digits of the SHA-256 of the parts' canonical JSON: equal parameters, equal fingerprint."""
    plain = [part.model_dump(mode="json") if isinstance(part, BaseModel) else dict(part) for part in parts]
    return sha256_json(plain)[:16]
