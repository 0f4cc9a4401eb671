"""Carries what test and program share in one process beside values: the state of ``random``, what
is printed, warnings, standard input, the environment, and the like.

The test's side says how things stand before each request, the program's side what became of them.
Nothing of it is done for a test that has none of the words. This file imports nothing of
steadycode, since the worker loads it.
"""

import builtins
import contextlib
import decimal
import io
import logging
import os
import random
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import raising  # type: ignore[import-not-found]

Around = dict[str, Any]

_WORDS = 624  # of random's state
_STEPS = 64  # times as many words as a program may draw in one call
MOST_DRAWN = _WORDS * (_STEPS + 1)
_TEXT = 1 << 20  # characters of output that are carried at once
_input = builtins.input


def _decimal() -> list[Any]:
    context = decimal.getcontext()
    return [context.prec, context.rounding]


def _set_decimal(state: list[Any]) -> None:
    decimal.getcontext().prec, decimal.getcontext().rounding = state


def _set_environ(state: dict[str, str]) -> None:
    for name in os.environ.keys() - state.keys():
        del os.environ[name]
    os.environ.update(state)


def _set_random(state: list[Any]) -> None:
    random.setstate((state[0], tuple(state[1]), state[2]))


def _recursion_limit() -> int:
    return sys.getrecursionlimit()  # by its name in sys, where it says what a script would see


def _set_recursion_limit(state: int) -> None:
    sys.setrecursionlimit(state)


_States = tuple[Callable[[], Any], Callable[[Any], None]]
_STATES: dict[str, _States] = {
    "random": (random.getstate, _set_random),
    "environ": (lambda: dict(os.environ), _set_environ),
    "context": (_decimal, _set_decimal),
    "argv": (lambda: sys.argv[:], lambda state: sys.argv.__setitem__(slice(None), state)),
    "recursionlimit": (_recursion_limit, _set_recursion_limit),
}
"""By the word that a test uses: how to read such a state, and how to set it."""


@dataclass(frozen=True)
class News:
    """What has become of things on the program's side."""

    printed: tuple[str, ...] = ()
    """On standard output and on standard error."""
    warned: tuple[tuple[type[Warning], str], ...] = ()
    logged: tuple[tuple[str, int, str], ...] = ()
    """Logger, level and text."""
    drawn: int = 0
    """Words from ``random``."""


class Surroundings:
    """The test's side."""

    def __init__(self, test: str) -> None:
        self._watched = [word for word in _STATES if word in test]
        self._prints = "stdout" in test or "stderr" in test
        self._warns = "warn" in test.casefold()
        self._reads = "input" in test or "stdin" in test
        self._logs = "logging" in test or "assertLogs" in test or "assertNoLogs" in test
        self._told: Around = {}
        self._seen: dict[Any, Any] = {}
        self.active = bool(
            self._watched or self._prints or self._warns or self._reads or self._logs
        )

    def before(self) -> dict[str, Around]:
        """How things stand, as a field of a message."""
        if not self.active:
            return {}
        around: Around = {}
        for word in self._watched:
            now = _STATES[word][0]()
            if self._told.get(word) != now:
                around[word] = self._told[word] = now
        if "random" in self._watched:
            around["draws"] = True
        if self._prints:
            around["printed"] = [
                sys.stdout is not sys.__stdout__,
                sys.stderr is not sys.__stderr__,
            ]
        if self._warns:
            around["warned"] = True
        if self._logs:
            around["logged"] = True
        return {"around": around}

    def functions(self) -> tuple[tuple[str, Any], ...]:
        """What the program has to call for its input, where the test replaced that."""
        if not self._reads:
            return ()
        read: dict[str, Any] = {"input": builtins.input} if builtins.input is not _input else {}
        if sys.stdin is not sys.__stdin__:
            read["readline"] = sys.stdin.readline
        return tuple(read.items())

    def after(self, news: News) -> None:
        """Let happen here what has become of things there."""
        if not self.active:
            return
        for stream, text in zip((sys.stdout, sys.stderr), news.printed, strict=False):
            if text:
                stream.write(text)
        for kind, text in news.warned:
            warnings.warn_explicit(text, kind, "<program>", 1, registry=self._seen)
        for name, level, text in news.logged:
            logger = logging.getLogger(name)
            if logger.isEnabledFor(level):
                logger.handle(logger.makeRecord(logger.name, level, "<program>", 1, text, (), None))
        if "random" in self._watched:
            for _ in range(news.drawn):
                random.getrandbits(32)
            self._told["random"] = random.getstate()


