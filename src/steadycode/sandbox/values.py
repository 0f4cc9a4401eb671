"""Writes values as JSON and reads them back, so that both sides of a channel hold the same.

Neither side can make the other build anything but the types below. What has no plain form stays
where it is and crosses as a number, by which the other side may ask for it.

A container that can be changed is the same object in every message: each side numbers those that
cross, in the order in which they are written, and names one that the other side knows by its
number. Every message begins with what the known containers hold now if it has changed, so a change
made by either side is seen by the other, as in one process. A container that only this side's
table still holds is let go of. This file imports nothing of steadycode, since the worker loads it.
"""

import array
import base64
import cmath
import collections
import datetime
import decimal
import fractions
import math
import operator
import pathlib
import sys
import types
import typing
import uuid
from collections.abc import Callable, Iterable
from typing import Any

import wire  # type: ignore[import-not-found]

Message = dict[str, Any]
Each = Callable[[Any], Any]

_BUILTINS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(bool, bytearray, bytes, complex, dict, float, frozenset, int, list, object, range, set),
        *(slice, str, tuple, type(None)),
    )
}
_NAMES = {kind: name for name, kind in _BUILTINS.items()}
_BUILTINS |= {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented, "nan": math.nan}
_WORD = 1 << 63  # larger integers are written in base 16, since decimal takes quadratic time
_ATOMS: frozenset[type] = frozenset({type(None), bool, float, str})
_SIMPLE = _ATOMS | {int, bytes}
_UNSHARED = 2  # references to a container that only the table holds, and the question itself
_Deque, _Array = collections.deque, array.array
_HONEST = (RecursionError, MemoryError)  # what may end the reading of an honest value


