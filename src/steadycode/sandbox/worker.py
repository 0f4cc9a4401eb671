"""A light process, started by ``pool.py``, that follows programs, each to its verdict.

One process executes the code; another one, which may serve several programs, runs the test; they
speak over two pipes (``wire.py``). Both are copies of a third (``zygote.py``) that never held any
of it, so the program's process has neither the test, nor the pipe for the verdict, nor anything of
another program. Only the standard library is imported: a worker starts at once and stays small.

The pool sends settings and filters, then code and test (JSON, or nothing). Messages are blocks; the
lengths of all blocks, each as ``>I``, come first. A reply has three: the checker's word, the
worker's, and what a program that crashed had printed.
"""

import contextlib
import errno
import json
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

_FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _FOLDER)  # -P keeps it out; only these are loaded from it
import checker  # type: ignore[import-not-found]  # noqa: E402
import explain  # type: ignore[import-not-found]  # noqa: E402
import holdings  # type: ignore[import-not-found]  # noqa: E402
import isolation  # type: ignore[import-not-found]  # noqa: E402
import plain  # type: ignore[import-not-found]  # noqa: E402
import program  # type: ignore[import-not-found]  # noqa: E402
import recursion  # type: ignore[import-not-found]  # noqa: E402
import scratch  # type: ignore[import-not-found]  # noqa: E402
import stand_ins  # type: ignore[import-not-found]  # noqa: E402
import watch  # type: ignore[import-not-found]  # noqa: E402
import wire  # type: ignore[import-not-found]  # noqa: E402
import zygote  # type: ignore[import-not-found]  # noqa: E402

sys.path.remove(_FOLDER)
_LIMIT = recursion.Limit(recursion.depth())  # this is a script

_write = os.write  # kept here, since a program may replace the module's
_STUCK = 30.0  # seconds until a checker that takes no test is replaced
_FAREWELL = 5.0  # seconds in which it shows whether all of the evaluator has ended
_ENDINGS = (signal.SIGHUP, signal.SIGTERM)
_SCARCE = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
_SAID = ("passed", "failed", "blocked", "out_of_memory")  # what ``explain.verdict`` may say
_TESTED, _ALONE, _PLAIN = b"tested", b"alone", b"plain"

Json = dict[str, Any]


