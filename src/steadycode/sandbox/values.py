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
import math
import operator
import sys
import types
from collections.abc import Callable, Iterable
from typing import Any

import containers  # type: ignore[import-not-found]
import forms  # type: ignore[import-not-found]
import wire  # type: ignore[import-not-found]

Message = dict[str, Any]

_WORD = 1 << 63  # larger integers are written in base 16, since decimal takes quadratic time
_ATOMS: frozenset[type] = frozenset({type(None), bool, float, str})
_SIMPLE = _ATOMS | {int, bytes}
_UNSHARED = 2  # references to a container that only the table holds, and the question itself
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
                containers.refill(entry[0], items)
                entry[1] = containers.content(entry[0])
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
        writer = forms.WRITERS.get(kind)
        if writer is None:
            return self._encode_other(value, kind)
        tag, write = writer
        if kind is set or kind is frozenset:
            self._compare_order(value)
        elif kind in forms.VIEWS:
            self.doubt = self.doubt or "a view of a dict"
        if kind in forms.CHANGEABLE and (known := self._share(value)):
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
        if tag in forms.FILLERS:
            make, fill = forms.FILLERS[tag]
            made = make(inner, self.decode)
            self._add_read(made)
            fill(made, inner, self.decode)
            self._learn(made)
            return made
        read = forms.READERS.get(tag)
        return self._find(tag, inner) if read is None else read(inner, self.decode)

    def _read_named(self, name: str, fields: list[str], items: list[Any]) -> Any:
        key = (name, *fields)
        if key not in self._named:
            self._named[key] = collections.namedtuple(name, fields)
        return self._named[key](*map(self.decode, items))

    def _encode_other(self, value: Any, kind: type) -> Any:
        if written := self._encode_singular(value, kind):
            return written
        for base in forms.BASES:
            if issubclass(kind, base):
                return self._encode_as(value, base)
        return self._export(value)

    def _encode_singular(self, value: Any, kind: type) -> Message | None:
        """Types, what annotations are made of, and the like; None for anything else."""
        if kind is type and value in forms.NAMES:
            return {"builtin": forms.NAMES[value]}
        if value is Ellipsis or value is NotImplemented:
            return {"builtin": repr(value)}
        if kind is memoryview and value.readonly and value.format == "B" and value.ndim == 1:
            return {"memoryview": base64.b64encode(value).decode()}
        if kind is types.GenericAlias:
            return {"generic": [self.encode(value.__origin__), self.encode(value.__args__)]}
        if kind.__module__ == "typing" and (name := forms.name_of_type(value)):
            return {"typing": [name, self.encode(getattr(value, "__args__", None))]}
        return None

    def _encode_as(self, value: Any, base: type) -> Any:
        """An instance of a subclass crosses as ``base``, with the value that it holds; what its own
        methods say about it does not count."""
        self.doubt = self.doubt or f"an object of {type(value).__name__!r}, a kind of"
        self.doubt = f"{self.doubt} {base.__name__}" if self.doubt.endswith(" of") else self.doubt
        if base is int or base is float or base is str:
            return self.encode(forms.PLAIN[base](value))
        tag, write = forms.WRITERS[base]
        if base in forms.CHANGEABLE and (known := self._share(value)):
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
        self._shared[self._numbers[id(container)]][1] = containers.content(container)

    def _forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if entry := self._shared.pop(number, None):
                self._numbers.pop(id(entry[0]), None)

    def _news(self) -> Iterable[tuple[int, list[Any], list[Any]]]:
        """Number, entry and content of each known container that holds something else now."""
        for number, entry in self._shared.items():
            now, before = containers.content(entry[0]), entry[1]
            if before is None:  # it is still being read
                continue
            if len(now) != len(before) or not all(map(operator.is_, now, before)):
                if isinstance(entry[0], (bytearray, array.array)) and now == before:
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
