"""A light process that runs programs, each in forks of its own. Started by ``pool.py``.

A fork executes the code, another one, which may serve several programs, the test; they speak over
two pipes (``wire.py``). The program's fork is made before its test has been read, and has neither
the test nor the pipe for the verdict. What was read of one program is wiped before the next.
Imports the standard library only, so that a fork is cheap and shows a program nothing of the
evaluator.

The pool sends settings and filter, then code and test (JSON, or nothing): two blocks at a time,
``>II`` before them. A reply is three, ``>III``: the checker's word, the worker's, and what a
program that crashed had printed.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NoReturn

_FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _FOLDER)  # -P keeps it out; only these are loaded from it
import checker  # type: ignore[import-not-found]  # noqa: E402
import isolation  # type: ignore[import-not-found]  # noqa: E402
import program  # type: ignore[import-not-found]  # noqa: E402
import watch  # type: ignore[import-not-found]  # noqa: E402
import wire  # type: ignore[import-not-found]  # noqa: E402

sys.path.remove(_FOLDER)

_WARM = (
    "bisect cmath collections copy dataclasses datetime decimal enum fractions functools hashlib "
    "heapq itertools json math operator queue random re statistics string sys textwrap time typing"
)

_STUCK = 30.0  # seconds until a checker that takes no test is replaced
_TERMINATE, _KILL = int(signal.SIGTERM), int(signal.SIGKILL)

Json = dict[str, Any]


class Worker:
    def __init__(self, settings: Json, calls: bytes, requests: int, replies: int) -> None:
        self._limits = settings["limits"]
        self._requests, self._replies = requests, replies
        self._parent = os.getppid()
        self._folder = tempfile.mkdtemp(dir=settings["folder"])
        self._confinement = isolation.Confinement(self._folder, calls, self._limits)
        self._checker = 0
        self._nothing = os.open(os.devnull, os.O_RDWR)
        self._heard = watch.Heard(self._limits)
        os.environ.clear()
        os.environ.update(HOME=self._folder, TMPDIR=self._folder, PATH="/usr/bin:/bin")
        os.environ.update(LANG="C.UTF-8")
        self.missing = self._probe()

    def serve(self) -> None:
        """Until the pool closes its pipe."""
        while sizes := read_sizes(self._requests):
            code, test = bytearray(sizes[0]), bytearray(sizes[1])
            fill(self._requests, code)
            try:
                usage = self._run(code, test)
            finally:
                code[:], test[:] = bytes(len(code)), bytes(len(test))
            send(self._replies, self._heard.verdict, json.dumps(usage).encode(), self._heard.output)
            self._heard.wipe()
            del usage  # the next program can walk up to this frame

    def close(self) -> None:
        self._end_checker()
        watch.empty(self._folder)
        with contextlib.suppress(OSError):
            os.rmdir(self._folder)
            if os.getppid() != self._parent:  # nobody else is left to remove the pool's own
                os.rmdir(os.path.dirname(self._folder))

    def _run(self, code: bytearray, test: bytearray) -> Json:
        asked, ask = os.pipe()
        answers, answer = os.pipe()
        output, printed = os.pipe()
        pair = watch.Pair(self._limits, self._folder)
        try:
            channel = wire.Channel(asked, answer)
            pair.program = self._fork(
                (asked, answer), printed, lambda: _execute(code, bool(test), channel)
            )
            for fd in (asked, answer, printed):
                os.close(fd)
            fill(self._requests, test)  # only now: the program's fork has not got it
            pair.checker = self._hand_over(test, (answers, ask))
            for fd in (answers, ask):
                os.close(fd)
            pair.follow(self._checks.fileno(), output, self._heard)
        finally:
            usage: Json = pair.end(self._heard)
            if not self._heard.checker_stays:
                self._end_checker()
        os.close(output)
        watch.empty(self._folder)
        return usage

    def _hand_over(self, test: bytearray, ends: tuple[int, int]) -> int:
        """Give a checker the test and the ends of the pipes to its program."""
        for fresh in (not self._checker, True):
            if fresh:
                self._end_checker()
                self._start_checker()
            try:
                socket.send_fds(self._checks, [struct.pack(">I", len(test))], ends)
                self._checks.sendall(test)
                break
            except OSError:  # something outside has killed or stopped it
                continue
        return self._checker

    def _start_checker(self) -> None:
        """A process that runs tests, one after the other, until one leaves a trace in it."""
        self._checks, theirs = socket.socketpair()
        self._checks.settimeout(_STUCK)
        self._checker = self._fork(
            (theirs.fileno(),), self._nothing, lambda: _check(theirs), cpu=False
        )
        theirs.close()

    def _end_checker(self) -> None:
        if self._checker:
            os.kill(self._checker, _KILL)
            os.waitpid(self._checker, 0)
            self._checks.close()
        self._checker = 0

    def _fork(
        self, kept: Iterable[int], output: int, body: Callable[[], None], cpu: bool = True
    ) -> int:
        """``body`` in a confined process with no other open files than ``kept``; ``cpu``: with
        the limit of CPU time, which a process for one program only can have."""
        parent = os.getpid()
        pid: int = isolation.fork()
        if pid:
            return pid
        try:
            isolation.default_signal(_TERMINATE)
            os.dup2(output, 1)
            os.dup2(output, 2)
            isolation.die_with_parent(_KILL)
            confined = self._confinement.enter(cpu)
            for before, after in pairwise([2, *sorted(kept), 1024]):
                os.closerange(before + 1, after)
            if confined == self.missing and os.getppid() == parent:
                body()
        finally:
            os._exit(1)

    def _probe(self) -> isolation.Missing:
        """What this machine cannot enforce, found out in a process that ends at once."""
        read, write = os.pipe()
        pid = isolation.fork()
        if pid == 0:
            os.write(write, json.dumps(self._confinement.enter()).encode())
            os._exit(0)
        os.close(write)
        with open(read, "rb") as answer:
            found = answer.read() or b'{"seccomp": "the filter stops Python itself"}'
        os.waitpid(pid, 0)
        missing: isolation.Missing = json.loads(found)
        return missing


def _execute(code: bytearray, tested: bool, channel: wire.Channel) -> None:
    name = "solution" if tested else "__main__"
    program.run(code.decode("utf-8", "surrogatepass"), name, channel)


def _check(checks: socket.socket) -> None:
    while True:
        head, ends, _, _ = socket.recv_fds(checks, 4, 2)
        if not head:
            return
        test = bytearray(*struct.unpack(">I", head))
        fill(checks.fileno(), test)
        job = json.loads(test) if test else {"test": "", "entry_point": None}
        found, stays = checker.judge(job["test"], job["entry_point"], wire.Channel(*ends))
        for fd in ends:
            os.close(fd)
        said = json.dumps(found and dict(zip(("status", "detail"), found, strict=True))).encode()
        checks.sendall(watch.HEAD.pack(stays, len(said)) + said)


def read_sizes(fd: int) -> tuple[int, int] | None:
    head = bytearray(8)
    try:
        fill(fd, head)
    except EOFError:
        return None
    return struct.unpack(">II", head)


def fill(fd: int, buffer: bytearray) -> None:
    """Read into ``buffer`` until it is full: no copy is left elsewhere."""
    view = memoryview(buffer)
    while view:
        count = os.readv(fd, [view])
        if not count:
            raise EOFError
        view = view[count:]


def send(fd: int, *blocks: bytes | memoryview) -> None:
    """Without a copy of a block, which would stay in this process's memory."""
    for block in (struct.pack(">III", *map(len, blocks)), *blocks):
        view = memoryview(block)
        while view:
            view = view[os.write(fd, view) :]


def _leave(*_: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # each of the pool's threads that ends sends one
    sys.exit(0)


def main() -> None:
    isolation.leave_namespaces()
    isolation.die_with_parent(_TERMINATE)  # and clean up
    signal.signal(signal.SIGTERM, _leave)
    for name in _WARM.split():
        __import__(name)
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    sizes = read_sizes(requests)
    if sizes is None:
        return
    settings, calls = bytearray(sizes[0]), bytearray(sizes[1])
    fill(requests, settings)
    fill(requests, calls)
    given = json.loads(settings)
    isolation.stay_on(given["processor"])
    worker = Worker(given, bytes(calls), requests, replies)
    try:
        send(replies, json.dumps(worker.missing).encode(), b"", b"")
        exec(compile("def f(x):\n    return [x]\n", "<warm>", "exec"), {})  # what Python makes once
        gc.collect()
        gc.freeze()  # the forks share these pages
        worker.serve()
    finally:
        worker.close()


if __name__ == "__main__":
    main()
