"""Runs, inside the checker's process, the test against a program that lives in another process.

The program answers with plain data or with numbers of objects of its own (``remote.py``), and can
reach neither the test nor the verdict. All it can do is answer, as any program can; so nothing
here believes an answer to be more than a value. Whatever in test or answers might not be as in one
process is a doubt, which ``worker.py`` settles. This file imports nothing of steadycode, since the
worker loads it.
"""

import builtins
import gc
import importlib
import re
import resource
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

import explain  # type: ignore[import-not-found]
import lending  # type: ignore[import-not-found]
import raising  # type: ignore[import-not-found]
import recursion  # type: ignore[import-not-found]
import remote  # type: ignore[import-not-found]
import replies  # type: ignore[import-not-found]
import surroundings  # type: ignore[import-not-found]
import texts  # type: ignore[import-not-found]
import values  # type: ignore[import-not-found]
import wire  # type: ignore[import-not-found]

_GROWTH = 32 << 10  # KiB of memory; a checker that took more is not used again
_TRACES = ("import", "__")
"""A test without these words leaves no trace: all that outlives its namespace is in modules."""

_CALL = compile("check(candidate)", "<test>", "exec")
_guard = texts.Guard()

Message = dict[str, Any]
Verdict = dict[str, str]


def guard() -> None:
    """From now on, keep this process from running what a program wrote."""
    sys.addaudithook(_guard)


def judge(
    test: str, entry_point: str | None, doubt: str, channel: wire.Channel, limit: recursion.Limit
) -> tuple[Verdict | None, bool]:
    """Return the verdict's fields, or None when the program ended before the test did; and whether
    this process is as it was before, so that another test may run in it.

    ``doubt`` names what by the words of the test may be otherwise in one process with the program,
    and among the fields whatever may be. Without a test a program passes when it runs to its end.
    """
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    program = _Program(channel, test, entry_point)
    program.traces = any(word in test for word in _TRACES)
    program.worded = doubt
    sys.modules["random"].seed(0)
    _guard.watch(test, entry_point)
    verdict = _run(test, entry_point, program, limit)
    limit.leave()
    if _guard.refused:
        verdict = {"status": "failed", "detail": _guard.refused, "doubt": _guard.refused}
    elif program.gone is not None:
        verdict = _departure(program.gone)
    elif verdict and program.refused and verdict["status"] in ("failed", "blocked"):
        verdict = {"status": "unsupported", "detail": program.refused[: explain.SHORT]}
    elif verdict and test and program.doubt:
        verdict["doubt"] = program.doubt[: explain.SHORT]
    gc.collect()  # nothing of this program, and no memory that it took, meets the next
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return verdict, not program.traces and grown < _GROWTH


def _departure(gone: wire.Gone) -> Verdict | None:
    if not str(gone):
        return None  # the worker knows how it ended
    fault = f"the program {gone}"
    honest = {"doubt": fault} if isinstance(gone, wire.TooMuch) else {}
    return {"status": "failed", "detail": fault, **honest}


def _run(
    test: str, entry_point: str | None, program: "_Program", limit: recursion.Limit
) -> Verdict | None:
    exec(recursion.PROBE, probe := recursion.probe())
    limit.enter(probe["found"])
    try:
        program.reply("start")
        if test:
            checks = compile(test, "<test>", "exec")
            namespace = _Names(program, test, entry_point)
            candidate = program.look_up(entry_point or "")
            namespace[entry_point] = candidate
            try:
                exec(checks, namespace)
            finally:
                program.worded = program.worded or explain.doubt_by_names(namespace.own())
            if (check := dict.get(namespace, "check")) is None:
                raise NameError("the test does not define 'check'")
            exec(_CALL, namespace, {"check": check, "candidate": candidate})
    except wire.Gone as gone:
        program.gone = gone
    except BaseException as error:
        program.traces |= isinstance(error, (MemoryError, RecursionError))
        fields: Verdict = explain.verdict(error, test, program.foreign)
        return fields
    return {"status": "passed", "detail": ""}


