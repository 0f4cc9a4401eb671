"""Executes the code inside the program's process, then does what the checker asks, until it ends.

Nothing here is secret or decides anything: the code may change all of it, and gains no more than
giving other answers. This file imports nothing of steadycode, since the worker loads it.
"""

import contextlib
import importlib
import os
import re
import sys
import threading
from collections.abc import Callable
from types import CoroutineType, FunctionType, ModuleType
from typing import Any, NoReturn

import raising  # type: ignore[import-not-found]
import recursion  # type: ignore[import-not-found]
import remote  # type: ignore[import-not-found]
import replies  # type: ignore[import-not-found]
import stand_ins  # type: ignore[import-not-found]
import surroundings  # type: ignore[import-not-found]
import values  # type: ignore[import-not-found]
import wire  # type: ignore[import-not-found]

import operations  # type: ignore[import-not-found]

Message = dict[str, Any]

_REHEARSALS = 20  # how many runs Python 3.11 to 3.13 need to adapt code


def run(code: str, name: str, channel: wire.Channel, limit: recursion.Limit) -> NoReturn:
    """Execute ``code`` as module ``name``, say that it ran to its end, then serve the checker."""
    try:
        _serve(code, enter_module(name), channel, limit)
    finally:
        os._exit(0)


def enter_module(name: str) -> ModuleType:
    """A module for the program, which is the main one."""
    module = ModuleType(name)
    sys.modules["__main__"] = sys.modules[name] = module
    sys.argv = [name]
    return module


def rehearse(limit: recursion.Limit) -> None:
    """Do what every program does, so that Python adapts this code before it is copied; then seed
    ``random`` for all programs."""
    module, found = ModuleType("rehearsal"), list[int]()
    module.__dict__.update(found=found, depth=recursion.depth)
    far = values.Codec(_nothing, _nothing)
    for _ in range(_REHEARSALS):
        (asked, ask), (answers, answer) = os.pipe(), os.pipe()
        theirs = wire.Channel(answers, ask)
        theirs.send(far.pack("data", (("f",), (), ()), op="name"))
        theirs.send({"op": "call", "data": {"tuple": [_REHEARSED, *[{"tuple": []}] * 2]}, "to": 1})
        os.close(ask)
        with contextlib.suppress(wire.Gone):
            _serve(_REHEARSAL, module, wire.Channel(asked, answer), limit)
        for fd in (asked, answers, answer):
            os.close(fd)
    limit.rehearse(*found[-2:])
    limit.leave()
    sys.modules["random"].seed(0)


_REHEARSAL = """\
found.append(depth())
def f(x):
    found.append(depth())
    return [x]
"""
_REHEARSED = {"tuple": [{"object": 0}, [1, "two", 3.0]]}


def _nothing(*_: Any) -> Any:
    raise TypeError


def _serve(
    code: str, module: ModuleType, channel: wire.Channel, limit: recursion.Limit
) -> NoReturn:
    server = _Server(module.__dict__, channel)
    exec(recursion.PROBE, probe := recursion.probe())
    limit.enter(probe["found"])
    try:
        exec(compile(code, "<program>", "exec"), module.__dict__)
        shadowed = [name for name in module.__dict__ if name in replies.PYTHONS]
        reply: Message = {"value": None, **({"shadowed": shadowed} if shadowed else {})}
    except BaseException as error:
        reply = server.raised(error)
    limit.enter_calls()
    channel.send(reply)
    del reply
    while True:
        channel.send(server.answer(channel.receive()))


