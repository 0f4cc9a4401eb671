"""Carries plain data between a program and its checker: JSON with tags and its length, over pipes.

Neither side can make the other build anything but the types below. What has no plain form stays
where it is and crosses as a number, by which the other side may ask for it. This file imports
nothing of steadycode, since the worker, which must stay light, loads it.
"""

import base64
import collections
import datetime
import decimal
import fractions
import json
import os
import struct
from collections.abc import Callable, Container
from typing import Any

MESSAGE_LIMIT = 64 << 20  # bytes
_BUILTINS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(bool, bytearray, bytes, complex, dict, float, frozenset, int, list, object, range, set),
        *(slice, str, tuple, type(None)),
    )
}
_NAMES = {kind: name for name, kind in _BUILTINS.items()}
_BUILTINS |= {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}
_WORD = 1 << 63  # larger integers are written in base 16, since decimal takes quadratic time
_ATOMS = frozenset({type(None), bool, float, str})
_FLAT = (type(None), int, float, str, bytes)

_read, _write = os.read, os.write  # kept here, since a program may replace the module's

Message = dict[str, Any]


class Gone(BaseException):
    """The other side has closed its pipe, or has sent what is not a message."""


class Channel:
    """One side's ends of the two pipes."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd

    def send(self, message: Message) -> None:
        body = json.dumps(message).encode()  # ASCII: carries lone surrogates too
        data = memoryview(struct.pack(">I", len(body)) + body)
        try:
            while data:
                data = data[_write(self._write_fd, data) :]
        except OSError as error:
            raise Gone from error

    def receive(self) -> Message:
        (size,) = struct.unpack(">I", self._exactly(4))
        if size > MESSAGE_LIMIT:
            raise Gone(f"sends more than {MESSAGE_LIMIT >> 20} MiB at once")
        try:
            message = json.loads(self._exactly(size))
        except (ValueError, RecursionError) as error:
            raise Gone("sends what is not a message") from error
        if not isinstance(message, dict):
            raise Gone("sends what is not a message")
        return message

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                chunk = _read(self._read_fd, size - len(data))
            except OSError as error:
                raise Gone from error
            if not chunk:
                raise Gone
            data += chunk
        return bytes(data)


def containers(value: Any, apart: Container[int] = ()) -> list[Any]:
    """All that can be changed in ``value`` and in what it holds, in an order that depends on its
    shape alone, so that both sides count alike. ``apart`` has the ids of objects that did not cross
    as data, which are left out."""
    changeable = []
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if id(part) in apart:
            continue
        if isinstance(part, (list, dict, set, bytearray, collections.deque)):
            changeable.append(part)
        if isinstance(part, (list, tuple, collections.deque)):
            waiting.extend(item for item in part if not isinstance(item, _FLAT))
        elif isinstance(part, dict):
            waiting.extend(item for item in part.values() if not isinstance(item, _FLAT))
    return changeable


def content(container: Any) -> list[Any]:
    """What a container holds: its items, or a dict's keys and then its values."""
    if isinstance(container, dict):
        return [*container.keys(), *container.values()]
    return list(container)


def refill(container: Any, items: list[Any]) -> None:
    """Make ``container`` hold what ``content`` said of its like. Raises TypeError or ValueError."""
    if isinstance(container, dict):
        half = len(items) // 2
        filled = dict(zip(items[:half], items[half:], strict=True))
        container.clear()
        container.update(filled)
    elif isinstance(container, bytearray):
        container[:] = bytes(items)
    else:
        add = container.update if isinstance(container, set) else container.extend
        filled_set = set(items) if isinstance(container, set) else items
        container.clear()
        add(filled_set)