class _Program:
    """The other process, as the checker sees it."""

    def __init__(self, channel: wire.Channel, test: str, entry_point: str | None) -> None:
        self._channel, self._entry_point = channel, entry_point
        self._codec = values.Codec(self._export, self._find)
        self._lent = lending.Lent()
        self._errors: list[BaseException] = []
        """Exceptions of the test that went through the program."""
        self._remotes = remote.Remotes(self)
        self._raised = raising.Maker()
        self._made: set[int] = set()
        self._lines = test.splitlines()
        self._surroundings = surroundings.Surroundings(test)
        self._one_at_a_time = threading.RLock()
        self._noted = ""
        self.traces = False
        self.worded = ""
        """What is doubtful by the test's words alone."""
        self.gone: wire.Gone | None = None
        self.refused = ""
        """What the sandbox refused the program to do with its own files."""
        self.foreign = ""
        """A sentence for the detail when an object of the program's own type met data."""

    @property
    def doubt(self) -> str:
        """What may be otherwise than in one process; empty when nothing may."""
        return self._noted or str(self._codec.doubt) or self.worded

    def note(self, doubt: str) -> None:
        self._noted = self._noted or doubt

    open = False
    """Objects of the program are not asked about data."""

    def refuse(self, what: str) -> None:
        self.foreign = what
        self._noted = what

    def ask(self, operation: str, *on: Any, **options: Any) -> Any:
        """Let the program do something and return its answer. Raises what it raised, or Gone."""
        if operation not in ("name", "call"):
            kind = type(on[-1] if operation == "operator" else on[0]).__name__
            name = on[1] if operation in ("get", "set", "convert") else operation
            self.note(f"{str(name)!r} of the program's own type {kind!r}")
        with self._one_at_a_time:
            try:
                self._channel.send(self._request(operation, on, options))
                value = self.reply(operation)
                replies.check_result(operation, on[1] if len(on) > 1 else "", value)
            except wire.Gone as gone:
                self.gone = gone  # a test may swallow even this
                raise
        if operation == "call" and isinstance(value, remote.Remote):
            self._called(on[0], value)
        elif operation == "get":
            self._got(on[0], str(on[1]))
        return value

    def _request(self, operation: str, on: tuple[Any, ...], options: dict[str, Any]) -> Message:
        around = self._surroundings
        payload = (on, tuple(options.items()), around.functions())
        try:
            message: Message = self._codec.pack("data", payload, op=operation, **around.before())
        except (TypeError, RecursionError) as error:
            self._noted = str(error)
            raise
        return message

    def _called(self, function: Any, value: "remote.Remote") -> None:
        self.note(f"an answer of the program's own type {type(value).__name__!r}")
        if issubclass(type(function)._Remote__real, type):
            self._made.add(remote.number_of(value))

    def _got(self, target: Any, name: str) -> None:
        """An object that the test made, and whose own attributes it uses, is no answer."""
        if remote.number_of(target) in self._made and not name.startswith("__"):
            remote.trust(target)

    def reply(self, operation: str) -> Any:
        """Return or raise the reply, after serving calls."""
        while "op" in (message := self._channel.receive()):
            self._channel.send(self._call_back(message))
        aside = replies.read_aside(message)
        self.note(aside.doubt)
        self.refused = self.refused or aside.refused
        if operation == "start":
            self._note_shadowed(aside.shadowed)
        self._surroundings.after(aside.news)
        if "raised" not in message:
            return self._codec.unpack(message, "value")
        error = self._codec.unpack(message, "raised")
        if not isinstance(error, BaseException):
            raise wire.Gone("sends what is not a reply")
        self._note_error(error)
        if isinstance(error, StopIteration) and operation != "next" and not self._awaits_stop():
            # in the test's map() it would end the test and not fail it; generators do this too
            self.note("a function that raises StopIteration")
            error = RuntimeError("the program raised StopIteration")
        raise error

    def _note_shadowed(self, names: tuple[str, ...]) -> None:
        """In one process the test would have the program's instead of Python's."""
        for name in names:
            used = any(re.search(rf"\b{name}\b", line) for line in self._lines)
            if name != self._entry_point and used:
                self.note(f"the program's own {name!r}")

    def _note_error(self, error: BaseException) -> None:
        behind = error.__cause__ or error.__context__
        if type(error).__module__ != "builtins" or behind or isinstance(error, RecursionError):
            self.note(f"the exception {type(error).__name__}")
        name = getattr(error, "name", None) if isinstance(error, NameError) else None
        if isinstance(name, str) and any(name in line for line in self._lines):
            self.note(f"{name!r:.80}, which the test may have for the program")

    def _awaits_stop(self) -> bool:
        return any("StopIteration" in line for line in self._lines)

    def may_swallow(self, error: BaseException) -> bool:
        """Whether an object of the program's may keep ``error`` from ending the test: it does only
        for one that the test raised on purpose."""
        if isinstance(error, AssertionError) or self.foreign:
            self.note("an error that an object of the program swallows")
            return False
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        in_test = trace is not None and trace.tb_frame.f_code.co_filename == "<test>"
        line = self._lines[trace.tb_lineno - 1] if trace is not None and in_test else ""
        return line.lstrip().startswith("raise ")

    def look_up(self, name: str) -> Any:
        return self.ask("name", name)

    def _call_back(self, message: Message) -> Message:
        """Do what the program wants of a function or an object of the test."""
        on, options = _arguments(self._codec.unpack(message, "data"))
        self._surroundings.after(replies.read_aside(message).news)
        try:
            value = self._lent.use(str(message["op"]), on, options)
            reply: Message = self._codec.pack("value", value, **self._surroundings.before())
        except wire.Gone:
            raise
        except BaseException as error:
            reply = self._codec.pack("raised", error)
        return reply

    def _export(self, value: Any) -> Message:
        if isinstance(value, remote.Remote):
            return {"object": [remote.number_of(value), ""]}
        if isinstance(value, BaseException):
            return {"lent error": self._lent_error(value)}
        if isinstance(value, type) and issubclass(value, BaseException):
            self._raised.know(value)
            return {"exception": raising.describe(value)}
        if isinstance(value, re.Pattern):
            return {"pattern": [self._codec.encode(value.pattern), value.flags]}
        if place := lending.place_in_python(value):
            return {"python": place}
        self.note(f"the program is handed a {type(value).__name__!r} of the test")
        lent: Message = self._lent.lend(value)
        return lent

    def _lent_error(self, error: BaseException) -> list[Any]:
        """With its number, by which it comes back as the same exception."""
        self._raised.know(type(error))
        self._errors.append(error)
        number = len(self._errors) - 1
        try:
            return [number, raising.write(error, self._codec.encode)]
        except (TypeError, RecursionError):  # it holds what cannot be handed over
            return [number, raising.write_briefly(error)]

    def _find(self, tag: str, data: Any) -> Any:
        finders: dict[str, Callable[[], Any]] = {
            "object": lambda: self._remotes.find(*data),
            "coroutine": lambda: self._finish(
                self._remotes.find(data, "coroutine", [], "", [], [])
            ),
            "module": lambda: self._module(data),
            "exception": lambda: self._exception(data),
            "error": lambda: self._raised.read(data, self._codec.decode),
            "again": lambda: self._errors[data],
            "yours": lambda: self._lent.object(data),
        }
        return finders[tag]()

    def _module(self, name: str) -> ModuleType:
        if name not in sys.stdlib_module_names:
            raise ValueError(name)
        self.traces = True
        self.note(f"the module {name} as an answer")
        return importlib.import_module(name)

    def _exception(self, described: list[Any]) -> type[BaseException]:
        if described[0] != "builtins":
            self.note(f"the exception {described[1]!s:.80}, taken from the program")
        kind: type[BaseException] = self._raised.kind(described)
        return kind

    async def _finish(self, coroutine: "remote.Remote") -> Any:
        return self.ask("finish", coroutine)


class _Names(dict[Any, Any]):
    """The test's globals; the program is asked for names that neither test nor Python defines."""

    def __init__(self, program: _Program, test: str, entry_point: str | None) -> None:
        super().__init__(__name__="test", __builtins__=builtins)
        self._program, self._test, self._entry_point = program, test, entry_point

    def own(self) -> dict[Any, Any]:
        """What the test defined, neither modules nor what the program has."""
        others = (ModuleType, remote.Remote)
        kept = {name: value for name, value in self.items() if not isinstance(value, others)}
        kept.pop(self._entry_point, None)
        return kept

    def __missing__(self, name: Any) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        try:
            value = self._program.look_up(name)
        except NameError:
            raise KeyError(name) from None
        if name in sys.stdlib_module_names and explain.takes_for_module(self._test, name):
            self._program.traces = True  # the test means Python's, whatever the program has made
            self[name] = importlib.import_module(name)
            return self[name]
        if callable(value):
            self[name] = value
        else:
            self._program.note(f"{name!r}, taken from the program")
        return value


def _arguments(data: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    try:
        on, options = data
        return tuple(on), {str(name): value for name, value in options}
    except (TypeError, ValueError) as fault:
        raise wire.Gone("sends what are not arguments") from fault
