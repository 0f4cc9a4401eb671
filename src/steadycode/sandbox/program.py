"""Executes the code inside the program's process, then does what the checker asks, until it ends.

Nothing here is secret or decides anything: the code may change all of it, and gains no more than
giving other answers. This file imports nothing of steadycode, since the worker loads it.
"""

import contextlib
import operator
import os
import sys
import threading
from collections.abc import Callable
from types import CoroutineType, ModuleType
from typing import Any, NoReturn

import wire  # type: ignore[import-not-found]

Message = dict[str, Any]

_REHEARSALS = 20  # how many runs Python 3.11 to 3.13 need to adapt code


def run(code: str, name: str, channel: wire.Channel) -> NoReturn:
    """Execute ``code`` as module ``name``, say that it ran to its end, then serve the checker."""
    module = ModuleType(name)
    sys.modules["__main__"] = sys.modules[name] = module
    for ours in ("isolation", "program", "checker", "holdings", "maps", "watch", "wire", "zygote"):
        sys.modules.pop(ours, None)
    sys.argv = [name]
    try:
        _serve(code, module, channel)
    finally:
        os._exit(0)


def rehearse() -> None:
    """Do what every program does, so that Python adapts this code before it is copied; then seed
    ``random`` for all programs."""
    requests = [
        {"op": "name", "on": [wire.encode("f", repr)]},
        {"op": "call", "on": [{"object": 0}, wire.encode([1, "two", 3.0], repr)]},
    ]
    for _ in range(_REHEARSALS):
        (asked, ask), (answers, answer) = os.pipe(), os.pipe()
        theirs = wire.Channel(answers, ask)
        for request in requests:
            theirs.send(request)
        os.close(ask)
        with contextlib.suppress(wire.Gone):
            _serve(
                "def f(x):\n    return [x]\n", ModuleType("rehearsal"), wire.Channel(asked, answer)
            )
        for fd in (asked, answers, answer):
            os.close(fd)
    sys.modules["random"].seed(0)


def _serve(code: str, module: ModuleType, channel: wire.Channel) -> NoReturn:
    server = _Server(module.__dict__, channel)
    try:
        exec(compile(code, "<program>", "exec"), module.__dict__)
        reply: Message = {"value": None}
    except BaseException as error:
        reply = server.raised(error)
    channel.send(reply)
    while True:
        channel.send(server.answer(channel.receive()))


