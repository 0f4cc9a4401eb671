"""Carries exceptions between a program and its checker: class, arguments, attributes, and cause.

This file imports nothing of steadycode, since the worker loads it.
"""

import builtins
import sys
from collections.abc import Callable
from typing import Any

Each = Callable[[Any], Any]

_KINDS = 100  # how many classes of exceptions one program can have made
_CHAIN = 4  # exceptions behind an exception that are carried too
_OF_TESTS = ("unittest", "doctest", "bdb", "pdb")
"""Modules whose exceptions steer a test, which a program must not."""
_BESIDE_ARGUMENTS = ("filename", "filename2", "name", "path", "obj", "value", "code")
"""What Python's own exceptions hold and do not tell in ``args`` or ``vars``."""


def write(error: BaseException, each: Each, chain: int = _CHAIN) -> list[Any]:
    """Class, text, arguments, attributes, cause and context. Runs the exception's own methods."""
    own = {name: value for name, value in vars(error).items() if isinstance(name, str)}
    kind = type(error)
    for name in _BESIDE_ARGUMENTS:
        if hasattr(kind, name) and kind.__module__ == "builtins":
            own[name] = getattr(error, name)
    behind = [
        write(other, each, chain - 1) if other is not None and chain else None
        for other in (error.__cause__, error.__context__)
    ]
    return [
        describe(kind),
        str(error)[:100_000],
        [each(item) for item in error.args],
        [[name, each(value)] for name, value in own.items()],
        [*behind, error.__suppress_context__],
    ]


def write_briefly(error: BaseException) -> list[Any]:
    """As ``write``, for an exception whose methods or arguments cannot be relied on."""
    try:
        text = str(error)[:100_000]
    except BaseException:  # str() is the program's own code
        text = ""
    return [describe(type(error)), text, [text], [], [None, None, False]]


def describe(kind: type) -> list[Any]:
    """Module and name of a class and, if it is not one of Python's builtins, its bases."""
    builtin = kind.__module__ == "builtins"
    return [kind.__module__, kind.__qualname__, [] if builtin else [*map(describe, kind.__bases__)]]


class Maker:
    """Makes the like of exceptions that were raised on the other side."""

    def __init__(self) -> None:
        self._made: dict[str, type[BaseException]] = {}

    def know(self, kind: type[BaseException]) -> None:
        """Take this class for one of its name that the other side raises."""
        if kind.__module__ != "builtins" and len(self._made) < _KINDS:
            self._made.setdefault(f"{kind.__module__}.{kind.__qualname__}"[:200], kind)

    def read(self, inner: list[Any], each: Each) -> BaseException:
        """The exception that ``write`` wrote; one with the same text where that is not possible."""
        described, text, args, own, (cause, context, suppress) = inner
        kind, text = self.kind(described), str(text)
        # in the order in which they were written
        behind = [other and self.read(other, each) for other in (cause, context)]
        plain, attributes = [each(item) for item in args], [(str(n), each(v)) for n, v in own]
        try:
            error = _made(kind, plain)
            if str(error) != text:  # the exception has a __str__ of its own
                error = _made(type(kind.__name__, (kind,), {"__str__": lambda _: text}), plain)
            for name, value in attributes:
                setattr(error, name, value)
        except Exception:
            error = type(kind.__name__, (Exception,), {})(text)
        error.__cause__, error.__context__ = behind
        error.__suppress_context__ = suppress is True
        return error

    def kind(self, description: list[Any]) -> type[BaseException]:
        """The exception of that name in a module that is loaded here, or one that is made with its
        name and bases."""
        module, name, bases = description
        known: Any = builtins if module == "builtins" else self._module(module)
        for part in str(name).split("."):
            known = getattr(known, part, None)
        if _is_exception(known) and [known.__module__, known.__qualname__] == [module, name]:
            kept: type[BaseException] = known
            return kept
        key = f"{module}.{name}"[:200]
        if key not in self._made and len(self._made) < _KINDS:
            made = [self.kind(base) for base in bases[:8] if base[1] != "object"]
            short = str(name).rpartition(".")[2][:80]
            names = {"__module__": str(module), "__qualname__": str(name)}
            self._made[key] = type(short, tuple(made) or (Exception,), names)
        return self._made[key]

    @staticmethod
    def _module(name: Any) -> Any:
        top = str(name).partition(".")[0]
        known = top in sys.stdlib_module_names and top not in _OF_TESTS
        return sys.modules.get(name) if known else None


def _is_exception(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


def _made(kind: type[BaseException], args: list[Any]) -> BaseException:
    try:
        return kind(*args)
    except TypeError:  # the exception's own __init__ wants something else
        error = kind.__new__(kind, *args)
        error.args = tuple(args)
        return error
