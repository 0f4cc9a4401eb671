"""How the threads of one computation wait for each other."""

import os
import sys
import time

import psutil

_SPINS = "1000"
_SECONDS = 0.3
_BUSY = 0.5  # CPUs that others use, at most


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
    before = psutil.cpu_times()
    time.sleep(_SECONDS)
    after = psutil.cpu_times()
    idle: float = after.idle - before.idle + after.iowait - before.iowait
    return float(psutil.cpu_count() or 1) - idle / _SECONDS