class Codec:
    """Writes and reads the values of one channel, for one of its sides.

    ``export`` gives what is written for what has no plain form, and ``find(tag, data)`` gives what
    was exported. ``doubt`` names the first value that does not arrive quite as it was.
    """

    def __init__(self, export: Callable[[Any], Message], find: Callable[[str, Any], Any]) -> None:
        self._export, self._find = export, find
        self._shared: dict[int, list[Any]] = {}  # number -> [container, what the other side knows]
        self._numbers: dict[int, int] = {}  # id -> number
        self._next = 0  # as far as both sides have counted, or will have after this message
        self._freed: list[int] = []  # what the other side let go of while a message is read
        self._reading: int | None = None  # the next number in the message that is being read
        self._named: dict[tuple[str, ...], Any] = {}  # classes of named tuples, by their names
        self.doubt = ""

    def pack(self, key: str, value: Any, **fields: Any) -> Message:
        """A message with ``value`` under ``key``, and ``fields`` as they are. Raises whatever
        ``export`` raises; then nothing counts as said."""
        start = self._next
        news = list(self._news())
        try:
            changed = [[number, [*map(self.encode, now)]] for number, _, now in news]
            message = {**fields, key: self.encode(value), "to": self._next}
            if changed:
                message["changed"] = changed
        except BaseException as error:
            self._forget(range(start, self._next))
            self._next = start
            if isinstance(error, (TypeError, RecursionError)):
                self.doubt = self.doubt or str(error)
            raise
        for _, entry, now in news:
            entry[1] = now
            if isinstance(entry[0], set):
                self._compare_order(entry[0])
        if freed := self._unused():
            message["freed"] = freed
        return message

    def unpack(self, message: Message, key: str) -> Any:
        """The value under ``key``, after bringing the known containers up to date. Raises Gone for
        what ``pack`` does not write."""
        start, outer = self._next, self._reading
        end = message.get("to", start)
        if type(end) is not int or end < start:
            raise wire.Gone("sends what is not a value")
        # to read may mean to ask (a key's hash), and the other side has counted to the end
        self._next, self._reading = end, start
        try:
            known = [
                (self._shared[number], [*map(self.decode, items)])
                for number, items in message.get("changed", ())
            ]
            value = self.decode(message[key])
            for entry, items in known:
                _refill(entry[0], items)
                entry[1] = _content(entry[0])
            self._freed += message.get("freed", ())
            if outer is None:  # not while a message is read that may still name them
                self._forget(self._freed)
                self._freed.clear()
            if self._reading != end:
                raise ValueError("the two sides count differently")
        except BaseException as error:
            self._forget(range(start, self._reading))
            if isinstance(error, RecursionError):
                self.doubt = self.doubt or "a value that is nested too deep"
            if isinstance(error, Exception) and not isinstance(error, _HONEST):
                raise wire.Gone("sends what is not a value") from error
            raise
        finally:
            self._reading = outer
        return value

    def encode(self, value: Any) -> Any:  # noqa: PLR0911
        kind = type(value)
        if kind is int:
            return value if -_WORD < value < _WORD else {"int": hex(value)}
        if kind in _ATOMS and not (kind is float and math.isnan(value)):
            return value
        if value is math.nan:  # noqa: PLW0177  # which both sides have, and which is itself
            return {"builtin": "nan"}
        if kind is complex and cmath.isnan(value):
            self.doubt = self.doubt or "a complex number that is not equal to itself"
        writer = _WRITERS.get(kind)
        if writer is None:
            return self._encode_other(value, kind)
        tag, write = writer
        if kind is set or kind is frozenset:
            self._compare_order(value)
        elif kind in _VIEWS:
            self.doubt = self.doubt or "a view of a dict"
        if kind in _CHANGEABLE and (known := self._share(value)):
            return known
        if kind is list:
            return value if self._is_flat(value) else [*map(self.encode, value)]
        return {tag: write(value, self.encode)}

    def decode(self, data: Any) -> Any:
        if isinstance(data, list):
            made: list[Any] = []
            self._add_read(made)
            nested = any(isinstance(item, (list, dict)) for item in data)
            made += map(self.decode, data) if nested else data
            self._learn(made)
            return made
        if not isinstance(data, dict):
            return data
        ((tag, inner),) = data.items()
        if tag == "named":
            return self._read_named(*inner)
        if tag == "at":
            return self._shared[inner][0]
        if tag in _FILLERS:
            make, fill = _FILLERS[tag]
            made = make(inner, self.decode)
            self._add_read(made)
            fill(made, inner, self.decode)
            self._learn(made)
            return made
        read = _READERS.get(tag)
        return self._find(tag, inner) if read is None else read(inner, self.decode)

    def _read_named(self, name: str, fields: list[str], items: list[Any]) -> Any:
        key = (name, *fields)
        if key not in self._named:
            self._named[key] = collections.namedtuple(name, fields)
        return self._named[key](*map(self.decode, items))

    def _encode_other(self, value: Any, kind: type) -> Any:
        if written := self._encode_singular(value, kind):
            return written
        for base in _BASES:
            if issubclass(kind, base):
                return self._encode_as(value, base)
        return self._export(value)

    def _encode_singular(self, value: Any, kind: type) -> Message | None:
        """Types, what annotations are made of, and the like; None for anything else."""
        if kind is type and value in _NAMES:
            return {"builtin": _NAMES[value]}
        if value is Ellipsis or value is NotImplemented:
            return {"builtin": repr(value)}
        if kind is memoryview and value.readonly and value.format == "B" and value.ndim == 1:
            return {"memoryview": base64.b64encode(value).decode()}
        if kind is types.GenericAlias:
            return {"generic": [self.encode(value.__origin__), self.encode(value.__args__)]}
        if kind.__module__ == "typing" and (name := _name_of_type(value)):
            return {"typing": [name, self.encode(getattr(value, "__args__", None))]}
        return None

    def _encode_as(self, value: Any, base: type) -> Any:
        """An instance of a subclass crosses as ``base``, with the value that it holds; what its own
        methods say about it does not count."""
        self.doubt = self.doubt or f"an object of {type(value).__name__!r}, a kind of"
        self.doubt = f"{self.doubt} {base.__name__}" if self.doubt.endswith(" of") else self.doubt
        if base is int or base is float or base is str:
            return self.encode(_PLAIN[base](value))
        tag, write = _WRITERS[base]
        if base in _CHANGEABLE and (known := self._share(value)):
            return known
        fields = getattr(type(value), "_fields", None)
        if base is tuple and isinstance(fields, tuple) and set(map(type, fields)) == {str}:
            self._named.setdefault((type(value).__name__, *fields), type(value))
            return {"named": [type(value).__name__, list(fields), write(value, self.encode)]}
        written = write(value, self.encode)
        return written if base is list else {tag: written}

    def _compare_order(self, value: Any) -> None:
        """The order of a set depends on how it came about, and a test may depend on the order."""
        items = [*value]
        plain = all(type(item) in _SIMPLE for item in items)
        if len(items) > 1 and not (plain and all(map(operator.is_, items, set(items)))):
            self.doubt = self.doubt or "the order of a set"

    def _is_flat(self, value: list[Any]) -> bool:
        """Whether JSON holds the list as it is."""
        kinds = set(map(type, value))
        if kinds == {int}:
            return bool(min(value) > -_WORD and max(value) < _WORD)
        if float in kinds and any(map(operator.ne, value, value)):
            return False  # one that is not a number is itself, though not equal to itself
        return kinds <= _ATOMS

    def _share(self, container: Any) -> Message | None:
        """The name of a container that is known to both sides; None, and from now on it is."""
        number = self._numbers.get(id(container))
        if number is not None:
            return {"at": number}
        self._add(container)
        self._learn(container)
        return None

    def _add(self, container: Any) -> None:
        self._numbers[id(container)] = self._next
        self._shared[self._next] = [container, None]
        self._next += 1

    def _add_read(self, container: Any) -> None:
        number = self._reading or 0
        if number >= self._next:
            raise ValueError("the two sides count differently")
        self._numbers[id(container)] = number
        self._shared[number] = [container, None]
        self._reading = number + 1

    def _learn(self, container: Any) -> None:
        self._shared[self._numbers[id(container)]][1] = _content(container)

    def _forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if entry := self._shared.pop(number, None):
                self._numbers.pop(id(entry[0]), None)

    def _news(self) -> Iterable[tuple[int, list[Any], list[Any]]]:
        """Number, entry and content of each known container that holds something else now."""
        for number, entry in self._shared.items():
            now, before = _content(entry[0]), entry[1]
            if before is None:  # it is still being read
                continue
            if len(now) != len(before) or not all(map(operator.is_, now, before)):
                if isinstance(entry[0], (bytearray, _Array)) and now == before:
                    continue
                yield number, entry, now

    def _unused(self) -> list[int]:
        """The numbers of the containers that nothing on this side holds any more."""
        freed = []
        for number in list(self._shared):
            if sys.getrefcount(self._shared[number][0]) == _UNSHARED:
                self._forget((number,))
                freed.append(number)
        return freed