class Request:
    """The program's side, while it answers one request."""

    def __init__(self, around: Around, functions: dict[str, Any]) -> None:
        for word, state in around.items():
            if word in _STATES:
                _STATES[word][1](state)
        self._stack = contextlib.ExitStack()
        self._warned: list[Any] = []
        self._printed: list[io.StringIO | None] = []
        self._random = random.getstate() if around.get("draws") else None
        if "input" in functions:
            self._replace(builtins, "input", functions["input"])
        if "readline" in functions:
            self._replace(sys, "stdin", _Lines(functions["readline"]))
        if around.get("warned"):
            recording = warnings.catch_warnings(record=True)
            self._warned = self._stack.enter_context(recording)  # type: ignore[assignment]
            warnings.simplefilter("always")
        self._records = _Records()
        if around.get("logged"):
            self._log()
        for stream, wanted in zip(("stdout", "stderr"), around.get("printed", ()), strict=False):
            self._printed.append(io.StringIO() if wanted else None)
            if wanted:
                self._replace(sys, stream, self._printed[-1])

    def news(self) -> Around:
        """What became of things since the last message."""
        around: Around = {}
        if any(kept and kept.tell() for kept in self._printed):
            around["printed"] = [kept.getvalue()[:_TEXT] if kept else "" for kept in self._printed]
            for kept in filter(None, self._printed):
                kept.seek(0)
                kept.truncate()
        if self._warned:
            around["warned"] = [
                [raising.describe(one.category), str(one.message)] for one in self._warned
            ]
            self._warned.clear()
        if self._records.kept:
            around["logged"] = self._records.kept[:]
            self._records.kept.clear()
        if self._random:
            before, self._random = self._random, random.getstate()
            around["drawn"] = _drawn(before, self._random) if before != self._random else 0
        return around

    def close(self) -> None:
        """Put back what was replaced."""
        self._stack.close()

    def _log(self) -> None:
        """Keep whatever is logged; the test's side knows which levels count."""
        root = logging.getLogger()
        self._stack.callback(root.setLevel, root.level)
        self._stack.callback(root.removeHandler, self._records)
        root.addHandler(self._records)
        root.setLevel(1)

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        self._stack.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, value)


def _drawn(before: Any, after: Any) -> int:
    """How many words were drawn from ``random`` between two states; 0 when it was seeded anew."""
    numbers = random.Random()
    numbers.setstate(before)
    first = (after[1][-1] - before[1][-1]) % _WORDS
    for count in (first, *[_WORDS] * _STEPS):
        for _ in range(count):
            numbers.getrandbits(32)
        if numbers.getstate()[1] == after[1]:
            return int(first)
        first += _WORDS
    return 0


class _Records(logging.Handler):
    """Keeps logger, level and text of what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[list[Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append([record.name, record.levelno, record.getMessage()])


class _Lines(io.TextIOBase):
    """Standard input that the test replaced."""

    def __init__(self, readline: Callable[[], str]) -> None:
        self._readline = readline

    def readable(self) -> bool:
        return True

    def readline(self, size: int = -1) -> str:  # type: ignore[override]
        return self._readline()

    def read(self, size: int | None = -1) -> str:
        return "".join(iter(self._readline, ""))
