"""What a person, or a schedule, submits to run a flow: the whole form that Prefect shows.

A form posts back every field that it shows, touched or not, so none of them may hold a default that
a profile could set otherwise.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from steadycode.config import Config, load_config, profile_names
from steadycode.project import find_project
from steadycode.retraining.overrides import override_patterns
from steadycode.retraining.preflight import check_names


def _as_choice(schema: dict[str, Any]) -> None:
    schema["enum"] = profile_names()


def _as_settings(schema: dict[str, Any]) -> None:
    patterns = override_patterns(find_project())
    schema["items"]["allOf"] = [{"pattern": pattern} for pattern in patterns]


class Submission(BaseModel):
    """A profile, and the settings that are to differ from it."""  # the form shows this

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str = Field(
        "quick",
        json_schema_extra=_as_choice,
        description="the file of configs/ from which every setting comes that is not named below",
    )
    overrides: tuple[str, ...] = Field(
        (),
        json_schema_extra=_as_settings,
        description="settings that differ from the profile's, each as section.key=value, for"
        " instance train.steps=80 or evaluate.perturbations=[all]; the deployment's page lists all",
    )

    @model_validator(mode="after")
    def _is_spelt_right(self) -> "Submission":
        """Raises ConfigError or ModelError, with the nearest name that there is."""
        check_names(find_project(), self.resolved())
        return self

    def resolved(self) -> Config:
        """Every setting: the profile's own, with the overrides laid over them."""
        return load_config(self.profile, self.overrides)

    @property
    def label(self) -> str:
        """The profile, and behind it what differs, for the names of runs."""
        return " ".join((self.profile, *self.overrides))
