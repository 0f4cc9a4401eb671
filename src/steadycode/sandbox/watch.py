"""Follows a program and its checker to a verdict, their end or a limit.

This file imports nothing of steadycode, since the worker, which must stay light, loads it.
"""

import os
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

_TICK = 0.05  # seconds between two looks at what a running program uses
_BACKSTOP = 10  # wall time that a program may take on a starved machine, as a multiple of the limit
_IDLE = 0.1  # a program that is on a processor for less than this share of its time is waiting
_THREADS = 256  # a program with more is stopped at the next look
_GRACE = 1.0  # seconds in which a program that closed its pipe must be gone

HEAD = struct.Struct(">?I")
"""Stands before the checker's verdict: whether it can be used again, and the verdict's length."""

Json = dict[str, Any]


class Heard:
    """What a program and its checker said, in buffers that are used again for the next pair."""

    def __init__(self, limits: Json) -> None:
        self._verdict, self._output = bytearray(1 << 13), bytearray(limits["output_kb"] << 10)
        self._waste = bytearray(1 << 16)
        self._said = self._printed = 0
        self.crashed = False

    @property
    def complete(self) -> bool:
        length = int(HEAD.unpack_from(self._verdict)[1])
        return length > 0 and self._said >= HEAD.size + length

    @property
    def verdict(self) -> memoryview:
        """The verdict as JSON: null when the program left early, empty when there is none."""
        return memoryview(self._verdict)[HEAD.size : self._said if self.complete else HEAD.size]

    @property
    def checker_stays(self) -> bool:
        """Whether the checker can be used again."""
        return self.complete and bool(HEAD.unpack_from(self._verdict)[0])

    @property
    def program_left(self) -> bool:
        """Whether the program left early; the verdict is then ``null``, the shortest of all."""
        return len(self.verdict) == len("null")

    @property
    def output(self) -> memoryview:
        """What a program that crashed had printed; for any other it is empty."""
        return memoryview(self._output)[: self._printed if self.crashed else 0]

    def hear(self, fd: int) -> bool:
        """Read what there is of the verdict; return False when it is complete or ends here."""
        count = os.readv(fd, [memoryview(self._verdict)[self._said :]])
        self._said += count
        return count > 0 and not self.complete

    def drain(self, fd: int) -> bool:
        """Read output and keep what comes first; return False at its end."""
        room = memoryview(self._output)[self._printed :]
        count = os.readv(fd, [room, self._waste])
        self._printed += min(count, len(room))
        return count > 0

    def forget(self) -> None:
        """Make the buffers ready for the next pair."""
        self._said = self._printed = 0
        self.crashed = False


