"""One process at a time: lock files, which a kill frees.

Who comes to do the same work waits, and finds it done: a stage, data/, a base model, a download,
and every writer of the registry. Who comes to do other work in the same place is refused: a second
run of an attempt, a second refresh, ``up`` beside ``down``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from steadycode.errors import SteadycodeError


def lock_of(folder: Path) -> Path:
    """The lock of those who work in ``folder``."""
    return folder / ".lock"


@contextmanager
def locked(
    lock: Path,
    busy: SteadycodeError | None = None,
    wait: float = 0.0,
    *,
    again: bool = False,
) -> Iterator[None]:
    """Hold the lock file ``lock``, which is made where it is missing.

    Raises ``busy`` when it can't be had within ``wait`` seconds; without ``busy`` it waits as long
    as that takes. With ``again`` the thread that holds it may take it once more.
    """
    with holding(lock, None if busy is None else wait, again=again) as held:
        if not held and busy is not None:
            raise busy
        yield


@contextmanager
def holding(lock: Path, wait: float | None = 0.0, *, again: bool = False) -> Iterator[bool]:
    """Yields whether ``lock`` could be had within ``wait`` seconds (None: however long that takes);
    it is held for the block then."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    file = FileLock(lock, is_singleton=again)
    try:
        file.acquire(timeout=-1 if wait is None else wait)
        held = True
    except Timeout:
        held = False
    try:
        yield held
    finally:
        if held:
            file.release()


def is_held(lock: Path) -> bool:
    """Whether somebody holds ``lock``; a lock file that is not there is not made by asking."""
    if not lock.exists():
        return False
    with holding(lock) as free:
        return not free
