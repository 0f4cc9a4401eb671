"""How each type of plain value is written as JSON, and how it is read back.

This file imports nothing of steadycode, since the worker loads it.
"""

import array
import base64
import collections
import datetime
import decimal
import fractions
import math
import pathlib
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any

Each = Callable[[Any], Any]
"""Writes, or reads, what is inside a value."""

_BUILTINS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(bool, bytearray, bytes, complex, dict, float, frozenset, int, list, object, range, set),
        *(slice, str, tuple, type(None)),
    )
}
NAMES = {kind: name for name, kind in _BUILTINS.items()}
_BUILTINS |= {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented, "nan": math.nan}
_Deque = collections.deque


def _items(base: Any) -> Callable[[Any, Each], Any]:
    """Writes the items, read by the plain type's own iteration and not by a subclass's."""
    return lambda value, each: [*map(each, base.__iter__(value))]


def _write_pairs(value: dict[Any, Any], each: Each) -> Any:
    return [[each(key), each(item)] for key, item in dict.items(value)]


def _read_pairs(made: Any, inner: Any, each: Each) -> None:
    for key, item in inner:
        known = each(key)  # first, as it was written
        made[known] = each(item)


def _read_default(made: Any, inner: Any, each: Each) -> None:
    factory = each(inner[0])
    made.default_factory = collections.defaultdict(factory).default_factory  # or TypeError
    _read_pairs(made, inner[1], each)


def _write_time(value: Any, each: Each) -> Any:
    zone = value.tzinfo
    if type(zone).__module__ == "zoneinfo" and zone.key:
        written = {"zone of the world": str(zone.key)}
    elif zone is None or type(zone) is datetime.timezone:
        written = each(zone)
    else:
        raise TypeError(f"a time in a zone of the kind {type(zone).__name__!r}")
    return [type(value).isoformat(value.replace(tzinfo=None)), value.fold, written]


def _read_time(kind: Any) -> Callable[[Any, Each], Any]:
    def read(inner: Any, each: Each) -> Any:
        text, fold, zone = inner
        return kind.fromisoformat(text).replace(fold=fold, tzinfo=each(zone))

    return read


def _read_zone(inner: Any, _: Each) -> Any:
    import zoneinfo

    return zoneinfo.ZoneInfo(inner)


def _text(base: Any) -> Callable[[Any, Each], str]:
    return lambda value, _: str(base.__str__(value))


PLAIN: dict[type, Callable[[Any], Any]] = {
    int: lambda value: int.__add__(value, 0),
    float: float.__float__,
    str: str.__str__,
}
CHANGEABLE = frozenset(
    {
        *(list, dict, set, bytearray, collections.deque, array.array),
        *(collections.OrderedDict, collections.Counter, collections.defaultdict),
        float,
    }
)
"""Types whose objects are known again: those that can be changed, and floats that are nan."""
VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_Paths = pathlib.PurePosixPath, type(pathlib.Path())

WRITERS: dict[type, tuple[str, Callable[[Any, Each], Any]]] = {
    list: ("list", _items(list)),
    float: ("nan", lambda *_: 0),
    tuple: ("tuple", _items(tuple)),
    dict: ("dict", _write_pairs),
    set: ("set", _items(set)),
    frozenset: ("frozenset", _items(frozenset)),
    collections.Counter: ("counter", _write_pairs),
    collections.OrderedDict: ("ordered", _write_pairs),
    collections.defaultdict: (
        "default",
        lambda value, each: [each(value.default_factory), _write_pairs(value, each)],
    ),
    collections.deque: (
        "deque",
        lambda value, each: [value.maxlen, [*map(each, _Deque.__iter__(value))]],
    ),
    array.array: ("array", lambda value, _: [value.typecode, value.tobytes().hex()]),
    bytes: ("bytes", lambda value, _: base64.b64encode(value).decode()),
    bytearray: ("bytearray", lambda value, _: base64.b64encode(value).decode()),
    complex: ("complex", lambda value, _: [value.real, value.imag]),
    range: ("range", lambda value, _: [hex(value.start), hex(value.stop), hex(value.step)]),
    slice: ("slice", lambda value, each: [each(value.start), each(value.stop), each(value.step)]),
    VIEWS[0]: ("keys", lambda value, each: [*map(each, value)]),
    VIEWS[1]: ("values", lambda value, each: [*map(each, value)]),
    VIEWS[2]: ("items", lambda value, each: [*map(each, value)]),
    decimal.Decimal: ("decimal", _text(decimal.Decimal)),
    fractions.Fraction: ("fraction", lambda v, _: [hex(v.numerator), hex(v.denominator)]),
    datetime.datetime: ("datetime", _write_time),
    datetime.date: ("date", lambda value, _: datetime.date.isoformat(value)),
    datetime.time: ("time", _write_time),
    datetime.timedelta: (
        "timedelta",
        lambda value, _: [value.days, value.seconds, value.microseconds],
    ),
    datetime.timezone: ("zone", lambda value, each: [*map(each, value.__getinitargs__())]),
    uuid.UUID: ("uuid", lambda value, _: hex(value.int)),
    _Paths[0]: ("pure path", _text(_Paths[0])),
    _Paths[1]: ("path", _text(_Paths[1])),
}
"""How each plain type is written: its tag, and a function."""