class Pair:
    """A program's process and its checker's; a process id is 0 until the process is there."""

    def __init__(self, limits: Json, holds_too_much: Callable[[int], str]) -> None:
        """``holds_too_much`` names what a process holds too much of; it is empty otherwise."""
        self._limits, self._holds_too_much = limits, holds_too_much
        self._started = time.monotonic()
        self._over: Json = {}
        self._ended: tuple[int, resource.struct_rusage] | None = None
        self._before: tuple[float, float] | None = None
        self.program = self.checker = 0

    def follow(self, verdict: int, output: int, heard: Heard) -> None:
        """Read the pair's verdict and output until there is a verdict, or can be none any more."""
        poll = select.poll()
        poll.register(output, select.POLLIN)  # first: what a crash printed is there before its end
        poll.register(verdict, select.POLLIN)
        look = self._started + _TICK
        while not self._over:
            for fd, _ in poll.poll(_TICK * 1000):
                if fd == verdict:
                    if not heard.hear(fd):
                        return
                elif not heard.drain(fd):
                    poll.unregister(fd)
            if time.monotonic() >= look:
                self._over = self._look()
                look = time.monotonic() + _TICK

    def end(self, heard: Heard) -> Json:
        """Stop what still runs; return what the program used and, when the checker's word is not
        the last one, the verdict."""
        if self.program and not self._over and heard.program_left:
            self._ended = self._wait(_GRACE)
        by_itself = self._ended is not None
        if self.program and not by_itself:
            os.kill(self.program, signal.SIGKILL)
        ended = self._ended or (_reap(self.program) if self.program else None)
        if ended is None:
            return {}
        status, usage = ended
        seconds = usage.ru_utime + usage.ru_stime
        unit = 1024 if sys.platform != "darwin" else 1024**2
        used = {"seconds": round(seconds, 4), "peak_memory": round(usage.ru_maxrss / unit, 1)}
        if seconds > self._limits["seconds"]:
            return {**used, **self._timeout()}
        if self._over:
            return {**used, **self._over}
        if heard.program_left:
            heard.crashed = by_itself and status < 0
            return {**used, **_departure(status if by_itself else None)}
        if not heard.verdict:
            return {**used, "status": "crashed", "detail": "the test's own process died"}
        return used

    def _timeout(self) -> Json:
        limit = self._limits["seconds"]
        return {"status": "timeout", "detail": f"more than {limit:g} s of CPU time"}

    def _look(self) -> Json:
        """A verdict when the pair has more of something than it may; otherwise empty."""
        limit = self._limits["seconds"]
        elapsed = time.monotonic() - self._started
        used = _cpu_seconds(self.program)
        if used > limit:
            return self._timeout()
        tested, queued = self._checker_seconds()
        # a process that waits for a processor is neither at work nor idle
        own = elapsed - _queued_seconds(self.program) - queued
        if tested > limit or (own > limit and used < _IDLE * own):
            detail = f"not done after {limit:g} s, mostly of waiting"
            if tested > own / 2:
                detail = f"its test took more than {limit:g} s"
            return {"status": "timeout", "detail": detail}
        if elapsed > _BACKSTOP * limit + 1:
            return {"status": "timeout", "detail": f"still running after {elapsed:.0f} s"}
        if _threads(self.program) > _THREADS:
            return {"status": "blocked", "detail": f"more than {_THREADS} threads"}
        if fault := self._holds_too_much(self.program):
            return {"status": "blocked", "detail": fault}
        return {}

    def _checker_seconds(self) -> tuple[float, float]:
        """The seconds that the checker has worked and has waited for a processor since the first
        look; what it did before was for other programs."""
        now = _cpu_seconds(self.checker), _queued_seconds(self.checker)
        self._before = self._before or now
        return now[0] - self._before[0], now[1] - self._before[1]

    def _wait(self, seconds: float) -> tuple[int, resource.struct_rusage] | None:
        """Wait for the program to end by itself; None when it does not do so in time."""
        deadline = time.monotonic() + seconds
        while (ended := _reap(self.program, os.WNOHANG)) is None and time.monotonic() < deadline:
            time.sleep(0.001)
        return ended


def _departure(status: int | None) -> Json:
    """The verdict on a program that left before its test was done."""
    if status is None:
        return {"status": "failed", "detail": "closed the pipe to its checker"}
    if status == -signal.SIGKILL:  # it cannot send itself this one
        detail = "ended from outside, as the kernel does when the machine's memory runs out"
        return {"status": "out_of_memory", "detail": detail}
    if status < 0:
        names = {int(sign): sign.name for sign in signal.Signals}
        detail = f"killed by {names.get(-status, f'signal {-status}')}"
        return {"status": "crashed", "detail": detail}
    return {"status": "failed", "detail": f"left with exit code {status} before its end"}


def _reap(pid: int, flags: int = 0) -> tuple[int, resource.struct_rusage] | None:
    ended, status, usage = os.wait4(pid, flags)
    return (os.waitstatus_to_exitcode(status), usage) if ended else None


def _cpu_seconds(pid: int) -> float:
    """The CPU time that all threads of a running process have used."""
    if sys.platform != "linux":
        return 0.0
    per_process_clock = (~pid << 3) | 2
    try:
        return time.clock_gettime(per_process_clock)
    except OSError:
        return 0.0


def _queued_seconds(pid: int) -> float:
    """How long a process has been ready to run but had no processor."""
    fields = _proc(pid, "schedstat").split()
    return int(fields[1]) / 1e9 if fields else 0.0


def _threads(pid: int) -> int:
    fields = _proc(pid, "stat").rpartition(")")[2].split()
    return int(fields[17]) if fields else 0


def _proc(pid: int | str, name: str) -> str:
    try:
        with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