class Worker:
    def __init__(
        self, settings: Json, calls: bytes, alone: bytes, requests: int, replies: int
    ) -> None:
        self._limits = settings["limits"]
        self._unsafe = settings["unsafe"]
        self._filters = calls, alone
        self._requests, self._replies = requests, replies
        folder = os.path.join(settings["folder"], str(os.getpid()))
        self._scratch = scratch.Scratch(folder)
        self._nothing = os.open(os.devnull, os.O_RDWR)
        os.environ.clear()
        os.environ.update(HOME=folder, TMPDIR=folder, PATH="/usr/bin:/bin", LANG="C.UTF-8")
        stand_ins.install(folder)
        self._zygote = self._make_zygote()
        self._holdings = holdings.Holdings(self._limits, folder)
        self._checker = 0
        self._heard, self._plainly = watch.Heard(self._limits), watch.Heard(self._limits)

    def serve(self) -> None:
        """Run one program after another until the pool closes its pipe."""
        self._start_checker()
        missing = {**self._zygote.missing(), **holdings.blindness(self._zygote.pid or os.getpid())}
        send(self._replies, json.dumps(missing).encode(), b"", b"")
        while sizes := read_sizes(self._requests, 2):
            code, test = (read(self._requests, size) for size in sizes)
            usage = self._run(code, test)
            said = bytes(self._heard.verdict)
            if b'"doubt": ' in said and "status" not in usage:
                said = _json(_settled(json.loads(said), partial(self._run_plainly, code, test)))
            send(self._replies, said, _json(usage), self._heard.output)
            self._heard.forget()

    def close(self, patience: float) -> None:
        """Stop the checker and the zygote, and remove the folder; the pool's own, too, when the
        evaluator turns out to have ended within ``patience`` seconds: nobody else is left."""
        self._end_checker()
        self._zygote.close()
        with contextlib.suppress(OSError):
            self._scratch.remove()
            poll = select.poll()
            poll.register(self._requests, select.POLLIN)
            if any(event & select.POLLHUP for _, event in poll.poll(patience * 1000)):
                os.rmdir(os.path.dirname(self._scratch.path))

    def _run(self, code: bytes, test: bytes) -> Json:
        asked, ask = os.pipe()
        answers, answer = os.pipe()
        output, printed = os.pipe()
        pair = watch.Pair(self._limits, self._holdings.fault)
        try:
            role = _TESTED if test else _ALONE
            pair.program = self._zygote.copy(role, asked, answer, printed)
            for fd in (asked, answer, printed):
                os.close(fd)
            with contextlib.suppress(OSError):  # it is gone, as will be seen
                send(ask, code)
            pair.checker = self._hand_over(test, (answers, ask))
            for fd in (answers, ask):
                os.close(fd)
            pair.follow(self._checks.fileno(), output, self._heard)
        finally:
            usage: Json = pair.end(self._heard)
            if not self._heard.checker_stays:
                self._end_checker()
        os.close(output)
        self._clear()
        return usage

    def _run_plainly(self, code: bytes, test: bytes) -> Json:
        """The verdict of plain Python, in whose process the program can say what it likes."""
        asked, ask = os.pipe()
        answers, answer = os.pipe()
        output, printed = os.pipe()
        pair = watch.Pair(self._limits, self._holdings.fault)
        try:
            pair.program = pair.checker = self._zygote.copy(_PLAIN, asked, answer, printed)
            for fd in (asked, answer, printed):
                os.close(fd)
            with contextlib.suppress(OSError):  # it is gone, as will be seen
                send(ask, code, test)
            pair.follow(answers, output, self._plainly)
        finally:
            usage: Json = pair.end(self._plainly)
        for fd in (ask, answers, output):
            os.close(fd)
        self._clear()
        said = bytes(self._plainly.verdict)
        self._plainly.forget()
        try:
            fields = {name: str(text)[: explain.SHORT] for name, text in json.loads(said).items()}
            if fields["status"] not in _SAID:
                raise ValueError(fields["status"])
        except (ValueError, AttributeError, LookupError, RecursionError):
            fields = {"status": "failed", "detail": "left before its end"}
        return {**fields, **usage}

    def _clear(self) -> None:
        """Leave nothing of a program for the next one. Zygote and checker are confined to a folder
        and not to its name: they are made anew where the folder has to be."""
        if not self._scratch.clear():
            self._end_checker()
            self._zygote.close()
            self._scratch.replace()
            self._zygote = self._make_zygote()
            self._start_checker()

    def _make_zygote(self) -> zygote.Zygote:
        confinement = isolation.Confinement(self._scratch.path, *self._filters, self._limits)
        return zygote.Zygote(confinement, _ROLES, partial(program.rehearse, _LIMIT), self._unsafe)

    def _hand_over(self, test: bytes, ends: tuple[int, int]) -> int:
        """Give a checker the test and the ends of the pipes to its program; return its id."""
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
        """Start a process that runs tests, one after the other, until one leaves a trace in it."""
        self._checks, theirs = socket.socketpair()
        self._checks.settimeout(_STUCK)
        self._checker = self._zygote.copy(zygote.CHECKER, theirs.fileno(), self._nothing)
        theirs.close()

    def _end_checker(self) -> None:
        if self._checker:
            os.kill(self._checker, signal.SIGKILL)
            os.waitpid(self._checker, 0)
            self._checks.close()
        self._checker = 0


def _settled(fields: Json, run_plainly: Callable[[], Json]) -> Json:
    """The verdict on a program where the two processes may differ from one.

    Plain Python is believed where it takes a pass away; where it alone sees one, program and test
    need something that the two processes do not have.
    """
    doubt = fields.pop("doubt")
    plainly = run_plainly()
    passed = plainly["status"] == "passed"
    if fields["status"] == "passed" and not passed:
        known = ("status", "detail", "expected", "actual")
        return {name: plainly[name] for name in known if name in plainly}
    if fields["status"] in ("failed", "blocked") and passed:
        return {**fields, "status": "unsupported", "detail": doubt}
    return fields