class _Server:
    """Does what the checker asks for, with the objects of the program."""

    def __init__(self, namespace: dict[str, Any], channel: wire.Channel) -> None:
        self._namespace = namespace
        self._channel = channel
        self._objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._active = 0  # requests that are being answered
        self._one_at_a_time = threading.RLock()

    def answer(self, request: Message) -> Message:
        """Carry out a request; return the value or the exception, and what arguments hold now."""
        decoded: dict[Any, Any] = {}
        held: list[tuple[Any, list[Any]]] = []
        reply: Message
        try:
            operation = _OPERATIONS[request["op"]]
            before = {**dict(enumerate(request["on"])), **request.get("with", {})}
            decoded = {key: wire.decode(item, self._find) for key, item in before.items()}
            containers = wire.containers(list(decoded.values()), self._numbers)
            held = [(container, wire.content(container)) for container in containers]
            arguments = [value for key, value in decoded.items() if isinstance(key, int)]
            options = {key: value for key, value in decoded.items() if isinstance(key, str)}
            self._active += 1
            try:
                value = operation(self, *arguments, **options)
            finally:
                self._active -= 1
            if request["op"] == "call" and _is_made(value, arguments[0]):
                reply = {"value": self._export(value)}
            else:
                reply = {"value": wire.encode(value, self._export)}
        except BaseException as error:
            reply = self.raised(error)
        try:
            if changed := self._changed(held):
                reply["changed"] = changed
        except BaseException as error:  # what the arguments hold now has no end
            reply = self.raised(error)
        return reply

    def raised(self, error: BaseException) -> Message:
        """A message with the exception and its class, so that the checker can raise its like."""
        reply: Message = {"raised": _describe(type(error)), "text": "", "args": [], "state": {}}
        try:
            reply["text"] = str(error)[:100_000]
            reply["args"] = [wire.encode(item, self._refuse) for item in error.args]
            reply["state"] = {
                name: wire.encode(value, self._refuse) for name, value in vars(error).items()
            }
        except BaseException:  # str(), args and attributes are the program's own code
            reply["args"], reply["state"] = [reply["text"]], {}
        return reply

    def look_up(self, name: str) -> Any:
        if name not in self._namespace:
            raise NameError(f"the program does not define {name!r}")
        return self._namespace[name]

    def _changed(self, held: list[tuple[Any, list[Any]]]) -> list[list[Any]]:
        """The numbers of the arguments' containers that hold something else than before, with what
        they hold now; a container in a container is named by its number."""
        numbers = {id(container): number for number, (container, _) in enumerate(held)}
        changed = []
        for number, (container, before) in enumerate(held):
            now = wire.content(container)
            if len(now) != len(before) or any(a is not b for a, b in zip(now, before, strict=True)):
                named = [_Container(numbers[id(x)]) if id(x) in numbers else x for x in now]
                changed.append([number, wire.encode(named, self._export)])
        return changed

    def _export(self, value: Any) -> Message:
        if isinstance(value, _Container):
            return {"given": value.number}
        if isinstance(value, _Callback):
            return {"yours": value._number}
        if isinstance(value, ModuleType) and value.__name__ in sys.stdlib_module_names:
            return {"module": value.__name__}
        if isinstance(value, type) and issubclass(value, BaseException):
            return {"exception": _describe(value)}
        number = self._numbers.setdefault(id(value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        if isinstance(value, CoroutineType):
            return {"coroutine": number}
        return {"object": [number, type(value).__name__]}

    def _refuse(self, value: Any) -> Message:
        raise TypeError(type(value).__name__)

    def _find(self, tag: str, data: Any) -> Any:
        if tag == "object":
            return self._objects[data]
        function, name = data
        callback = _Callback(function, name, self)
        return _generate(callback) if tag == "iterator" else callback

    def call_back(self, number: int, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Call a function that the test handed in, which may itself call the program meanwhile."""
        request = {
            "op": "call_back",
            "number": number,
            "on": [wire.encode(item, self._export) for item in arguments],
            "with": {key: wire.encode(item, self._export) for key, item in options.items()},
        }
        with self._one_at_a_time:
            if not self._active:
                raise RuntimeError("the test's function can be called while the test waits only")
            self._channel.send(request)
            while "op" in (reply := self._channel.receive()):
                self._channel.send(self.answer(reply))
        if "raised" in reply:
            raise _known(reply["raised"])(*(wire.decode(a, self._find) for a in reply["args"]))
        return wire.decode(reply["value"], self._find)


def _is_made(value: Any, kind: Any) -> bool:
    """Whether ``kind`` is a class of the program's that made ``value``. A test that calls a class
    wants its methods, even if the class extends list; but a named tuple is data."""
    own = isinstance(kind, type) and kind.__module__ in ("solution", "__main__")
    return own and isinstance(value, kind) and not hasattr(kind, "_fields")


class _Container:
    """Stands for a container that the test handed in."""

    def __init__(self, number: int) -> None:
        self.number = number


class _Callback:
    """A function of the test, as the program sees it."""

    def __init__(self, number: int, name: str, server: _Server) -> None:
        self._number, self._server, self.__name__ = number, server, name

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._server.call_back(self._number, arguments, options)


def _generate(following: _Callback) -> Any:
    """An iterator of the test, as the program sees it."""
    while True:
        try:
            item = following()
        except StopIteration:
            return
        yield item


def _describe(kind: type) -> list[Any]:
    """The module and name of a class and, if the checker cannot know it, its bases."""
    known = kind.__module__.partition(".")[0] in sys.stdlib_module_names
    bases = [] if known else [_describe(base) for base in kind.__bases__]
    return [kind.__module__, kind.__name__, bases]


def _known(name: str) -> type[BaseException]:
    kind = getattr(sys.modules["builtins"], name, Exception)
    return kind if isinstance(kind, type) and issubclass(kind, BaseException) else Exception


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
    "remove_item": lambda _, target, key: operator.delitem(target, key),
    "length": lambda _, target: len(target),
    "truth": lambda _, target: bool(target),
    "text": lambda _, target: str(target),
    "shown": lambda _, target: repr(target),
    "iterate": lambda _, target: iter(target),
    "next": lambda _, target: next(target),
    "is_instance": lambda _, target, kind: isinstance(target, kind),
    "finish": _finish,
    "unary": lambda _, target, name: getattr(operator, name)(target),
    "operator": lambda _, name, *operands: getattr(operator, name)(*operands),
}
