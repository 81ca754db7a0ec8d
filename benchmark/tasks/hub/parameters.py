"""Parameters of a dataset that is not embedded: one from a hub, pinned by commit, or one from local files."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from benchmark.section import Section

COMMIT = r"^[0-9a-f]{40}$"
REPOSITORY = r"^[\w.-]+/[\w.-]+$"


class _Drawn(Section):
    """What both sources share: how rows become examples, and how many of them are drawn."""

    template: str = Field(description="name of a template in benchmark/tasks/hub/templates/")
    columns: dict[str, str] = Field(
        default_factory=dict, description="the template's column: the file's column, where their names differ"
    )
    metric: str | None = Field(default=None, description="a metric of benchmark.tasks.metrics; null: the template's")
    pool: int | None = Field(default=1000, ge=2, description="candidates to draw; null: every distinct one")
    queries: int | None = Field(default=500, ge=2, description="queries to draw; null: every distinct one")
    max_characters: int | None = Field(
        default=None, ge=1, description="rows rendered longer than this are not drawn; null: no limit"
    )
    max_new_tokens: int | None = Field(
        default=None, ge=1, description="the longest generated answer; null: the template's"
    )
    seed: int = Field(default=0, ge=0, description="seed of the draws of pool and queries")


class HubDataset(_Drawn):
    """A dataset of a hub: Parquet files of one commit."""

    source: Literal["hub"]
    repository: str = Field(pattern=REPOSITORY, description="owner/name on the hub")
    revision: str = Field(pattern=COMMIT, description="the commit: 40 hexadecimal digits")
    config: str = Field(default="default", description="the configuration (subset), as the dataset's card names it")
    pool_split: str = Field(default="train", description="the split that candidates are drawn from")
    query_split: str = Field(default="validation", description="the labelled split that queries are drawn from")


class LocalDataset(_Drawn):
    """A dataset in JSON Lines, CSV or Parquet files of this machine."""

    source: Literal["local"]
    pool_files: tuple[str, ...] = Field(min_length=1, description="files of the candidates: .jsonl, .csv, .parquet")
    query_files: tuple[str, ...] = Field(
        min_length=1, description="files of the queries; the same files again: both are drawn from them, disjointly"
    )
    licence: str | None = Field(default=None, description="recorded with the results")

    @field_validator("pool_files", "query_files")
    @classmethod
    def _known_format(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        for name in files:
            if not name.endswith((".jsonl", ".csv", ".parquet")):
                raise ValueError(f"{name!r} is none of .jsonl, .csv, .parquet")
        return files