def encode(value: Any, export: Callable[[Any], Message]) -> Any:
    """Write ``value`` as JSON; ``export`` gives what is written for what has no plain form.

    An instance of a subclass of a plain type crosses as that type, with the value that it holds;
    what its own methods say about it does not count.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is list and _is_flat(value):
        return value
    if kind is type and value in _NAMES:
        return {"builtin": _NAMES[value]}
    if value is Ellipsis or value is NotImplemented:
        return {"builtin": repr(value)}
    for base, tag, write in _WRITERS:
        if issubclass(kind, base):
            plain = write(value, lambda item: encode(item, export))
            return plain if tag is None else {tag: plain}
    return export(value)


def decode(data: Any, find: Callable[[str, Any], Any]) -> Any:
    """Read what ``encode`` wrote; ``find(tag, data)`` gives what was exported. Raises Gone for
    anything that ``encode`` does not write."""
    if isinstance(data, list):
        if any(isinstance(item, (list, dict)) for item in data):
            return [decode(item, find) for item in data]
        return list(data)  # a copy, so that the message stays as it was
    if not isinstance(data, dict):
        return data
    try:
        ((tag, inner),) = data.items()
        read = _READERS.get(tag)
        if read is None:
            return find(tag, inner)
        return read(inner, lambda item: decode(item, find))
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise Gone("sends what is not a value") from error


def _is_flat(value: list[Any]) -> bool:
    """Whether JSON holds the list as it is."""
    kinds = set(map(type, value))
    if kinds == {int}:
        return bool(min(value) > -_WORD and max(value) < _WORD)
    return kinds <= _ATOMS


Each = Callable[[Any], Any]


def _write_int(value: int, _: Each) -> Any:
    plain = int.__add__(value, 0)
    return plain if -_WORD < plain < _WORD else {"int": hex(plain)}


def _write_items(value: Any, each: Each) -> Any:
    """The items in writing, read by the plain type's own iteration and not by a subclass's."""
    base = next(base for base in type(value).__mro__ if base in _ITERATED)
    return [each(item) for item in base.__iter__(value)]


def _write_pairs(value: dict[Any, Any], each: Each) -> Any:
    return [[each(key), each(item)] for key, item in dict.items(value)]


def _write_tuple(value: Any, each: Each) -> Any:
    items = _write_items(value, each)
    fields = getattr(type(value), "_fields", None)
    if isinstance(fields, tuple) and set(map(type, fields)) == {str}:
        return {"named": [type(value).__name__, list(fields), items]}
    return {"tuple": items}


def _read_named(inner: Any, each: Each) -> Any:
    name, fields, items = inner
    return collections.namedtuple(name, fields)(*map(each, items))


_ITERATED = (list, tuple, set, frozenset, collections.deque)
_WRITERS: tuple[tuple[type, str | None, Callable[[Any, Each], Any]], ...] = (
    (int, None, _write_int),
    (float, None, lambda value, _: float.__float__(value)),
    (str, None, lambda value, _: str.__str__(value)),
    (list, None, _write_items),
    (tuple, None, _write_tuple),
    (collections.Counter, "counter", _write_pairs),
    (collections.OrderedDict, "ordered", _write_pairs),
    (dict, "dict", _write_pairs),
    (set, "set", _write_items),
    (frozenset, "frozenset", _write_items),
    (bytes, "bytes", lambda value, _: base64.b64encode(value).decode()),
    (bytearray, "bytearray", lambda value, _: base64.b64encode(value).decode()),
    (complex, "complex", lambda value, _: [value.real, value.imag]),
    (range, "range", lambda value, _: [hex(value.start), hex(value.stop), hex(value.step)]),
    (collections.deque, "deque", _write_items),
    (type({}.keys()), "keys", lambda value, each: list(map(each, value))),
    (type({}.values()), "values", lambda value, each: list(map(each, value))),
    (type({}.items()), "items", lambda value, each: list(map(each, value))),
    (decimal.Decimal, "decimal", lambda value, _: decimal.Decimal.__str__(value)),
    (fractions.Fraction, "fraction", lambda v, _: [hex(v.numerator), hex(v.denominator)]),
    (datetime.datetime, "datetime", lambda value, _: datetime.datetime.isoformat(value)),
    (datetime.date, "date", lambda value, _: datetime.date.isoformat(value)),
    (datetime.time, "time", lambda value, _: datetime.time.isoformat(value)),
    (
        datetime.timedelta,
        "timedelta",
        lambda value, _: [value.days, value.seconds, value.microseconds],
    ),
)
"""How each plain type is written: the type, its tag, and a function; special types come first."""


def _base16(inner: Any) -> list[int]:
    return [int(item, 16) for item in inner]


_READERS: dict[str, Callable[[Any, Each], Any]] = {
    "int": lambda inner, _: int(inner, 16),
    "tuple": lambda inner, each: tuple(map(each, inner)),
    "named": _read_named,
    "keys": lambda inner, each: dict.fromkeys(map(each, inner)).keys(),
    "values": lambda inner, each: dict(enumerate(map(each, inner))).values(),
    "items": lambda inner, each: dict(map(each, inner)).items(),
    "builtin": lambda inner, _: _BUILTINS[inner],
    "counter": lambda inner, each: collections.Counter(
        {each(key): each(item) for key, item in inner}
    ),
    "ordered": lambda inner, each: collections.OrderedDict(
        (each(key), each(item)) for key, item in inner
    ),
    "dict": lambda inner, each: {each(key): each(item) for key, item in inner},
    "set": lambda inner, each: set(map(each, inner)),
    "frozenset": lambda inner, each: frozenset(map(each, inner)),
    "bytes": lambda inner, _: base64.b64decode(inner),
    "bytearray": lambda inner, _: bytearray(base64.b64decode(inner)),
    "complex": lambda inner, _: complex(*inner),
    "range": lambda inner, _: range(*_base16(inner)),
    "deque": lambda inner, each: collections.deque(map(each, inner)),
    "decimal": lambda inner, _: decimal.Decimal(inner),
    "fraction": lambda inner, _: fractions.Fraction(*_base16(inner)),
    "datetime": lambda inner, _: datetime.datetime.fromisoformat(inner),
    "date": lambda inner, _: datetime.date.fromisoformat(inner),
    "time": lambda inner, _: datetime.time.fromisoformat(inner),
    "timedelta": lambda inner, _: datetime.timedelta(*inner),
}