def _content(container: Any) -> list[Any]:
    """What a container holds: its items, or a dict's keys and then its values."""
    if isinstance(container, float):
        return []
    if isinstance(container, list):
        return list.__getitem__(container, slice(None))
    if isinstance(container, dict):
        return [*dict.keys(container), *dict.values(container)]
    if isinstance(container, bytearray):
        return [bytes(container)]
    if isinstance(container, _Array):
        return [_Array.tobytes(container)]
    base = set if isinstance(container, set) else _Deque
    return [*base.__iter__(container)]


def _refill(container: Any, items: list[Any]) -> None:
    """Make ``container`` hold what ``_content`` said of its like."""
    if isinstance(container, dict):
        half = len(items) // 2
        filled = dict(zip(items[:half], items[half:], strict=True))
        dict.clear(container)
        for key, item in filled.items():
            dict.__setitem__(container, key, item)
    elif isinstance(container, list):
        list.__setitem__(container, slice(None), items)
    elif isinstance(container, bytearray):
        bytearray.__setitem__(container, slice(None), items[0])
    elif isinstance(container, _Array):
        del container[:]
        container.frombytes(items[0])
    elif isinstance(container, set):
        filled_set = set(items)
        set.clear(container)
        set.update(container, filled_set)
    else:
        _Deque.clear(container)
        _Deque.extend(container, items)


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


_PLAIN: dict[type, Callable[[Any], Any]] = {
    int: lambda value: int.__add__(value, 0),
    float: float.__float__,
    str: str.__str__,
}
_CHANGEABLE = frozenset(
    {
        *(list, dict, set, bytearray, collections.deque, array.array),
        *(collections.OrderedDict, collections.Counter, collections.defaultdict),
        float,
    }
)
"""Types whose objects are known again: those that can be changed, and floats that are nan."""
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_Paths = pathlib.PurePosixPath, type(pathlib.Path())

_WRITERS: dict[type, tuple[str, Callable[[Any, Each], Any]]] = {
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
    _VIEWS[0]: ("keys", lambda value, each: [*map(each, value)]),
    _VIEWS[1]: ("values", lambda value, each: [*map(each, value)]),
    _VIEWS[2]: ("items", lambda value, each: [*map(each, value)]),
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

_BASES: tuple[type, ...] = (
    *(int, float, str, list, tuple, collections.Counter, collections.OrderedDict),
    *(collections.defaultdict, dict, set, frozenset, bytes, bytearray, complex),
    *(collections.deque, decimal.Decimal, fractions.Fraction),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
)
"""Types of which an instance of a subclass crosses too; special types come first."""

BASE_NAMES = frozenset(base.__name__ for base in _BASES)

DATA = (*_BASES, range, slice, bytes, uuid.UUID, pathlib.PurePath, array.array)
"""The types that hold data."""

_Make = Callable[[Any, Each], Any]
_Fill = Callable[[Any, Any, Each], object]
_FILLERS: dict[str, tuple[_Make, _Fill]] = {
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


def _name_of_type(value: Any) -> str:
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


_READERS: dict[str, Callable[[Any, Each], Any]] = {
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
