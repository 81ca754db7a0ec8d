"""The base of all that params.yaml may say."""

from __future__ import annotations

import difflib
from typing import Any, Self, get_args

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

    @model_validator(mode="before")
    @classmethod
    def _no_truth_value_is_a_number(cls, given: Any) -> Any:
        """`pool: true` would be 1."""
        for name, value in given.items() if isinstance(given, dict) else ():
            field = cls.model_fields.get(name)
            if field and isinstance(value, bool) and bool not in (field.annotation, *get_args(field.annotation)):
                raise ValueError(f"`{name}` cannot be {str(value).lower()}")
        return given

    @classmethod
    def _explained(cls, problem: Any) -> InitErrorDetails:
        said = problem["msg"]
        if problem["type"] == UNKNOWN and len(problem["loc"]) == 1:
            near = difflib.get_close_matches(str(problem["loc"][0]), cls.model_fields, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            said += f": {hint}The keys are {', '.join(cls.model_fields)}"
        kind = PydanticCustomError(problem["type"], said)
        return InitErrorDetails(type=kind, loc=problem["loc"], input=problem["input"])