class _Kept:
    """Around a value that must not cross as data."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Server:
    """Does what the checker asks for, with the objects of the program."""

    def __init__(self, namespace: dict[str, Any], channel: wire.Channel) -> None:
        self._namespace = namespace
        self._channel = channel
        self._codec = values.Codec(self._export, self._find)
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._kinds: dict[type, str] = {FunctionType: remote.FUNCTION}
        self._theirs = remote.Remotes(self)  # functions and objects of the test
        self._raised = raising.Maker()
        self._again: dict[int, tuple[BaseException, int]] = {}
        """The exceptions of the test that went through here, by id."""
        self._around: surroundings.Request | None = None
        self._active = 0  # requests that are being answered
        self._one_at_a_time = threading.RLock()

    def answer(self, request: Message) -> Message:
        """Carry out a request; return the value or the exception, and what has changed since."""
        outer, self._around = self._around, None
        self._active += 1
        try:
            operation = self._operation(request["op"])
            arguments, options, functions = self._codec.unpack(request, "data")
            around = request.get("around", {})
            if around or functions:
                self._around = surroundings.Request(around, dict(functions))
            value = operation(*arguments, **dict(options))
            if request["op"] == "call" and _is_made(value, arguments[0]):
                value = _Kept(value)
            reply = self._said("value", value)
        except BaseException as error:
            reply = self.raised(error)
        finally:
            self._active -= 1
            if self._around:
                self._around.close()
            self._around = outer
        return reply

    def raised(self, error: BaseException) -> Message:
        """A message with the exception and its class, so that the checker can raise its like."""
        try:
            return self._said("raised", error)
        except BaseException:  # str(), args and attributes are the program's own code
            return {"raised": {"error": raising.write_briefly(error)}}

    def _operation(self, name: str) -> Callable[..., Any]:
        return self._look_up if name == "name" else operations.OPERATIONS[name]

    def _look_up(self, name: str) -> Any:
        if name not in self._namespace:
            raise NameError(f"the program does not define {name!r}")
        return self._namespace[name]

    def _said(self, key: str, value: Any, **fields: Any) -> Message:
        message: Message = self._codec.pack(key, value, **fields)
        if self._around and (news := self._around.news()):
            message["around"] = news
        if self._codec.doubt:
            message["doubt"] = replies.worded(self._codec.doubt)
        if stand_ins.refused:
            message["refused"] = stand_ins.refused[0]
        return message

    def _export(self, value: Any) -> Message:
        if isinstance(value, remote.Remote):
            return {"yours": remote.number_of(value)}
        if again := self._again.get(id(value)):
            return {"again": again[1]}
        if isinstance(value, BaseException):
            return {"error": raising.write(value, self._codec.encode)}
        if isinstance(value, type) and issubclass(value, BaseException):
            return {"exception": raising.describe(value)}
        if isinstance(value, ModuleType) and value.__name__ in sys.stdlib_module_names:
            return {"module": value.__name__}
        return self._object(value.value if isinstance(value, _Kept) else value)

    def _object(self, value: Any) -> Message:
        """The number of an object that stays here, with what its type can do the first time."""
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        if isinstance(value, CoroutineType):
            return {"coroutine": number}
        kind = type(value)
        if kind in self._kinds:
            return {"object": [number, self._kinds[kind]]}
        self._kinds[kind] = f"{kind.__name__}#{len(self._kinds)}"
        described = operations.describe(kind, remote.PROTOCOL)
        return {"object": [number, self._kinds[kind], *described]}

    def _find(self, tag: str, data: Any) -> Any:
        finders: dict[str, Callable[[], Any]] = {
            "object": lambda: self._objects[data[0] if isinstance(data, list) else data],
            "python": lambda: _of_python(*data),
            "pattern": lambda: re.compile(self._codec.decode(data[0]), data[1]),
            "exception": lambda: self._raised.kind(data),
            "lent error": lambda: self._lent_error(*data),
            "yours": lambda: self._theirs.find(*data),
        }
        return finders[tag]()

    def _lent_error(self, number: int, written: list[Any]) -> BaseException:
        error: BaseException = self._raised.read(written, self._codec.decode)
        self._again[id(error)] = error, number
        return error

    open = True
    """Objects of the test are asked whatever the program wants of them."""

    def refuse(self, what: str) -> None:
        pass

    def may_swallow(self, error: BaseException) -> bool:
        return True

    def ask(self, operation: str, *arguments: Any, **options: Any) -> Any:
        """Use a function or an object of the test, which may itself use the program meanwhile."""
        with self._one_at_a_time:
            if not self._active:
                raise RuntimeError("the test's function can be called while the test waits only")
            payload = (arguments, tuple(options.items()))
            self._channel.send(self._said("data", payload, op=operation))
            while "op" in (reply := self._channel.receive()):
                self._channel.send(self.answer(reply))
        if "raised" not in reply:
            return self._codec.unpack(reply, "value")
        raise self._codec.unpack(reply, "raised")


def _is_made(value: Any, kind: Any) -> bool:
    """Whether ``kind`` is a class of the program's that made ``value``. A test that calls a class
    wants its methods, even if the class extends list; but a named tuple is data."""
    own = isinstance(kind, type) and kind.__module__ in ("solution", "__main__")
    return own and isinstance(value, kind) and not hasattr(kind, "_fields")


def _of_python(module: str, name: str) -> Any:
    """Something of the standard library, as this process has it."""
    found = importlib.import_module(module)
    for part in filter(None, name.split(".")):
        found = getattr(found, part)
    return found
