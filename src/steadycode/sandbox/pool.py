"""The sandbox: a few light worker processes, and programs dealt out to them."""

import contextlib
import hashlib
import json
import os
import queue
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from steadycode.errors import SandboxError
from steadycode.sandbox.contract import Limits, Program, Verdict

_AHEAD = 64  # programs per worker that may wait behind a slow one


class Sandbox:
    """Runs untrusted Python programs and says what each did.

    Every program runs in a process of its own: forked from a small worker that has imported the
    standard library only (and can import nothing else), in an empty folder that is removed
    afterwards, with no environment variables of ours, no input, bounded CPU time, memory, file
    size and output. On Linux (x86-64, AArch64) the kernel also refuses new processes, sockets,
    signals to other processes and writing outside that folder; ``enforced()`` says what holds.

    A program passes only when ``check`` returned: leaving early, whatever the exit code, is not
    that, nor is printing. What is *not* isolated: it may read every file that this user can
    read, fill the folder with many files, and, since test and program share one interpreter,
    code written to attack the harness (walking its frames, answering ``==`` with True) can
    still claim a pass. Verdicts of honest programs are safe, secrets on a shared disk are not.

    Deterministic: one hash seed, ``random`` seeded with 0, CPU time judged and not wall time
    (which is only a backstop, at 3 x CPU seconds + 1).
    """

    def __init__(self, limits: Limits | None = None, workers: int | None = None) -> None:
        """``workers`` defaults to the CPUs of this process. Raises SandboxError."""
        self.limits = limits or Limits()
        self._size = workers if workers is not None else _cpu_count()
        if self._size < 1:
            raise SandboxError(f"workers={workers}: at least one is needed")
        if min(self.limits.seconds, self.limits.memory_mb, self.limits.output_kb) <= 0:
            raise SandboxError(f"limits must be positive: {self.limits}")
        if not hasattr(os, "fork"):
            raise SandboxError("programs can only be run on Linux or macOS (fork is missing)")
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._folder: str | None = None
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.mkdtemp(prefix="steadycode-sandbox-")
        self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="sandbox")
        try:
            # started here and not in a thread: a worker dies with the thread that started it
            self._workers = [_Worker(self.limits, self._folder) for _ in range(self._size)]
            for worker in self._workers:
                worker.greet()
                self._idle.put(worker)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop every worker and what it runs, and remove the folders."""
        for worker in self._workers:
            worker.kill()
        if self._threads:
            self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.kill()  # one that a thread started anew meanwhile
        self._workers, self._threads = [], None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def run(self, program: Program) -> Verdict:
        return self._submit(program).result()

    def run_all(self, programs: Iterable[Program]) -> Iterator[Verdict]:
        """Verdicts in the order of ``programs``, which is read only a bounded way ahead.

        Equal programs are run once.
        """
        known: dict[bytes, Future[Verdict]] = {}
        waiting: deque[Future[Verdict]] = deque()
        for program in programs:
            key = _digest(program)
            if key not in known:
                known[key] = self._submit(program)
            waiting.append(known[key])
            while waiting and (waiting[0].done() or len(waiting) > _AHEAD * self._size):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def enforced(self) -> dict[str, bool]:
        """What holds on this machine. Call it inside the ``with`` block."""
        if not self._workers:
            raise SandboxError("the sandbox is closed; use it in a with block")
        found = self._workers[0].found
        calls = found["system_calls"]
        return {
            "cpu_time": True,
            "memory": sys.platform == "linux",
            "file_size": True,
            "no_processes": calls,
            "no_signals": calls,
            "no_network": calls,
            "no_writes_outside": found["writes"],
            "no_reads_outside": False,
        }

    def _submit(self, program: Program) -> "Future[Verdict]":
        if self._threads is None:
            raise SandboxError("the sandbox is closed; use it in a with block")
        return self._threads.submit(self._deal, program)

    def _deal(self, program: Program) -> Verdict:
        worker = self._idle.get()
        try:
            for _ in range(2):  # a worker that died is started anew, once per program
                try:
                    return worker.run(program)
                except (OSError, EOFError, ValueError):
                    if self._folder is None:
                        break
                    worker.restart()
            return Verdict(status="crashed", detail="the sandbox's worker died with it")
        finally:
            self._idle.put(worker)


class _Worker:
    """The parent's end of one worker process."""

    def __init__(self, limits: Limits, folder: str) -> None:
        self._settings = {"limits": _plain(limits), "folder": folder}
        self.found: dict[str, bool] = {}
        self._start()

    def _start(self) -> None:
        script = Path(__file__).with_name("worker.py")
        # not -I: it would ignore the one variable that makes the order of sets repeatable
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-S", "-P", "-B", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "PATH": os.defpath},
            start_new_session=True,
        )
        self._send(self._settings)

    def greet(self) -> None:
        """Wait until it is ready. Raises SandboxError when it cannot start."""
        try:
            self.found = self._receive()
        except (OSError, EOFError, ValueError) as error:
            raise SandboxError(
                f"the sandbox's worker does not start with {sys.executable}"
                f" (exit code {self._process.wait()})"
            ) from error

    def restart(self) -> None:
        self.kill()
        self._start()
        self.greet()

    def run(self, program: Program) -> Verdict:
        self._send(asdict(program))
        return Verdict(**self._receive())

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()

    def _send(self, value: Any) -> None:
        body = json.dumps(value).encode()  # ASCII: carries lone surrogates too
        stream = self._stream(self._process.stdin)
        stream.write(struct.pack(">I", len(body)) + body)
        stream.flush()

    def _receive(self) -> dict[str, Any]:
        stream = self._stream(self._process.stdout)
        head = stream.read(4)
        if len(head) < 4:
            raise EOFError
        body = stream.read(struct.unpack(">I", head)[0])
        return dict(json.loads(body))

    @staticmethod
    def _stream(stream: IO[bytes] | None) -> IO[bytes]:
        if stream is None:
            raise EOFError
        return stream


def _plain(limits: Limits) -> dict[str, float]:
    return {
        "seconds": limits.seconds,
        "memory_mb": limits.memory_mb,
        "output_kb": limits.output_kb,
        "files_mb": limits.files_mb,
    }


def _digest(program: Program) -> bytes:
    return hashlib.sha256(json.dumps(asdict(program)).encode()).digest()


def _cpu_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
