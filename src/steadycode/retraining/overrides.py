"""Which overrides can be meant at all, in the words of a JSON schema.

Prefect's server knows a form by its schema alone. With these patterns in it, a misspelt setting is
refused where it is typed, before there is a flow run. The page shows the pattern that does not
match, so each is kept as readable as the rule that it states; ``load_config`` remains the judge.
"""

from collections.abc import Iterable, Iterator
from inspect import isclass
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from steadycode.config import Config, names_in, read_yaml
from steadycode.gate.policy import Policy
from steadycode.project import Project
from steadycode.recode.perturbations import PERTURBATIONS

_SOME_PATH = r"\S*[/~].*"
"""A folder, a hub id, or ``models:/NAME@ALIAS``: the name of no base model holds these signs."""


def override_patterns(project: Project) -> list[str]:
    """The patterns that one override, ``section.key=value``, has to match, all of them.

    The first lists the keys. The others are each about one key whose value is a name: of a policy,
    a perturbation or a base model of ``project``, or one of the key's own words.
    """
    keys = {key: annotation for key, annotation in _keys(Config) if key != "profile"}
    names = "|".join(("all", *PERTURBATIONS))
    values = {
        key: _quotable(get_args(annotation))
        for key, annotation in keys.items()
        if get_origin(annotation) is Literal
    } | {
        "gate": _quotable(names_in(project.configs, Policy)),
        "model.base": _quotable((*read_yaml(project.configs / "base-models.yaml"), _SOME_PATH)),
        "evaluate.perturbations": rf"\[( *['\"]?({names})['\"]? *,?)*\]",
    }
    return [
        rf"^ *({'|'.join(keys)}) *= *\S",
        *(rf"^ *(?!{key} *=)|{key} *= *{value} *$" for key, value in values.items()),
    ]


def _keys(model: type[BaseModel], section: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of ``model`` and of the models inside it, with its annotation."""
    for name, field in model.model_fields.items():
        yield section + name, field.annotation
        for part in (field.annotation, *get_args(field.annotation)):
            if isclass(part) and issubclass(part, BaseModel):
                yield from _keys(part, f"{section}{name}.")


def _quotable(words: Iterable[str]) -> str:
    return rf"['\"]?({'|'.join(words)})['\"]?"
