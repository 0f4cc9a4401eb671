"""JSON files with a schema number, read back as the dataclasses that they were written from.

Reading is strict: a wrong type, an unknown word or a missing key is damage, and is told with the
file, the place in it, and what to do.
"""

import math
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from steadycode.errors import SteadycodeError
from steadycode.files import plain, write_json

Record = TypeVar("Record")

Measured = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A figure that may be undefined: NaN in memory, null in a file."""


class _Head(BaseModel, strict=True):
    """What every file begins with, whatever else is in it."""

    number: int = Field(-1, alias="schema")


def as_record(value: Any, schema: int) -> dict[str, Any]:
    """A dataclass as what stands in its file."""
    return {"schema": schema, **plain(value)}


def write_record(path: Path, value: Any, schema: int) -> None:
    """Write a dataclass with its schema number."""
    write_json(path, as_record(value, schema))


def read_record(
    path: Path, kind: type[Record], schema: int, error: type[SteadycodeError], remedy: str
) -> Record:
    """The ``kind`` in the file ``path``. Raises ``error``, which ends with ``remedy``."""
    try:
        text = path.read_bytes()
    except OSError as fault:
        raise error(f"{path} cannot be read ({fault.strerror}); {remedy}") from fault
    return parse_record(text, kind, schema, str(path), error, remedy)


def parse_record(
    text: bytes | str,
    kind: type[Record],
    schema: int,
    where: str,
    error: type[SteadycodeError],
    remedy: str,
) -> Record:
    """As ``read_record``, for what lies elsewhere than in a file: ``where``."""
    try:
        if _Head.model_validate_json(text).number != schema:
            raise error(f"{where} has another schema version; {remedy}")
        record: Record = TypeAdapter(kind).validate_json(text, strict=True)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        told = f"{place}: {first['msg']}" if place else first["msg"]
        raise error(f"{where} is damaged ({told}); {remedy}") from fault
    return record
