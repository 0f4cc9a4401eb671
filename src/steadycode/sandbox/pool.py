"""The sandbox, which deals programs out to a few light worker processes."""

import contextlib
import json
import os
import queue
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from steadycode.errors import SandboxError
from steadycode.sandbox.contract import Key, Limits, Program, Verdict
from steadycode.sandbox.prepare import job
from steadycode.sandbox.scratch import empty
from steadycode.sandbox.stream import in_order, judged
from steadycode.sandbox.syscalls import build_filters
from steadycode.threads import cpus

_TRIES = 3  # how often a program is tried whose worker dies
_DETAIL = 200  # characters of a verdict's detail
_TEXTS = {"detail", "expected", "actual"}  # what a program may have a say in
_AHEAD = 64  # programs that may wait for each worker
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "PATH": os.defpath,
    "LD_BIND_NOW": "1",  # symbols are bound once, and not again in every fork
    "MALLOC_ARENA_MAX": "1",  # or each thread of a program reserves 64 MiB of its limit
}


class Sandbox:
    """Runs untrusted Python programs and says what each did.

    A program runs in a process of its own, its test in another one (``worker.py``). The kernel
    lets both read the Python runtime, and read and write one scratch folder, empty at first. They
    have no network, can make no processes, send no signals to others, and have no privileges
    even as root; their CPU time, memory, output and files are bounded (``isolation.py``,
    ``syscalls.py``). Only the standard library can be imported.

    A program passes when its ``check`` returned. The checker sees plain data and what the program
    claims to be its own objects, which are never equal to data; the program sees neither the test
    nor the pipe that the verdict takes. So a program can only answer, and passes by right answers.
    What the test takes from the program by name, a helper beside the entry point, is the
    program's word.

    Verdicts are repeatable: there is one hash seed, and ``random`` is seeded with 0. CPU
    time is judged. Wall time is judged only when a program waits instead of computing, and does not
    include the time for which it waited for a processor.
    """

    def __init__(
        self, limits: Limits | None = None, workers: int | None = None, *, unsafe: bool = False
    ) -> None:
        """``workers`` defaults to the number of CPUs that this process may keep busy. ``unsafe``
        runs programs even if the machine cannot confine them. Raises SandboxError for limits of 0.
        """
        self.limits = limits or Limits()
        self.size = workers if workers is not None else cpus()
        """How many programs run at a time."""
        if self.size < 1:
            raise SandboxError(f"workers={workers}: at least one is needed")
        if min(self.limits.seconds, self.limits.memory_mb, self.limits.output_kb) <= 0:
            raise SandboxError(f"limits must be positive: {self.limits}")
        if not hasattr(os, "fork"):
            raise SandboxError("programs can only be run on Linux or macOS (fork is missing)")
        self._unsafe = unsafe
        self.missing: dict[str, str] = {}
        """What this machine cannot enforce, and why; it is known inside the ``with`` block."""
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        self._folder: str | None = None
        self._threads: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        try:
            self._folder = tempfile.mkdtemp(prefix="steadycode-sandbox-")
            os.chmod(self._folder, 0o700)  # whatever the umask
        except OSError as error:
            raise SandboxError(f"programs need a temporary folder (TMPDIR): {error}") from error
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="sandbox")
        try:
            # workers are started here, since each dies with the thread that started it
            processors = _processors()
            if len(processors) != self.size:  # other processes may want the same ones
                processors = [None] * self.size
            settings = {
                "limits": asdict(self.limits),
                "folder": self._folder,
                "unsafe": self._unsafe,
            }
            for processor in processors[: self.size]:
                self._workers.append(_Worker({**settings, "processor": processor}))
            for worker in self._workers:
                self.missing = worker.greet()
                self._idle.put(worker)
            if self.missing and not self._unsafe:
                raise SandboxError(_refusal(self.missing))
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
        folder, self._folder = self._folder, None  # nothing is started anew
        for worker in self._workers:
            worker.kill()
        if self._threads:
            self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.kill()  # one that a thread started anew meanwhile
        self._workers, self._threads = [], None
        if folder:
            # a worker that sees its pipe close removes the folder too, lest nobody else is left
            with contextlib.suppress(FileNotFoundError):
                empty(folder)
                os.rmdir(folder)

    def run(self, program: Program) -> Verdict:
        """Run one program and wait for its verdict."""
        return self._submit(program).result()

    def judge(self, programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        """Yield verdicts as programs end, as ``contract.Judge`` describes."""
        return judged(programs, self._submit, _AHEAD * self.size)

    def run_all(self, programs: Iterable[Program]) -> Iterator[Verdict]:
        """Yield verdicts in the order of ``programs``, which are read and run as in ``judge``."""
        return in_order(self.judge(enumerate(programs)))

    def _submit(self, program: Program) -> "Future[Verdict]":
        if self._threads is None:
            raise SandboxError("the sandbox is closed; use it in a with block")
        try:
            return self._threads.submit(self._deal, program)
        except RuntimeError as error:
            raise SandboxError(_scarcity(str(error))) from error

    def _deal(self, program: Program) -> Verdict:
        worker = self._idle.get()
        fault: SandboxError | None = None
        try:
            for _ in range(_TRIES):  # a worker that died is started anew
                if self._folder is None:
                    break
                if fault:  # perhaps another program has taken all there is
                    time.sleep(self.limits.seconds)
                try:
                    return worker.run(program)
                except SandboxError as error:
                    fault = error
                except (OSError, EOFError, ValueError):
                    pass
                try:
                    worker.restart()
                except SandboxError as error:
                    fault = error
        finally:
            self._idle.put(worker)
        if fault and self._folder is not None:  # it is the machine's, and no verdict
            raise fault
        return Verdict(status="crashed", detail="the sandbox's worker died with it")


class _Worker:
    """The parent's end of one worker process."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._start()

    def _start(self) -> None:
        script = Path(__file__).with_name("worker.py")
        try:
            self._process = self._open(script)
        except OSError as error:
            raise SandboxError(_scarcity(f"{sys.executable}: {error.strerror}")) from error
        with contextlib.suppress(OSError):  # it has ended already, as its greeting will tell
            self._send(_json(self._settings), *_filters())

    @staticmethod
    def _open(script: Path) -> "subprocess.Popen[bytes]":
        # not -I: it would ignore the one variable that makes the order of sets repeatable
        return subprocess.Popen(
            [sys.executable, "-s", "-S", "-P", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            start_new_session=True,
        )

    def greet(self) -> dict[str, str]:
        """Wait until the worker is ready; return what cannot be enforced. Raises SandboxError."""
        try:
            return self._receive()
        except (OSError, EOFError, ValueError) as error:
            why = str(error) or f"exit code {self._process.wait()}"
            raise SandboxError(
                f"the sandbox's worker does not start with {sys.executable} ({why})"
            ) from error

    def restart(self) -> None:
        self.kill()
        self._start()
        self.greet()

    def run(self, program: Program) -> Verdict:
        code = program.code.encode("utf-8", "surrogatepass")
        self._send(code, job(program.test, program.entry_point) if program.test else b"")
        return Verdict(**self._receive())

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        folder = os.path.join(self._settings["folder"], str(self._process.pid))
        with contextlib.suppress(OSError):  # it has mostly done so itself
            empty(folder)
            os.rmdir(folder)
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()

    def _send(self, *blocks: bytes) -> None:
        stream = self._stream(self._process.stdin)
        stream.write(struct.pack(f">{len(blocks)}I", *map(len, blocks)) + b"".join(blocks))
        stream.flush()

    def _receive(self) -> dict[str, Any]:
        """A verdict: the checker's fields, the worker's over them, and the last line of a crash."""
        stream = self._stream(self._process.stdout)
        head = stream.read(12)
        if len(head) < 12:
            raise EOFError
        said, measured, printed = (stream.read(size) for size in struct.unpack(">III", head))
        fields = {**(json.loads(said or b"null") or {}), **json.loads(measured or b"{}")}
        if "scarce" in fields:
            raise SandboxError(_scarcity(fields["scarce"]))
        if "unable" in fields:
            raise OSError(fields["unable"])
        if last := printed.decode("utf-8", "replace").strip().rpartition("\n")[2]:
            fields["detail"] = f"{fields['detail']}: {last}"[:_DETAIL]
        for name in _TEXTS & fields.keys():  # must not act on a terminal, and must encode
            fields[name] = "".join(c if c.isprintable() else "\ufffd" for c in fields[name])
        return fields

    @staticmethod
    def _stream(stream: IO[bytes] | None) -> IO[bytes]:
        if stream is None:
            raise EOFError
        return stream


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()  # ASCII: carries lone surrogates too


def _filters() -> tuple[bytes, bytes]:
    """The seccomp filters, empty without libseccomp; the worker then says that it is missing."""
    try:
        return build_filters()
    except (ImportError, OSError, RuntimeError):
        return b"", b""


def advice(missing: Mapping[str, str]) -> str:
    """What to do where the machine lacks what ``Sandbox.missing`` names."""
    if missing and all(what.startswith("limit of") for what in missing):
        return "Raise the hard limit, or lower evaluate.limits"
    return (
        "Run the evaluation in a Linux container (docs/sandbox.md), or accept that generated code"
        " runs with your rights: evaluate.sandbox=unsafe"
    )


def _refusal(missing: Mapping[str, str]) -> str:
    faults = ", ".join(f"{what} ({why})" for what, why in missing.items())
    return f"this machine cannot confine untrusted programs: {faults}. {advice(missing)}"


def _scarcity(why: str) -> str:
    return (
        f"the sandbox can start no more processes or threads here ({why}); it needs four for each"
        " processor: raise ulimit -u, ulimit -n or the container's pids.max"
    )


def _processors() -> list[int | None]:
    """The processors that this process may use; None stands for one that cannot be named."""
    if hasattr(os, "sched_getaffinity"):
        return [*sorted(os.sched_getaffinity(0))]
    return [None] * cpus()