def _execute(name: str, asked: int, answer: int) -> None:
    sizes = read_sizes(asked, 1)
    code = read(asked, sizes[0]) if sizes else b""
    channel = wire.Channel(asked, answer)
    program.run(code.decode("utf-8", "surrogatepass"), name, channel, _LIMIT)


def _judge_plainly(asked: int, answer: int) -> None:
    sizes = read_sizes(asked, 2)
    if sizes:
        code, test = (read(asked, size) for size in sizes)
        job = json.loads(test)
        text = code.decode("utf-8", "surrogatepass")
        said = _json(plain.judge(text, job["plain"], job["entry_point"], "solution", _LIMIT))
        _write(answer, watch.HEAD.pack(False, len(said)) + said)


def _check(fd: int) -> None:
    checks = socket.socket(fileno=fd)
    checker.guard()
    while True:
        head, ends, _, _ = socket.recv_fds(checks, 4, 2)
        if not head:
            return
        test = read(fd, *struct.unpack(">I", head))
        job = json.loads(test) if test else {"test": "", "entry_point": None, "doubt": ""}
        job.pop("plain", None)
        verdict, stays = checker.judge(**job, channel=wire.Channel(*ends), limit=_LIMIT)
        for end in ends:
            os.close(end)
        said = _json(verdict)
        checks.sendall(watch.HEAD.pack(stays, len(said)) + said)


_ROLES: dict[bytes, zygote.Role] = {
    _TESTED: lambda files: _execute("solution", *files),
    _ALONE: lambda files: _execute("__main__", *files),
    _PLAIN: lambda files: _judge_plainly(*files),
    zygote.CHECKER: lambda files: _check(*files),
}


def _json(fields: Any) -> bytes:
    """Short for any text, so that the longest verdict has room."""
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace")


def read_sizes(fd: int, count: int) -> tuple[int, ...] | None:
    """Read the sizes of ``count`` blocks; return None at the end of the pipe."""
    try:
        return struct.unpack(f">{count}I", read(fd, 4 * count))
    except EOFError:
        return None


def read(fd: int, size: int) -> bytes:
    """Read exactly ``size`` bytes. Raises EOFError when the pipe ends before."""
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = os.readv(fd, [view])
        if not count:
            raise EOFError
        view = view[count:]
    return bytes(data)


def send(fd: int, *blocks: bytes | memoryview) -> None:
    """Write the sizes of all blocks and then the blocks."""
    data = memoryview(struct.pack(f">{len(blocks)}I", *map(len, blocks)) + b"".join(blocks))
    while data:
        data = data[os.write(fd, data) :]


def _leave(sign: int, _: object) -> NoReturn:
    for ending in _ENDINGS:  # each of the pool's threads that ends sends one
        signal.signal(ending, signal.SIG_IGN)
    sys.exit(sign)


def _serve(worker: Worker) -> None:
    patience = 0.0
    try:
        worker.serve()
    except SystemExit as ending:
        if ending.code == signal.SIGHUP:  # the thread that started this; maybe all others, too
            patience = _FAREWELL
        raise
    finally:
        worker.close(patience)


def main() -> None:
    os.umask(0o022)  # whatever the evaluator's, programs can use what they make
    isolation.leave_namespaces()
    isolation.die_with_parent(int(signal.SIGHUP))  # and clean up
    for ending in _ENDINGS:
        signal.signal(ending, _leave)
    # an evaluator in the background ignores SIGINT, and so would every program
    signal.signal(signal.SIGINT, signal.default_int_handler)
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    sizes = read_sizes(requests, 3)
    if sizes is None:
        return
    text, calls, alone = (read(requests, size) for size in sizes)
    settings = json.loads(text)
    isolation.stay_on(settings["processor"])
    try:
        worker = Worker(settings, calls, alone, requests, replies)
        _serve(worker)
    except OSError as error:
        why = {"unable": str(error)}
        if error.errno in _SCARCE:
            why = {"scarce": os.strerror(error.errno or 0)}
        send(replies, json.dumps(why).encode(), b"", b"")


if __name__ == "__main__":
    main()
