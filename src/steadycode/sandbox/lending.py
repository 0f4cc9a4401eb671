"""Lends functions and objects of the test to the program, which may use them and nothing behind
them.

The program can call a function, and use an object of a class of the test by the names that do not
begin with an underscore and by its type's own protocols. It reaches no module, no frame and no
namespace of the checker. This file imports nothing of steadycode, since the worker loads it.
"""

import io
import random
import sys
import types
from typing import Any

import remote  # type: ignore[import-not-found]
import wire  # type: ignore[import-not-found]

import operations  # type: ignore[import-not-found]

Message = dict[str, Any]

_KINDS = (
    *(io.StringIO, io.BytesIO, io.TextIOWrapper, io.BufferedReader, io.BufferedWriter),
    *(types.SimpleNamespace, random.Random, object),
)
_BASES = ("test", "builtins", "abc", "enum", "typing", "dataclasses", "functools")
"""The modules whose classes a class of the test may extend, to be lent."""
_ABOUT_FUNCTIONS = ("__name__", "__qualname__", "__doc__", "__annotations__", "__defaults__")
_WITH_NAME = ("get", "set", "delete")
_WITH_ANYTHING = ("call", "next", "iterate", "signature", "is_instance", "is_subclass")


class Lent:
    """What the program was lent, by number."""

    def __init__(self) -> None:
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._kinds: dict[type, str] = {types.FunctionType: remote.FUNCTION}

    def lend(self, value: Any) -> Message:
        """What is written for ``value``. Raises TypeError for what cannot be lent."""
        kind = type(value)
        if not (callable(value) or hasattr(kind, "__next__") or _is_open(kind)):
            raise TypeError(f"an object of the type {kind.__name__!r} cannot be handed over")
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        if kind in self._kinds:
            return {"yours": [number, self._kinds[kind]]}
        self._kinds[kind] = f"{kind.__name__}#{len(self._kinds)}"
        described = operations.describe(kind, remote.PROTOCOL)
        return {"yours": [number, self._kinds[kind], *described]}

    def object(self, number: Any) -> Any:
        """What has the number. Raises LookupError or TypeError for any other."""
        return self._objects[number] if number >= 0 else self._objects[len(self._objects)]

    def use(self, operation: str, on: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Do with a lent object what the program wants, or raise what that raises. Raises Gone
        where an honest program's side would not ask."""
        target = on[1] if operation == "operator" and len(on) == 3 else on[0] if on else None
        if operation == "operator" and id(target) not in self._numbers and len(on) == 3:
            target = on[2]
        if id(target) not in self._numbers or operation not in operations.OPERATIONS:
            raise wire.Gone("uses what the test did not lend")
        kind = type(target)
        if operation in _WITH_NAME:
            self._check_name(operation, target, str(on[1]) if len(on) > 1 else "")
        elif operation not in _WITH_ANYTHING and not _is_open(kind):
            raise TypeError(f"{operation} of a {kind.__name__!r} of the test")
        return operations.OPERATIONS[operation](*on, **options)

    @staticmethod
    def _check_name(operation: str, target: Any, name: str) -> None:
        about = operation == "get" and name in _ABOUT_FUNCTIONS and callable(target)
        if not about and (name.startswith("_") or not _is_open(type(target))):
            raise AttributeError(f"{type(target).__name__!r} has no {name!r} here", name=name)
        if _is_mock(type(target)) and (operation != "get" or hasattr(type(target), name)):
            raise AttributeError(f"{name!r} of a mock is for the test alone", name=name)
        if operation != "get" and callable(getattr(type(target), name, None)):
            raise AttributeError(f"{name!r} is a method of the test", name=name)


def _is_open(kind: type) -> bool:
    """Whether objects of this type may be used by name and protocol."""
    own = kind.__module__ == "test" and not issubclass(kind, type)
    return (
        kind in _KINDS
        or _is_mock(kind)
        or (own and all(base.__module__ in _BASES for base in kind.__mro__))
    )


def _is_mock(kind: type) -> bool:
    mocks = sys.modules.get("unittest.mock")
    return mocks is not None and issubclass(kind, mocks.NonCallableMock)


def place_in_python(value: Any) -> list[str] | None:
    """Module and name of something of the standard library, which the program has too."""
    if isinstance(value, types.ModuleType):
        return [value.__name__, ""] if _is_standard(value.__name__) else None
    if not isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)):
        return None
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    if not isinstance(module, str) or not _is_standard(module) or not isinstance(name, str):
        return None
    known: Any = sys.modules.get(module)
    for part in name.split("."):
        known = getattr(known, part, None)
    return [module, name] if known is value else None


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names
