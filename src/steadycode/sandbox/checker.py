"""Inside the checker's process: run the test against a program that lives in another process.

The program answers with plain data or with numbers of objects of its own (``Remote``), and can
reach neither the test nor the verdict. What it can do is answer, as any program can; so nothing
here believes an answer to be more than a value. Imports nothing of steadycode: it is loaded by
the worker.
"""

import builtins
import contextlib
import importlib
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import wire  # type: ignore[import-not-found]

DETAIL = 200  # characters
_TRACES = ("import", "__")
"""What a test must not contain to leave no trace: all that outlives its namespace is in modules."""

Message = dict[str, Any]


def judge(
    test: str, entry_point: str | None, channel: wire.Channel
) -> tuple[tuple[str, str] | None, bool]:
    """(status, detail), or None when the program ended before the test did; and whether the
    process is as it was before, so that another test may run in it.

    Without a test a program passes when it ran to its end.
    """
    program = _Program(channel)
    program.traces = any(word in test for word in _TRACES)
    sys.modules["random"].seed(0)
    found = _run(test, entry_point, program)
    if program.gone == "left":
        found = None
    elif program.gone:
        found = "failed", f"the program {program.gone}"
    return found, not program.traces


def _run(test: str, entry_point: str | None, program: "_Program") -> tuple[str, str] | None:
    try:
        program.reply()
        if test:
            checks = compile(test, "<test>", "exec")
            namespace = _Names(program)
            candidate = program.look_up(entry_point or "")
            namespace[entry_point] = candidate
            exec(checks, namespace)
            if dict.get(namespace, "check") is None:
                raise NameError("the test does not define 'check'")
            namespace["check"](candidate)
    except wire.Gone as gone:
        program.gone = str(gone) or "left"
    except BaseException as error:
        program.traces |= isinstance(error, (MemoryError, RecursionError))
        return _explain(error, program.foreign)
    return "passed", ""


class _Program:
    """The other process, as the checker sees it."""

    def __init__(self, channel: wire.Channel) -> None:
        self._channel = channel
        self._functions: list[Callable[..., Any]] = []
        self._remotes: dict[int, Remote] = {}
        self._exceptions: dict[str, type[BaseException]] = {}
        self._one_at_a_time = threading.RLock()
        self.traces = False
        self.gone = ""
        self.foreign = ""
        """What was compared with an object of the program's own type, for the detail."""

    def ask(self, operation: str, *on: Any, **options: Any) -> Any:
        """Raises what the program raised, or Gone."""
        request: Message = {"op": operation, "on": [wire.encode(item, self._export) for item in on]}
        if options:
            request["with"] = {
                key: wire.encode(item, self._export) for key, item in options.items()
            }
        with self._one_at_a_time:
            try:
                self._channel.send(request)
                return self.reply(on)
            except wire.Gone as gone:
                self.gone = str(gone) or "left"  # a test may swallow even this
                raise

    def reply(self, arguments: tuple[Any, ...] = ()) -> Any:
        while "op" in (message := self._channel.receive()):
            self._channel.send(self._call_back(message))
        try:
            if "raised" in message:
                raise self._exception(message)
            for number, now in message.get("changed", ()):
                _refill(arguments[number], wire.decode(now, self._find))
            return wire.decode(message["value"], self._find)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            if "raised" in message:
                raise
            raise wire.Gone("sends what is not a reply") from error

    def look_up(self, name: str) -> Any:
        return self.ask("name", name)

    def _call_back(self, message: Message) -> Message:
        try:
            function = self._functions[message["number"]]
            value = function(*(wire.decode(item, self._find) for item in message["on"]))
            return {"value": wire.encode(value, self._export)}
        except Exception as error:
            return {"raised": [type(error).__name__], "text": str(error)}

    def _export(self, value: Any) -> Message:
        if isinstance(value, Remote):
            return {"object": object.__getattribute__(value, "_number")}
        if callable(value):
            self._functions.append(value)
            return {"function": len(self._functions) - 1}
        raise TypeError(
            f"the test hands the program an object of its own type {type(value).__name__!r};"
            " only plain data and functions can be handed over"
        )

    def _find(self, tag: str, data: Any) -> Any:
        if tag == "object":
            number, kind = data
            if number not in self._remotes:
                self._remotes[number] = Remote(self, number, str(kind)[:80])
            return self._remotes[number]
        if tag == "coroutine":
            return self._finish(Remote(self, data, tag))
        if tag == "module" and data in sys.stdlib_module_names:
            self.traces = True
            return importlib.import_module(data)
        if tag == "exception":
            return self._exception_type(data)
        return self._functions[data] if tag == "yours" else _unknown(tag)

    async def _finish(self, coroutine: "Remote") -> Any:
        return self.ask("finish", coroutine)

    def _exception(self, message: Message) -> BaseException:
        kind = self._exception_type(message["raised"])
        try:
            error = kind(*(wire.decode(item, self._find) for item in message["args"]))
        except Exception:
            error = type(kind.__name__, (Exception,), {})(str(message["text"]))
        return error

    def _exception_type(self, names: list[str]) -> type[BaseException]:
        """The builtin one, or one made after the program's: its name, and its bases."""
        known = vars(builtins).get(names[0])
        if isinstance(known, type) and issubclass(known, BaseException):
            return known
        if names[0] not in self._exceptions:
            base = self._exception_type(names[1:]) if len(names) > 1 else Exception
            self._exceptions[names[0]] = type(names[0][:80], (base,), {})
        return self._exceptions[names[0]]


