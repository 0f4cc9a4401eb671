"""A small confined process that does nothing but make copies of itself: programs and checkers.

It never holds a program, a test or a verdict, so no copy starts with one. It enters all of the
confinement that a process inherits, imports the common modules, runs the code that every copy will
run until Python has adapted it, and freezes its memory. So a copy does little beside its own work,
since each page that it writes has to be copied and each step costs as much as a small program.

The copies are children of the worker (CLONE_PARENT), which waits for them and stops them. Without
that call, which only Linux has, the worker makes them out of itself. This file imports nothing of
steadycode, since the worker loads it.
"""

import contextlib
import gc
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import NoReturn

import isolation  # type: ignore[import-not-found]
import maps  # type: ignore[import-not-found]

_WARM = (
    "bisect cmath collections copy dataclasses datetime decimal enum fractions functools heapq"
    " itertools json math operator queue random re statistics string sys textwrap time typing"
)
_KILL = int(signal.SIGKILL)
_PROBE = b"probe"
CHECKER = b"checker"  # the role of a copy that serves several programs
_FILES = 3  # the most files that a copy is given: two ends of pipes, and its output

_OURS = (
    *("checker", "containers", "explain", "forms", "holdings", "isolation", "lending", "maps"),
    *("operations", "plain", "program", "raising", "recursion", "remote", "replies", "scratch"),
    *("stand_ins", "surroundings", "texts", "values", "watch", "wire", "zygote"),
)
"""The modules that no program is to meet."""

Role = Callable[[list[int]], object]
"""What a copy does with the files that it is given, its output excepted."""


class Zygote:
    """The zygote, as the worker uses it."""

    def __init__(
        self,
        confinement: isolation.Confinement,
        roles: dict[bytes, Role],
        rehearse: Callable[[], None],
        unsafe: bool,
    ) -> None:
        """``roles`` tells by name (16 bytes at most) what such a copy does, and ``rehearse`` does
        it beforehand. With ``unsafe`` a copy runs even if something cannot be enforced."""
        self._template = _Template(confinement, roles, rehearse, unsafe)
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = 0
        if isolation.can_copy_for_parent():
            self.pid = isolation.fork()
            if self.pid == 0:
                try:
                    self._template.serve(theirs)
                finally:
                    os._exit(1)
        theirs.close()

    def missing(self) -> isolation.Missing:
        """Find out what this machine cannot enforce, in a copy that ends at once."""
        read, write = os.pipe()
        pid = self.copy(_PROBE, write)
        os.close(write)
        with open(read, "rb") as answer:
            text = answer.read() or b'{"seccomp": "the filter stops Python itself"}'
        os.waitpid(pid, 0)
        missing: isolation.Missing = json.loads(text)
        return missing

    def copy(self, role: bytes, *files: int) -> int:
        """Make a child of this process in ``role``, and return its id. Raises OSError when there
        can be none, or when the zygote is gone."""
        if not self.pid:
            pid: int = isolation.fork()
            if pid == 0:
                self._template.begin(role, list(files), os.getppid())
            return pid
        socket.send_fds(self._orders, [role], files)
        answer = self._orders.recv(4)
        if len(answer) < 4:
            raise OSError("the zygote is gone")
        (pid,) = struct.unpack(">i", answer)
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        return pid

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, _KILL)
            os.waitpid(self.pid, 0)
        self._orders.close()
        self._template.close()


class _Template:
    """What the zygote itself does."""

    def __init__(
        self,
        confinement: isolation.Confinement,
        roles: dict[bytes, Role],
        rehearse: Callable[[], None],
        unsafe: bool,
    ) -> None:
        self._confinement, self._roles, self._unsafe = confinement, roles, unsafe
        self._rehearse = rehearse
        self._missing: isolation.Missing | None = None

    def close(self) -> None:
        self._confinement.close()

    def serve(self, orders: socket.socket) -> NoReturn:
        """Make copies on the worker's orders until the worker closes its end."""
        worker = os.getppid()
        isolation.die_with_parent(_KILL)
        for ending in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(ending, signal.SIG_DFL)
        for before, after in pairwise(
            [2, *sorted([orders.fileno(), *self._confinement.files]), 1024]
        ):
            os.closerange(before + 1, after)
        self._warm_up()
        self._missing = self._enter()
        gc.collect()
        gc.freeze()
        while True:
            role, files, _, _ = socket.recv_fds(orders, 16, _FILES)
            if not role or os.getppid() != worker:
                os._exit(0)
            try:
                pid: int = isolation.copy_for_parent()
            except OSError as error:
                pid = -(error.errno or 1)
            if pid == 0:
                orders.close()
                self.begin(role, files, worker)
            for fd in files:
                os.close(fd)
            orders.send(struct.pack(">i", pid))

    def begin(self, role: bytes, files: list[int], worker: int) -> NoReturn:
        """Do what every copy does: confine itself, then play its role."""
        try:
            isolation.die_with_parent(_KILL)
            output = files[-1]
            missing = self._enter() if self._missing is None else self._missing
            if role == _PROBE:
                alone = self._confinement.enter_alone(True)
                os.write(output, json.dumps({**missing, **alone}).encode())
                os._exit(0)
            # of its own: to set a flag or a lock on one that others have would be seen by them
            os.close(0)
            os.open(os.devnull, os.O_RDWR)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            missing = {**missing, **self._confinement.enter_alone(role != CHECKER)}
            if (self._unsafe or not missing) and os.getppid() == worker:
                self._roles[role](files[:-1])
        finally:
            os._exit(1)

    def _enter(self) -> isolation.Missing:
        """Enter all that copies inherit, in an interpreter that shows nothing of ours."""
        for name in _OURS:
            sys.modules.pop(name, None)
        return self._confinement.enter()

    def _warm_up(self) -> None:
        for name in _WARM.split():
            __import__(name)
        maps.make_private()
        with contextlib.suppress(Exception):
            self._rehearse()
