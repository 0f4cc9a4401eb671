"""How many CPUs this process may use, and how the threads of a computation wait for each other."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SPINS = "1000"
_SECONDS = 0.3
_BUSY = 0.5  # CPUs that others use, at most


def cpus() -> int:
    """How many CPUs this process may keep busy: those that it may run on, and of these as many
    whole ones as the time amounts to that its control groups (as of a container) grant it."""
    return max(int(min([_allowed(), *_quotas(Path("/"))])), 1)


def keep_to_quota() -> None:
    """Give torch no more threads than there is time for. It takes one for each CPU by itself, and
    a quota then stops all of them for most of the time. To be called before torch is imported; what
    the user has set stays."""
    if cpus() < _allowed():
        os.environ.setdefault("OMP_NUM_THREADS", str(cpus()))


def _allowed() -> float:
    if hasattr(os, "sched_getaffinity"):
        return float(len(os.sched_getaffinity(0)))
    return float(os.cpu_count() or 1)


def _quotas(root: Path) -> Iterator[float]:
    """The CPUs that each control group of this process, and each above it, may keep busy."""
    for group in _lines(root / "proc/self/cgroup"):
        _, controllers, path = group.split(":", 2)
        names = controllers.split(",")
        tops = (
            ("", "unified") if not controllers else (controllers, "cpu") if "cpu" in names else ()
        )
        for top in tops:
            mounted = root / "sys/fs/cgroup" / top
            inside = mounted / path.lstrip("/")
            # in a container the path may be that of the host, and its own group lies at the top
            for folder in (inside, *inside.parents):
                if folder.is_relative_to(mounted):
                    yield from _quota(folder)


def _quota(folder: Path) -> Iterator[float]:
    """The quota that a control group's own files tell; nothing where they tell of none."""
    times = [*_lines(folder / "cpu.max")] or [
        " ".join(
            part
            for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            for part in _lines(folder / name)
        )
    ]
    with suppress(ValueError, ZeroDivisionError):  # "max", or nothing
        quota, period = (int(number) for number in times[0].split())
        if quota > 0:
            yield quota / period


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []


def spin_where_idle() -> None:
    """Let torch's threads spin for some microseconds before they sleep, where nobody else uses the
    CPUs. To be called before torch is imported; what the user has set stays.

    A decode step is hundreds of operations of some ten microseconds, and waking a thread takes as
    long as one of them: without spinning, two threads are no faster than one. Where another process
    wants the CPUs it is the other way round, for a thread that has spun waits for its next turn.
    What is computed is the same.
    """
    if sys.platform != "linux" or "torch" in sys.modules:
        return
    if "GOMP_SPINCOUNT" not in os.environ and _busy() <= _BUSY:
        os.environ["GOMP_SPINCOUNT"] = _SPINS


def _busy() -> float:
    """CPUs of this machine that are in use while this process sleeps."""
    import psutil  # the sandbox, which asks for ``cpus`` only, needs nothing but Python

    before = psutil.cpu_times()
    time.sleep(_SECONDS)
    after = psutil.cpu_times()
    idle: float = after.idle - before.idle + after.iowait - before.iowait
    return float(psutil.cpu_count() or 1) - idle / _SECONDS