BASES: tuple[type, ...] = (
    *(int, float, str, list, tuple, collections.Counter, collections.OrderedDict),
    *(collections.defaultdict, dict, set, frozenset, bytes, bytearray, complex),
    *(collections.deque, decimal.Decimal, fractions.Fraction),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
)
"""Types of which an instance of a subclass crosses too; special types come first."""

BASE_NAMES = frozenset(base.__name__ for base in BASES)

DATA = (*BASES, range, slice, bytes, uuid.UUID, pathlib.PurePath, array.array)
"""The types that hold data."""

_Make = Callable[[Any, Each], Any]
_Fill = Callable[[Any, Any, Each], object]
FILLERS: dict[str, tuple[_Make, _Fill]] = {
    "dict": (lambda *_: {}, _read_pairs),
    "nan": (lambda *_: float("nan"), lambda *_: None),
    "set": (lambda *_: set(), lambda made, inner, each: made.update([*map(each, inner)])),
    "counter": (lambda *_: collections.Counter(), _read_pairs),
    "ordered": (lambda *_: collections.OrderedDict(), _read_pairs),
    "default": (
        lambda *_: collections.defaultdict(),
        _read_default,
    ),
    "deque": (
        lambda inner, _: collections.deque(maxlen=inner[0]),
        lambda made, inner, each: made.extend([*map(each, inner[1])]),
    ),
    "array": (
        lambda inner, _: array.array(inner[0]),
        lambda made, inner, _: made.frombytes(bytes.fromhex(inner[1])),
    ),
    "bytearray": (
        lambda *_: bytearray(),
        lambda made, inner, _: made.extend(base64.b64decode(inner)),
    ),
}
"""How each type that can be changed is made, and then filled."""


def _base16(inner: Any) -> list[int]:
    return [int(item, 16) for item in inner]


def name_of_type(value: Any) -> str:
    """The name in ``typing`` of what can be written with its arguments alone."""
    name = getattr(value, "_name", None)
    name = "Union" if name == "Optional" else name
    known = isinstance(name, str) and type(getattr(typing, name, None)).__module__ == "typing"
    return str(name) if known else ""


def _read_typing(inner: Any, each: Each) -> Any:
    name, args = inner
    known = getattr(typing, name)
    if type(known).__module__ != "typing":
        raise ValueError(name)
    read = each(args)
    return known if read is None else known[read]


def _read_generic(inner: Any, each: Each) -> Any:
    origin, args = each(inner[0]), each(inner[1])
    return types.GenericAlias(origin, args)


READERS: dict[str, Callable[[Any, Each], Any]] = {
    "int": lambda inner, _: int(inner, 16),
    "tuple": lambda inner, each: (*map(each, inner),),
    "frozenset": lambda inner, each: frozenset([*map(each, inner)]),
    "keys": lambda inner, each: dict.fromkeys([*map(each, inner)]).keys(),
    "values": lambda inner, each: dict(enumerate([*map(each, inner)])).values(),
    "items": lambda inner, each: dict([*map(each, inner)]).items(),
    "builtin": lambda inner, _: _BUILTINS[inner],
    "bytes": lambda inner, _: base64.b64decode(inner),
    "memoryview": lambda inner, _: memoryview(base64.b64decode(inner)),
    "complex": lambda inner, _: complex(*inner),
    "range": lambda inner, _: range(*_base16(inner)),
    "typing": _read_typing,
    "generic": _read_generic,
    "slice": lambda inner, each: slice(*map(each, inner)),
    "decimal": lambda inner, _: decimal.Decimal(inner),
    "fraction": lambda inner, _: fractions.Fraction(*_base16(inner)),
    "datetime": _read_time(datetime.datetime),
    "date": lambda inner, _: datetime.date.fromisoformat(inner),
    "time": _read_time(datetime.time),
    "zone of the world": _read_zone,
    "timedelta": lambda inner, _: datetime.timedelta(*inner),
    "zone": lambda inner, each: datetime.timezone(*map(each, inner)),
    "uuid": lambda inner, _: uuid.UUID(int=int(inner, 16)),
    "pure path": lambda inner, _: pathlib.PurePosixPath(inner),
    "path": lambda inner, _: pathlib.Path(inner),
}
