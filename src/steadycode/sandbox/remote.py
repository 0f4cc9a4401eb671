"""Stands, inside one process, for objects that live in the other.

In the checker they are of the program's own types. Each of these has a class here, which can do
what that type can do and nothing else; so ``callable``, ``hasattr``, ``hash`` and
``isinstance(answer, Iterator)`` say what is true. All is done by the program. What it is never
asked is to compare its object with data, or to calculate with it and data: a test that expects data
would tell the program what it wants to hear. In the program's process they are functions and
objects of the test (``lending.py``). This file imports nothing of steadycode, since the worker
loads it.
"""

import collections.abc
import dataclasses
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import forms  # type: ignore[import-not-found]
import wire  # type: ignore[import-not-found]

from operations import ARITHMETIC, OPERATORS  # type: ignore[import-not-found]


class Side(Protocol):
    """What a remote object needs of the other process."""

    open: bool
    """Whether its objects may be asked about data."""

    def ask(self, operation: str, *on: Any, **options: Any) -> Any: ...

    def refuse(self, what: str) -> None: ...

    def may_swallow(self, error: BaseException) -> bool: ...


class Remote:
    """An object of a type of the program's own.

    It is equal to itself, and to another such object when the program says so, but never to data:
    an ``__eq__`` that always says yes is not asked.
    """

    __slots__ = ("__number", "__program", "__trusted")  # all other names belong to the program
    _Remote__real: type

    def __init__(self, program: Side, number: int) -> None:
        object.__setattr__(self, "_Remote__program", program)
        object.__setattr__(self, "_Remote__number", number)
        object.__setattr__(self, "_Remote__trusted", False)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return type(self)._Remote__real
        if name == "__signature__":
            return _signature(self)
        if name in _COPYING or (name == _FIELDS and hasattr(type(self), _FIELDS)):
            return object.__getattribute__(self, name)
        return _ask(self, "get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "set", name, value)

    def __delattr__(self, name: str) -> None:
        _ask(self, "delete", name)

    def __dir__(self) -> Any:
        return _ask(self, "convert", "dir")

    def __hash__(self) -> int:
        return number_of(self)

    def __str__(self) -> str:
        return str(_ask(self, "convert", "str"))

    def __repr__(self) -> str:
        return str(_ask(self, "convert", "repr"))

    def __format__(self, how: str) -> str:
        return str(_ask(self, "convert", "format", how))

    def __eq__(self, other: object) -> bool:
        return self is other or _operate("eq", self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __reduce_ex__(self, _: Any) -> Any:
        inner(self).refuse(f"an object of the program's own type {type(self).__name__!r} pickled")
        raise TypeError("an object of the program's own type cannot be pickled")

    def __copy__(self) -> Any:
        return _copied(self, "copy")

    def __deepcopy__(self, _: Any) -> Any:
        return _copied(self, "deepcopy")


_FIELDS = "__dataclass_fields__"
_COPYING = ("__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__")


def number_of(remote: Remote) -> int:
    number: int = object.__getattribute__(remote, "_Remote__number")
    return number


def inner(remote: Remote) -> Side:
    program: Side = object.__getattribute__(remote, "_Remote__program")
    return program


def make_kind(
    name: str, module: str, protocol: list[str], abstract: list[str], fields: list[str]
) -> type[Remote]:
    """The class for one of the program's types, which has those methods of ``protocol``, is a kind
    of the named classes of ``collections.abc``, and has a dataclass's ``fields``."""
    methods: dict[str, Any] = {
        method: _METHODS[method] for method in protocol if method in _METHODS
    }
    if "unhashable" in protocol:
        methods["__hash__"] = None
    made = type(str(name)[:80], (Remote,), {"__slots__": (), "__module__": str(module), **methods})
    made._Remote__real = _real(module, name) or made  # type: ignore[attr-defined]
    if fields:
        like = dataclasses.make_dataclass("Like", [str(field) for field in fields])
        made.__dataclass_fields__ = like.__dataclass_fields__  # type: ignore[attr-defined]
    for known in abstract:
        base = getattr(collections.abc, str(known), None)
        if isinstance(base, type) and hasattr(base, "register"):
            base.register(made)
    return made


def _real(module: str, name: str) -> type | None:
    """One of Python's own types that is not data, such as that of a function."""
    if module == "builtins" and name in _BUILTIN:
        return _BUILTIN[name]
    known = module in sys.stdlib_module_names and getattr(sys.modules.get(module), name, None)
    if not isinstance(known, type) or issubclass(known, (BaseException, *forms.DATA)):
        return None
    return known


_BUILTIN = {kind.__name__: kind for kind in vars(types).values() if isinstance(kind, type)}
_BUILTIN |= {
    kind.__name__: kind
    for kind in (map, filter, zip, enumerate, reversed, memoryview, property, staticmethod, type)
}


def _signature(remote: Remote) -> inspect.Signature:
    said = _ask(remote, "signature")
    empty = inspect.Signature.empty
    try:
        made, returns = said
        parameters = [
            inspect.Parameter(
                name,
                inspect._ParameterKind(kind),
                default=default[0] if default else inspect.Parameter.empty,
                annotation=annotation[0] if annotation else inspect.Parameter.empty,
            )
            for name, kind, default, annotation in made
        ]
        return inspect.Signature(parameters, return_annotation=returns[0] if returns else empty)
    except (TypeError, ValueError, LookupError) as fault:
        raise wire.Gone("sends what is not a signature") from fault


def _ask(remote: Remote, operation: str, *arguments: Any, **options: Any) -> Any:
    return inner(remote).ask(operation, remote, *arguments, **options)


def _operate(name: str, mine: Remote, other: Any, reflected: bool = False) -> Any:
    """Apply ``operator.NAME`` to two of the program's objects."""
    if isinstance(other, Remote) or inner(mine).open:
        return inner(mine).ask("operator", name, *((other, mine) if reflected else (mine, other)))
    inner(mine).refuse(
        f"the program's own type {type(mine).__name__!r} taken for {type(other).__name__}"
    )
    return NotImplemented


def _contains(remote: Remote, item: Any) -> bool:
    """As the iteration says; an object is not asked whether it holds data, but one whose own
    attributes the test has used is taken at its word."""
    trusted = inner(remote).open or object.__getattribute__(remote, "_Remote__trusted")
    if trusted or isinstance(item, Remote):
        return bool(_ask(remote, "contains", item))
    if hasattr(type(remote), "__iter__"):
        return any(item is each or item == each for each in remote)  # type: ignore[attr-defined]
    kind = type(remote).__name__
    inner(remote).refuse(f"the program's own type {kind!r} asked whether it holds data")
    raise TypeError(f"an object of the program's type {kind!r} is not asked what it holds")


class Remotes:
    """The objects of the other side, each of them once."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._objects: dict[int, Remote] = {}
        self._kinds: dict[str, type[Remote]] = {FUNCTION: _Function}

    def find(self, number: Any, kind: Any, *described: Any) -> Remote:
        """The object of that number. ``described`` is what ``operations.describe`` says of its
        kind; it comes with the first object of a kind."""
        if type(number) is not int or number < 0:
            raise ValueError(number)
        if number not in self._objects:
            if kind not in self._kinds:
                protocol, module, abstract, fields = described
                name = str(kind).partition("#")[0]
                self._kinds[kind] = make_kind(name, module, protocol, abstract, fields)
            self._objects[number] = self._kinds[kind](self._side, number)
        return self._objects[number]


def trust(remote: Remote) -> None:
    """Take the object at its word on what it contains."""
    object.__setattr__(remote, "_Remote__trusted", True)


def _copied(remote: Remote, how: str) -> Any:
    copy = _ask(remote, "convert", how)
    if isinstance(copy, Remote):
        return copy
    inner(remote).refuse(f"the program's own type {type(remote).__name__!r} copied as data")
    raise TypeError("an object of the program's own type is not copied as data")


def _iterate(remote: Remote) -> Iterator[Any]:
    iterator = _ask(remote, "iterate")
    return iterator if isinstance(iterator, Remote) else iter(iterator)


def _leave(remote: Remote, kind: Any, error: Any, _: Any) -> bool:
    """It cannot swallow a failed assertion, nor an error that the test did not raise by itself."""
    swallowed = bool(_ask(remote, "leave", error))
    if error is None or not swallowed:
        return False
    return inner(remote).may_swallow(error)


async def _wait(remote: Remote, operation: str, *arguments: Any) -> Any:
    return _ask(remote, operation, *arguments)


def _converter(name: str) -> Callable[..., Any]:
    return lambda remote, *how: _ask(remote, "convert", name, *how)


_METHODS: dict[str, Any] = {
    "__call__": lambda *on, **options: _ask(on[0], "call", *on[1:], **options),
    "__getitem__": lambda remote, key: _ask(remote, "item", key),
    "__setitem__": lambda remote, key, value: _ask(remote, "set_item", key, value),
    "__delitem__": lambda remote, key: _ask(remote, "remove_item", key),
    "__contains__": _contains,
    "__iter__": _iterate,
    "__next__": lambda remote: _ask(remote, "next"),
    "__enter__": lambda remote: _ask(remote, "enter"),
    "__exit__": _leave,
    "__aiter__": lambda remote: _ask(remote, "convert", "aiter"),
    "__anext__": lambda remote: _wait(remote, "async_next"),
    "__aenter__": lambda remote: _wait(remote, "async_enter"),
    "__aexit__": lambda remote, *_: _wait(remote, "async_leave"),
    "__await__": lambda remote: _wait(remote, "finish").__await__(),
    "__hash__": lambda remote: _ask(remote, "convert", "hash"),
    "__bool__": lambda remote: bool(_ask(remote, "convert", "bool")),
    "__len__": lambda remote: int(_ask(remote, "convert", "len")),
    "__index__": lambda remote: _ask(remote, "convert", "index"),
    "__trunc__": lambda remote: _ask(remote, "convert", "trunc"),
    "__instancecheck__": lambda kind, value: (
        isinstance(value, Remote) and _ask(kind, "is_instance", value) is True
    ),
    "__subclasscheck__": lambda kind, value: (
        isinstance(value, Remote) and _ask(kind, "is_subclass", value) is True
    ),
    **{
        f"__{name}__": _converter(name)
        for name in (
            *("int", "float", "complex", "bytes", "round", "floor", "ceil", "reversed", "fspath"),
            *("abs", "neg", "pos", "invert"),
        )
    },
}
"""The methods that a type may have, each as the program is asked for it."""


def _make_operators() -> None:
    def straight(name: str) -> Callable[[Remote, Any], Any]:
        return lambda mine, other: _operate(name, mine, other)

    def reflected(name: str) -> Callable[[Remote, Any], Any]:
        return lambda mine, other: _operate(name, mine, other, reflected=True)

    for name in (name for name in OPERATORS if name != "eq"):
        _METHODS[f"__{name}__"] = straight(name)
    for name in ARITHMETIC:
        _METHODS[f"__r{name}__"] = reflected(name)


_make_operators()
PROTOCOL = (*_METHODS,)

FUNCTION = "function"
"""The kind that both sides know: nearly every program has functions and nothing else."""
_Function = make_kind(FUNCTION, "builtins", ["__call__"], [], [])
