"""A light process that runs programs, each in a fork of its own. Started by ``pool.py``.

It speaks length-prefixed JSON on its standard input and output: limits and a folder first, then
one program at a time. It imports the standard library only, so that a fork is cheap and shows
a program nothing of the evaluator.
"""

import contextlib
import gc
import json
import os
import resource
import selectors
import shutil
import signal
import struct
import sys
import time
from typing import Any

_FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, _FOLDER)  # -P keeps it out; only these two are loaded from it
import child  # type: ignore[import-not-found]  # noqa: E402
import isolation  # type: ignore[import-not-found]  # noqa: E402

sys.path.remove(_FOLDER)

_WARM = (
    "bisect cmath collections copy dataclasses datetime decimal enum fractions functools hashlib "
    "heapq itertools json math operator queue random re statistics string sys textwrap time typing"
)
_TICK = 0.05  # seconds between two looks at the clock and at the process
_VERDICT_LIMIT = 1 << 20

Job = dict[str, Any]


def main() -> None:
    isolation.die_with_parent()
    for name in _WARM.split():
        __import__(name)
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    settings = _receive(requests)
    if settings is None:
        return
    settings["folder"] = os.path.join(settings["folder"], str(os.getpid()))
    os.mkdir(settings["folder"], 0o700)
    rules = isolation.write_rules(settings["folder"])
    gc.collect()
    gc.freeze()  # the forks share these pages
    _send(replies, _probe(rules))
    while (job := _receive(requests)) is not None:
        _send(replies, _run(job, settings, rules))


def _probe(rules: int | None) -> dict[str, bool]:
    """Which filters this kernel takes, found out in a process that ends at once."""
    pid = os.fork()
    if pid == 0:
        os._exit(isolation.restrict_writes(rules) + 2 * isolation.refuse_system_calls())
    taken = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return {"writes": bool(taken & 1), "system_calls": bool(taken & 2)}


def _run(job: Job, settings: Job, rules: int | None) -> Job:
    verdict_read, verdict_write = os.pipe()
    output_read, output_write = os.pipe()
    nonce = os.urandom(16).hex().encode()
    pid = os.fork()
    if pid == 0:
        try:
            child.enter(settings["folder"], settings["limits"], rules, verdict_write, output_write)
            child.execute(job, nonce)
        finally:
            os._exit(1)
    os.close(verdict_write)
    os.close(output_write)
    try:
        return _watch(pid, nonce, verdict_read, output_read, settings["limits"])
    finally:
        os.close(verdict_read)
        os.close(output_read)
        _empty(settings["folder"])


def _empty(folder: str) -> None:
    """Remove what a program left. The folder itself stays: the write rules are bound to it."""
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)


def _watch(pid: int, nonce: bytes, verdict_fd: int, output_fd: int, limits: Job) -> Job:
    """Follow one program to its verdict, its end or its limit; leave none of it running."""
    verdict, output = b"", b""
    deadline = time.monotonic() + 3 * limits["seconds"] + 1
    ended = None
    late = ""
    with selectors.DefaultSelector() as selector:
        selector.register(verdict_fd, selectors.EVENT_READ)
        selector.register(output_fd, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select(_TICK):
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fd)
                elif key.fd == verdict_fd:
                    verdict += chunk
                else:
                    output = (output + chunk)[: limits["output_kb"] * 1024]
            if _message(verdict, nonce) or len(verdict) > _VERDICT_LIMIT:
                break
            if verdict_fd not in selector.get_map() or ended is None:
                ended = _reap(pid, os.WNOHANG)
            if ended:
                verdict += _rest(verdict_fd)
                break
            if _cpu_seconds(pid) > limits["seconds"]:
                break
            if time.monotonic() > deadline:
                late = f"still running after {3 * limits['seconds'] + 1:g} s of wall time"
                break
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    status, usage = ended or _reap(pid, 0) or (0, None)
    reply = _judge(_message(verdict, nonce), status if ended else None, output, late)
    seconds = usage.ru_utime + usage.ru_stime if usage else 0.0
    if seconds > limits["seconds"] or (ended and status == -signal.SIGXCPU):
        reply = {"status": "timeout", "detail": f"more than {limits['seconds']:g} s of CPU time"}
    unit = 1024 if sys.platform != "darwin" else 1024**2
    peak = usage.ru_maxrss / unit if usage else 0.0
    return {**reply, "seconds": round(seconds, 4), "peak_memory": round(peak, 1)}


def _judge(message: Job | None, status: int | None, output: bytes, late: str) -> Job:
    """``status`` is the exit code of a process that ended by itself, negative for a signal."""
    if message:
        return message
    if late:
        return {"status": "timeout", "detail": late}
    if status is None:
        return {"status": "failed", "detail": "wrote where only the sandbox may write"}
    if status < 0:
        last = output.decode("utf-8", "replace").strip().rpartition("\n")[2]
        detail = f"killed by {signal.Signals(-status).name}: {last}".rstrip(": ")
        return {"status": "crashed", "detail": detail[: child.DETAIL]}
    return {"status": "failed", "detail": f"left with exit code {status} before its end"}


def _message(verdict: bytes, nonce: bytes) -> Job | None:
    start = verdict.find(nonce)
    end = verdict.find(b"\n", start)
    if start < 0 or end < 0:
        return None
    line = verdict[start + len(nonce) : end].decode("utf-8", "replace")
    status, _, detail = line.partition(" ")
    return {"status": status, "detail": detail}


def _reap(pid: int, flags: int) -> tuple[int, resource.struct_rusage] | None:
    found, status, usage = os.wait4(pid, flags)
    return (os.waitstatus_to_exitcode(status), usage) if found else None


def _rest(fd: int) -> bytes:
    """What a process that has ended left in the pipe."""
    os.set_blocking(fd, False)
    with contextlib.suppress(BlockingIOError):
        return os.read(fd, _VERDICT_LIMIT)
    return b""


def _cpu_seconds(pid: int) -> float:
    """CPU time of a running process; RLIMIT_CPU alone counts whole seconds only."""
    if sys.platform != "linux":
        return 0.0
    per_process_clock = (~pid << 3) | 2
    try:
        return time.clock_gettime(per_process_clock)
    except OSError:
        return 0.0


def _receive(fd: int) -> Job | None:
    head = _read_exactly(fd, 4)
    if len(head) < 4:
        return None
    body = _read_exactly(fd, struct.unpack(">I", head)[0])
    return dict(json.loads(body))


def _read_exactly(fd: int, size: int) -> bytes:
    chunks = []
    while size and (chunk := os.read(fd, size)):
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def _send(fd: int, value: Any) -> None:
    body = json.dumps(value).encode()
    data = struct.pack(">I", len(body)) + body
    while data:
        data = data[os.write(fd, data) :]


if __name__ == "__main__":
    main()