class Remote:
    """An object of a type of the program's own.

    It is equal to itself, and to another such object when the program says so; never to data:
    an ``__eq__`` that always says yes is not asked.
    """

    def __init__(self, program: _Program, number: int, kind: str) -> None:
        object.__setattr__(self, "_program", program)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_kind", kind)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return _ask(self, "call", *arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return _ask(self, "get", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "set", name, value)

    def __getitem__(self, key: Any) -> Any:
        return _ask(self, "item", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _ask(self, "set_item", key, value)

    def __len__(self) -> int:
        return int(_ask(self, "length"))

    def __bool__(self) -> bool:
        return bool(_ask(self, "truth"))

    def __str__(self) -> str:
        return str(_ask(self, "text"))

    def __iter__(self) -> Iterator[Any]:
        iterator = _ask(self, "iterate")
        return iterator if isinstance(iterator, Remote) else iter(iterator)

    def __next__(self) -> Any:
        return _ask(self, "next")

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, Remote) and _ask(value, "is_instance", self) is True

    def __hash__(self) -> int:
        return hash(object.__getattribute__(self, "_number"))

    def __repr__(self) -> str:
        return f"<the program's {object.__getattribute__(self, '_kind')}>"

    def __eq__(self, other: object) -> bool:
        return self is other or _compare("eq", self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other


def _ask(remote: Remote, operation: str, *arguments: Any, **options: Any) -> Any:
    program: _Program = object.__getattribute__(remote, "_program")
    return program.ask(operation, remote, *arguments, **options)


def _compare(name: str, left: Remote, right: Any) -> Any:
    """``operator.NAME`` of two objects of the program's; with anything else it has no meaning."""
    program: _Program = object.__getattribute__(left, "_program")
    if isinstance(right, Remote):
        return program.ask("binary", name, left, right)
    kind = object.__getattribute__(left, "_kind")
    program.foreign = f"compares the program's own type {kind!r} with {type(right).__name__}"
    return NotImplemented


def _binary(name: str) -> Callable[[Remote, Any], Any]:
    return lambda left, right: _compare(name, left, right)


for _name in ("lt", "le", "gt", "ge", "add", "sub", "mul", "truediv"):
    setattr(Remote, f"__{_name}__", _binary(_name))


class _Names(dict[Any, Any]):
    """The test's globals. A name that neither the test nor Python defines is the program's."""

    def __init__(self, program: _Program) -> None:
        super().__init__(__name__="test", __builtins__=builtins)
        self._program = program

    def __missing__(self, name: Any) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        try:
            found = self._program.look_up(name)
        except NameError:
            raise KeyError(name) from None
        if callable(found):
            self[name] = found
        return found


def _refill(value: Any, now: Any) -> None:
    """Make ``value`` hold what the program's copy of it holds."""
    if type(value) is not type(now):
        raise TypeError
    if isinstance(value, (list, bytearray)):
        value[:] = now
    elif isinstance(value, (dict, set, deque)):
        value.clear()
        add = value.extend if isinstance(value, deque) else value.update
        add(now)


def _unknown(tag: str) -> Any:
    raise ValueError(tag)


def _explain(error: BaseException, foreign: str) -> tuple[str, str]:
    if isinstance(error, MemoryError):
        return "out_of_memory", "MemoryError"
    status = "blocked" if isinstance(error, PermissionError) else "failed"
    detail = type(error).__name__
    with contextlib.suppress(BaseException):
        detail = f"{detail}: {' '.join(str(error).split())}".removesuffix(": ")
    if foreign:
        detail = f"{detail} ({foreign})"
    return status, detail[:DETAIL]
