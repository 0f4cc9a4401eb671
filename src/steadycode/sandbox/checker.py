"""Runs, inside the checker's process, the test against a program that lives in another process.

The program answers with plain data or with numbers of objects of its own (``Remote``), and can
reach neither the test nor the verdict. All it can do is answer, as any program can; so nothing
here believes an answer to be more than a value. This file imports nothing of steadycode, since the
worker loads it.
"""

import ast
import builtins
import contextlib
import gc
import importlib
import resource
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import wire  # type: ignore[import-not-found]

DETAIL = 200  # characters of a verdict's detail
_EXCEPTIONS = ("builtins", "json.decoder", "decimal", "statistics", "queue", "re", "struct", "zlib")
"""The modules whose exceptions are the same on both sides."""
_GROWTH = 32 << 10  # KiB of memory; a checker that took more is not used again
_TRACES = ("import", "__")
"""A test without these words leaves no trace: all that outlives its namespace is in modules."""

Message = dict[str, Any]


def judge(
    test: str, entry_point: str | None, channel: wire.Channel
) -> tuple[tuple[str, str] | None, bool]:
    """Return (status, detail), or None when the program ended before the test did; and whether
    this process is as it was before, so that another test may run in it.

    Without a test a program passes when it runs to its end.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    program = _Program(channel)
    program.traces = any(word in test for word in _TRACES)
    sys.modules["random"].seed(0)
    verdict = _run(test, entry_point, program)
    if program.gone == "left":
        verdict = None
    elif program.gone:
        verdict = "failed", f"the program {program.gone}"
    gc.collect()  # nothing of this program, and no memory that it took, meets the next
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return verdict, not program.traces and grown < _GROWTH


def _run(test: str, entry_point: str | None, program: "_Program") -> tuple[str, str] | None:
    try:
        program.reply()
        if test:
            checks = compile(test, "<test>", "exec")
            namespace = _Names(program, test)
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
        self._containers: list[Any] = []  # those of the arguments whose change is being read
        self._one_at_a_time = threading.RLock()
        self.traces = False
        self.gone = ""
        self.foreign = ""
        """A sentence for the detail when an object of the program's own type met data."""

    def ask(self, operation: str, *on: Any, **options: Any) -> Any:
        """Let the program do something and return its answer. Raises what it raised, or Gone."""
        request: Message = {"op": operation, "on": [wire.encode(item, self._export) for item in on]}
        if options:
            request["with"] = {
                key: wire.encode(item, self._export) for key, item in options.items()
            }
        with self._one_at_a_time:
            try:
                self._channel.send(request)
                arguments: dict[Any, Any] = {**dict(enumerate(on)), **options}
                return self.reply(arguments if operation == "call" else None, operation == "next")
            except wire.Gone as gone:
                self.gone = str(gone) or "left"  # a test may swallow even this
                raise

    def reply(self, arguments: Mapping[Any, Any] | None = None, iterating: bool = False) -> Any:
        """Return or raise the reply, after serving calls and updating changed ``arguments``."""
        while "op" in (message := self._channel.receive()):
            self._channel.send(self._call_back(message))
        try:
            changed = message.get("changed") if arguments is not None else None
            if changed:
                self._containers = wire.containers(list((arguments or {}).values()))
                filled = [(self._containers[n], wire.decode(now, self._find)) for n, now in changed]
                for container, items in filled:
                    wire.refill(container, items)
            if "raised" not in message:
                return wire.decode(message["value"], self._find)
            error = self._exception(message)
            if isinstance(error, StopIteration) and not iterating:
                # in the test's map() it would end the test and not fail it; generators do this too
                error = RuntimeError("the program raised StopIteration")
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as fault:
            raise wire.Gone("sends what is not a reply") from fault
        raise error

    def look_up(self, name: str) -> Any:
        return self.ask("name", name)

    def _call_back(self, message: Message) -> Message:
        try:
            function = self._functions[message["number"]]
            named = message.get("with", {})
            options = {key: wire.decode(item, self._find) for key, item in named.items()}
            value = function(*(wire.decode(item, self._find) for item in message["on"]), **options)
            return {"value": wire.encode(value, self._export)}
        except Exception as error:
            args = [item if type(item) in (int, float, str) else str(item) for item in error.args]
            return {"raised": type(error).__name__, "args": args}

    def _export(self, value: Any) -> Message:
        if isinstance(value, Remote):
            return {"object": _number_of(value)}
        function = getattr(value, "__next__", value)
        if callable(function):
            self._functions.append(function)
            name = str(getattr(value, "__name__", type(value).__name__))
            tag = "function" if function is value else "iterator"
            return {tag: [len(self._functions) - 1, name]}
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
        if tag == "given":
            return self._containers[data]
        if tag == "module" and data in sys.stdlib_module_names:
            self.traces = True
            return importlib.import_module(data)
        if tag == "exception":
            return self._exception_type(data)
        return self._functions[data] if tag == "yours" else _unknown(tag)

    async def _finish(self, coroutine: "Remote") -> Any:
        return self.ask("finish", coroutine)

    def _exception(self, message: Message) -> BaseException:
        kind, text = self._exception_type(message["raised"]), str(message["text"])
        try:
            args = [wire.decode(item, self._find) for item in message["args"]]
            error = _made(kind, args)
            if str(error) != text:  # the exception has a __str__ of its own
                error = _made(type(kind.__name__, (kind,), {"__str__": lambda _: text}), args)
            for name, value in message["state"].items():
                setattr(error, name, wire.decode(value, self._find))
        except Exception:
            error = type(kind.__name__, (Exception,), {})(text)
        return error

    def _exception_type(self, description: list[Any]) -> type[BaseException]:
        """Python's own exception, or one that is made with the name and bases of the program's."""
        module, name, bases = description
        known = getattr(sys.modules.get(module), name, None) if module in _EXCEPTIONS else None
        if isinstance(known, type) and issubclass(known, BaseException):
            return known
        key = f"{module}.{name}"[:200]
        if key not in self._exceptions and len(self._exceptions) < 100:
            made = [self._exception_type(base) for base in bases[:8] if base[1] != "object"]
            self._exceptions[key] = type(str(name)[:80], tuple(made) or (Exception,), {})
        return self._exceptions[key]


