"""Says what is wrong with a name or a key, and which one was probably meant."""

import difflib
from collections.abc import Iterable, Iterator
from inspect import isclass
from typing import get_args

from pydantic import BaseModel, ValidationError

_FEW = 10


def suggestion(name: str, known: Iterable[str]) -> str:
    """A question about the name in ``known`` that is most like ``name``; and all the names when
    they are few, or none is like it."""
    names = list(known)
    near = [f"did you mean {one}?" for one in difflib.get_close_matches(name, names, n=1)]
    if not near or len(names) <= _FEW:
        near.append(f"there are: {', '.join(names) or 'none'}")
    return " ".join(near)


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of a model and, behind a dot, of the models inside it: ``train``, ``train.steps``,
    …"""
    for name, field in model.model_fields.items():
        yield prefix + name
        for part in (field.annotation, *get_args(field.annotation)):
            if isclass(part) and issubclass(part, BaseModel):
                yield from keys_of(part, f"{prefix}{name}.")


def suggested_key(key: str, model: type[BaseModel]) -> str:
    """The ``suggestion`` for a key that ``model`` lacks: from its own section when there is such a
    section, else from all."""
    keys = list(keys_of(model))
    section, _, name = key.rpartition(".")
    siblings = [k.rpartition(".")[2] for k in keys if k.rpartition(".")[0] == section]
    if section and siblings:
        return suggestion(name, siblings)
    near = difflib.get_close_matches(key, keys, n=1)
    return f"did you mean {near[0]}?" if near else suggestion(key, model.model_fields)


def first_fault(error: ValidationError, model: type[BaseModel]) -> str:
    """A line that names the first faulty key of ``model``, what is wrong with it, and its value."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        key = ".".join(part for part in first["loc"] if isinstance(part, str))
        hint = suggested_key(key, model)
        return f"{where}: there is no such key (given as {first['input']!r}); {hint}"
    if first["type"] == "value_error":  # one of our own validators: it says all there is to say
        fault = str(first["ctx"]["error"])
        return f"{where}: {fault}" if first["loc"] else fault
    fault = first["msg"][:1].lower() + first["msg"][1:]
    return f"{where}: {fault} (got {first['input']!r})"
