"""The base of all that params.yaml may say."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Parameters that refuse unknown keys and cannot be changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
