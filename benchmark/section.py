"""The base of all that params.yaml may say."""

from __future__ import annotations

import difflib
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

UNKNOWN = "extra_forbidden"


class Section(BaseModel):
    """Parameters that refuse unknown keys, naming the keys there are, and cannot be changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _name_keys(cls, given: Any, validate: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return validate(given)
        except ValidationError as error:
            problems = error.errors(include_url=False)
            if not any(problem["type"] == UNKNOWN and len(problem["loc"]) == 1 for problem in problems):
                raise
            raise ValidationError.from_exception_data(
                cls.__name__, [cls._explained(each) for each in problems]
            ) from None

    @classmethod
    def _explained(cls, problem: Any) -> InitErrorDetails:
        said = problem["msg"]
        if problem["type"] == UNKNOWN and len(problem["loc"]) == 1:
            near = difflib.get_close_matches(str(problem["loc"][0]), cls.model_fields, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            said += f": {hint}The keys are {', '.join(cls.model_fields)}"
        kind = PydanticCustomError(problem["type"], said)
        return InitErrorDetails(type=kind, loc=problem["loc"], input=problem["input"])