class Remote:
    """Stands for an object of a type of the program's own.

    It is equal to itself, and to another such object when the program says so, but never to data:
    an ``__eq__`` that always says yes is not asked.
    """

    __slots__ = ("__kind", "__number", "__program")  # all other names belong to the program

    def __init__(self, program: _Program, number: int, kind: str) -> None:
        object.__setattr__(self, "_Remote__program", program)
        object.__setattr__(self, "_Remote__number", number)
        object.__setattr__(self, "_Remote__kind", kind)

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

    def __delitem__(self, key: Any) -> None:
        _ask(self, "remove_item", key)

    def __enter__(self) -> Any:
        return _ask(self, "get", "__enter__")()

    def __exit__(self, *_: Any) -> None:
        _ask(self, "get", "__exit__")(None, None, None)  # it cannot swallow a failed assertion

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
        return _number_of(self)

    def __repr__(self) -> str:
        return str(_ask(self, "shown"))

    def __eq__(self, other: object) -> bool:
        return self is other or _operate("eq", self, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other


def _ask(remote: Remote, operation: str, *arguments: Any, **options: Any) -> Any:
    program: _Program = object.__getattribute__(remote, "_Remote__program")
    return program.ask(operation, remote, *arguments, **options)


def _number_of(remote: Remote) -> int:
    number: int = object.__getattribute__(remote, "_Remote__number")
    return number


def _operate(name: str, mine: Remote, other: Any, reflected: bool = False) -> Any:
    """Apply ``operator.NAME`` to two of the program's objects. To one of them and data it is not
    applied: a test that expects data would tell the program what it wants to hear."""
    program: _Program = object.__getattribute__(mine, "_Remote__program")
    kind = object.__getattribute__(mine, "_Remote__kind")
    if isinstance(other, Remote):
        return program.ask("operator", name, *((other, mine) if reflected else (mine, other)))
    program.foreign = f"takes the program's own type {kind!r} for {type(other).__name__}"
    return NotImplemented


def _unary(name: str, mine: Remote) -> Any:
    result = _ask(mine, "unary", name)
    if not isinstance(result, Remote):
        raise TypeError(f"{name} of the program's own type gives {type(result).__name__}")
    return result


_ARITHMETIC = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or")


def _make_operators() -> None:
    def straight(name: str) -> Callable[[Remote, Any], Any]:
        return lambda mine, other: _operate(name, mine, other)

    def reflected(name: str) -> Callable[[Remote, Any], Any]:
        return lambda mine, other: _operate(name, mine, other, reflected=True)

    def unary(name: str) -> Callable[[Remote], Any]:
        return lambda mine: _unary(name, mine)

    for name in ("neg", "pos", "abs", "invert"):
        setattr(Remote, f"__{name}__", unary(name))
    for name in (*_ARITHMETIC, "lt", "le", "gt", "ge"):
        setattr(Remote, f"__{name}__", straight(name))
    for name in _ARITHMETIC:
        setattr(Remote, f"__r{name}__", reflected(name))


_make_operators()


class _Names(dict[Any, Any]):
    """The test's globals; the program is asked for names that neither test nor Python defines."""

    def __init__(self, program: _Program, test: str) -> None:
        super().__init__(__name__="test", __builtins__=builtins)
        self._program, self._test = program, test

    def __missing__(self, name: Any) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        if name in sys.stdlib_module_names and self._takes_for_module(name):
            self._program.traces = True
            self[name] = importlib.import_module(name)
            return self[name]
        try:
            value = self._program.look_up(name)
        except NameError:
            raise KeyError(name) from None
        if callable(value):
            self[name] = value
        return value

    def _takes_for_module(self, name: str) -> bool:
        """Whether the test, which may leave out its imports, uses ``name`` only as a module."""
        nodes = list(ast.walk(ast.parse(self._test)))
        all_uses = sum(isinstance(node, ast.Name) and node.id == name for node in nodes)
        owners = [node.value for node in nodes if isinstance(node, ast.Attribute)]
        as_module = sum(isinstance(owner, ast.Name) and owner.id == name for owner in owners)
        return all_uses == as_module > 0


def _made(kind: type[BaseException], args: list[Any]) -> BaseException:
    try:
        return kind(*args)
    except TypeError:  # the exception's own __init__ wants something else
        error = kind.__new__(kind, *args)
        error.args = tuple(args)
        return error


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
