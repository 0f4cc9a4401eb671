"""The promotion policy: ``configs/gate.yaml`` with types, in which unknown keys are refused."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from steadycode.config import names_in, read_yaml
from steadycode.errors import ConfigError
from steadycode.project import Project
from steadycode.recode.variant import GROUPS
from steadycode.spelling import first_fault, suggestion

RULES = ("correctness/full", "correctness/partial", "robustness/natural", "loss")
MEASURES = (*RULES, "robustness", *(f"robustness/{group}" for group in GROUPS))
"""All that can be asked for: the rules of a default policy, of which robustness counts what people
really write; robustness to all perturbations; and each group of them."""


class Policy(BaseModel):
    """What the gate asks of a candidate before it may become champion."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[str, ...] = Field(RULES, description="each must hold; see MEASURES for others")
    confidence: float = Field(0.95, ge=0.8, lt=1, description="that of every two-sided interval")
    margin: float = Field(
        0.05, gt=0, le=0.5, description="largest drop of a pass rate, 0.05 = 5 points"
    )
    max_loss_increase: float = Field(0.02, gt=0, description="nats per token")
    min_problems: int = Field(50, ge=2)
    min_documents: int = Field(30, ge=2)
    require_improvement: bool = True
    improvement_in: tuple[str, ...] = Field(RULES, description="the rules where it may be shown")
    require_approval: bool = False

    @field_validator("rules", "improvement_in")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in MEASURES:
                raise ValueError(f"no rule {name!r}; {suggestion(name, MEASURES)}")
        if len(set(names)) != len(names):
            raise ValueError("a rule is named twice")
        return names

    @field_validator("rules")
    @classmethod
    def _judges_correctness(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        # so that nobody can switch the gate off by emptying a list
        if "correctness/full" not in names:
            raise ValueError("correctness/full must be among the rules")
        return names

    @model_validator(mode="after")
    def _improvement_has_a_place(self) -> "Policy":
        if self.require_improvement and not self.improvement_in:
            raise ValueError(
                "improvement_in is empty, so that no model could ever be shown to be better; name"
                f" some of {', '.join(MEASURES)}, or set require_improvement: false"
            )
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        """Each measure that a decision needs: the rules', and those of the improvement."""
        improvement = self.improvement_in if self.require_improvement else ()
        return tuple(dict.fromkeys((*self.rules, *improvement)))


def load_policy(project: Project, name: str = "gate") -> Policy:
    """The policy in ``configs/NAME.yaml``. Raises ConfigError when that is missing or wrong; there
    is no default, since a gate must never be weaker than the file that people read."""
    path = project.configs / f"{name}.yaml"
    if not path.is_file():
        hint = suggestion(name, names_in(project.configs, Policy))
        raise ConfigError(f"no promotion policy {path}; restore it or name another; {hint}")
    return parse_policy(read_yaml(path), str(path))


def parse_policy(settings: dict[str, Any], where: str) -> Policy:
    """The policy that ``settings`` make. Raises ConfigError, which names ``where`` they stand."""
    try:
        return Policy.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(f"{where}: {first_fault(error, Policy)}") from error
