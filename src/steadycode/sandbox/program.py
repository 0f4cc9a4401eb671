"""Inside the program's process: execute the code, then do what the checker asks, until it ends.

Nothing here is secret or decides anything: the code may change all of it, and gains no more than
giving other answers. Imports nothing of steadycode: it is loaded by the worker.
"""

import operator
import os
import sys
from collections import deque
from collections.abc import Callable
from types import CoroutineType, ModuleType
from typing import Any, NoReturn

import wire  # type: ignore[import-not-found]

_MUTABLE = (list, dict, set, bytearray, deque)

Message = dict[str, Any]


def run(code: str, name: str, channel: wire.Channel) -> NoReturn:
    """Execute ``code`` as module ``name``, say that it ran to its end, then serve."""
    module = ModuleType(name)
    sys.modules["__main__"] = sys.modules[name] = module
    for ours in ("isolation", "program", "checker", "watch", "wire"):
        sys.modules.pop(ours, None)
    sys.modules["random"].seed(0)
    sys.argv = [name]
    server = _Server(module.__dict__, channel)
    try:
        exec(compile(code, "<program>", "exec"), module.__dict__)
        reply: Message = {"value": None}
    except BaseException as error:
        reply = server.raised(error)
    try:
        channel.send(reply)
        while True:
            channel.send(server.answer(channel.receive()))
    finally:
        os._exit(0)


class _Server:
    """What the checker may ask for, by operation."""

    def __init__(self, namespace: dict[str, Any], channel: wire.Channel) -> None:
        self._namespace = namespace
        self._channel = channel
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}

    def answer(self, request: Message) -> Message:
        try:
            operation = _OPERATIONS[request["op"]]
            arguments = [wire.decode(item, self._find) for item in request["on"]]
            options = {
                key: wire.decode(v, self._find) for key, v in request.get("with", {}).items()
            }
            value = operation(self, *arguments, **options)
            reply = {"value": wire.encode(value, self._export)}
            if changed := self._changed(request["on"], arguments):
                reply["changed"] = changed
            return reply
        except BaseException as error:
            return self.raised(error)

    def raised(self, error: BaseException) -> Message:
        """The exception by the names of its classes, so that the checker can raise its like."""
        reply: Message = {"raised": _names(type(error)), "text": "", "args": []}
        try:
            reply["text"] = str(error)[:100_000]
            reply["args"] = [wire.encode(item, self._refuse) for item in error.args]
        except BaseException:  # str() and args are the program's own code
            reply["args"] = [reply["text"]]
        return reply

    def look_up(self, name: str) -> Any:
        if name not in self._namespace:
            raise NameError(f"the program does not define {name!r}")
        return self._namespace[name]

    def _changed(self, before: list[Any], arguments: list[Any]) -> list[list[Any]]:
        """Arguments that were changed in place: their numbers and what they hold now."""
        return [
            [number, now]
            for number, (old, value) in enumerate(zip(before, arguments, strict=True))
            if isinstance(value, _MUTABLE) and (now := wire.encode(value, self._export)) != old
        ]

    def _export(self, value: Any) -> Message:
        if isinstance(value, _Callback):
            return {"yours": value.number}
        if isinstance(value, ModuleType) and value.__name__ in sys.stdlib_module_names:
            return {"module": value.__name__}
        if isinstance(value, type) and issubclass(value, BaseException):
            return {"exception": _names(value)}
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        if isinstance(value, CoroutineType):
            return {"coroutine": number}
        return {"object": [number, type(value).__name__]}

    def _refuse(self, value: Any) -> Message:
        raise TypeError(type(value).__name__)

    def _find(self, tag: str, number: Any) -> Any:
        return self._objects[number] if tag == "object" else _Callback(number, self)

    def call_back(self, number: int, arguments: tuple[Any, ...]) -> Any:
        """A function that the test handed in. Meanwhile it may itself call the program."""
        on = [wire.encode(item, self._export) for item in arguments]
        self._channel.send({"op": "call_back", "number": number, "on": on})
        while "op" in (reply := self._channel.receive()):
            self._channel.send(self.answer(reply))
        if "raised" in reply:
            raise _known(reply["raised"])(reply["text"])
        return wire.decode(reply["value"], self._find)


class _Callback:
    """The test's function, as the program sees it."""

    def __init__(self, number: int, server: _Server) -> None:
        self.number, self._server = number, server

    def __call__(self, *arguments: Any) -> Any:
        return self._server.call_back(self.number, arguments)


def _names(kind: type) -> list[str]:
    """Of the class and its bases, up to the first one that every Python has."""
    names = []
    for base in type.mro(kind):
        names.append(base.__name__)
        if base.__module__ == "builtins":
            break
    return names


def _known(names: list[str]) -> type[BaseException]:
    found = getattr(sys.modules["builtins"], names[-1], Exception)
    return found if isinstance(found, type) and issubclass(found, BaseException) else Exception


def _finish(_: _Server, coroutine: Any) -> Any:
    import asyncio

    return asyncio.run(coroutine)


def _set(_: _Server, target: Any, name: str, value: Any) -> None:
    setattr(target, name, value)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "name": lambda server, name: server.look_up(name),
    "call": lambda _, function, *arguments, **options: function(*arguments, **options),
    "get": lambda _, target, name: getattr(target, name),
    "set": _set,
    "item": lambda _, target, key: target[key],
    "set_item": lambda _, target, key, value: operator.setitem(target, key, value),
    "length": lambda _, target: len(target),
    "truth": lambda _, target: bool(target),
    "text": lambda _, target: str(target),
    "iterate": lambda _, target: iter(target),
    "next": lambda _, target: next(target),
    "is_instance": lambda _, target, kind: isinstance(target, kind),
    "finish": _finish,
    "binary": lambda _, name, left, right: getattr(operator, name)(left, right),
}
