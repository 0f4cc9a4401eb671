"""Which overrides can be meant at all, as a regular expression.

Prefect's server knows a form by its JSON schema alone. With this pattern in it, a misspelt setting
is refused where it is typed, before there is a flow run.
"""

import re
from collections.abc import Iterable, Mapping
from inspect import isclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from steadycode.config import Config, names_in, read_yaml
from steadycode.gate.policy import Policy
from steadycode.project import Project
from steadycode.recode.perturbations import PERTURBATIONS

_SOME_PATH = r"[^'\"\s]*[/\\:~][^'\"]*"
"""A folder, a hub id, or ``models:/NAME@ALIAS``: no base model's name holds these signs."""


def override_pattern(project: Project) -> str:
    """The pattern of one override, ``section.key=value``, in the dialect of JSON schemas.

    Keys are those of ``Config``; values are checked where they are names: of policies,
    perturbations and base models of ``project``, and the words that a key may be set to.
    """
    bases = (*map(re.escape, read_yaml(project.configs / "base-models.yaml")), _SOME_PATH)
    perturbation = _quotable(map(re.escape, ("all", *PERTURBATIONS)))
    values = {
        "gate": _quotable(map(re.escape, names_in(project.configs, Policy))),
        "model.base": _quotable(bases),
        "evaluate.perturbations": rf"\[\s*(?:{perturbation}(?:\s*,\s*{perturbation})*)?\s*\]",
    }
    return rf"^\s*(?:{_settings(Config, values)})"


def _settings(model: type[BaseModel], values: Mapping[str, str], section: str = "") -> str:
    """The patterns of all settings of ``model``; ``values`` holds those of values, by whole key."""
    patterns = []
    for name, field in model.model_fields.items():
        key = f"{section}{name}"
        if key == "profile":  # a profile is chosen by itself
            continue
        value = values.get(key) or _words(field.annotation)
        patterns.append(rf"{name}\s*=\s*{value}\s*$" if value else rf"{name}\s*=\s*\S")
        for part in (field.annotation, *get_args(field.annotation)):
            if isclass(part) and issubclass(part, BaseModel):
                patterns.append(rf"{name}\.(?:{_settings(part, values, f'{key}.')})")
    return "|".join(patterns)


def _words(annotation: Any) -> str:
    """The pattern of the words that a value is one of; empty where it may be any."""
    return _quotable(get_args(annotation)) if get_origin(annotation) is Literal else ""


def _quotable(words: Iterable[str]) -> str:
    return rf"['\"]?(?:{'|'.join(words)})['\"]?"
