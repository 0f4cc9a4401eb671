"""Turns a stream of programs into a stream of verdicts, whatever it is that runs a program."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import asdict
from functools import partial
from queue import SimpleQueue
from threading import Event, Semaphore, Thread

from steadycode.errors import SandboxError
from steadycode.sandbox.contract import Key, Program, Verdict


def judged(
    programs: Iterable[tuple[Key, Program]],
    submit: Callable[[Program], "Future[Verdict]"],
    ahead: int,
) -> Iterator[tuple[Key, Verdict]]:
    """Yield each key with the verdict on its program, in the order in which programs end.

    ``submit`` starts a program; equal ones are submitted once. ``programs`` is read by a thread of
    its own, so that no verdict waits for the next program; at most ``ahead`` programs are submitted
    whose verdicts were not taken. An error raised by ``programs`` or ``submit`` is raised here.
    """
    ended: SimpleQueue[tuple[Key, Future[Verdict]] | None] = SimpleQueue()
    room = Semaphore(ahead)
    abandoned = Event()
    count: Future[int] = Future()

    def tell(key: Key, future: "Future[Verdict]") -> None:
        ended.put((key, future))

    def read_all() -> None:
        submitted: dict[bytes, Future[Verdict]] = {}
        read = 0
        try:
            for key, program in programs:
                read += 1
                room.acquire()
                if abandoned.is_set():
                    return
                digest = _digest(program)
                if digest not in submitted:
                    submitted[digest] = submit(program)
                submitted[digest].add_done_callback(partial(tell, key))
            count.set_result(read)
        except BaseException as error:
            count.set_exception(error)
        ended.put(None)

    try:
        Thread(target=read_all, name="programs", daemon=True).start()
    except RuntimeError as error:
        raise SandboxError(f"programs are read by a thread of their own: {error}") from error
    taken = 0
    try:
        while not count.done() or taken < count.result():
            item = ended.get()
            if item is not None:
                taken += 1
                room.release()
                key, future = item
                yield key, future.result()
    finally:  # also when whoever takes the verdicts stops early
        abandoned.set()
        room.release()


def in_order(verdicts: Iterable[tuple[int, Verdict]]) -> Iterator[Verdict]:
    """Yield the verdicts on programs 0, 1, 2, ... in that order, in whichever they come."""
    early: dict[int, Verdict] = {}
    due = 0
    for number, verdict in verdicts:
        early[number] = verdict
        while due in early:
            yield early.pop(due)
            due += 1


def _digest(program: Program) -> bytes:
    return hashlib.sha256(json.dumps(asdict(program)).encode()).digest()
