"""Hands programs to a judge while a model is still writing others."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Event

from steadycode.sandbox.contract import Judge, Key, Program, Verdict


@contextmanager
def judging(
    judge: Judge, take: Callable[[Key, Verdict], None]
) -> Iterator[Callable[[Key, Program], None]]:
    """Yield a function that hands ``judge`` a program and never waits, so that the model that
    writes programs is not held up.

    ``take`` is called with every verdict as it comes, in a thread of its own. At its end the block
    waits for the missing verdicts, but not when it ends by an error. An error raised by ``judge``
    or ``take`` is raised by the function, or at the end of the block.
    """
    written: SimpleQueue[tuple[Key, Program] | None] = SimpleQueue()
    given_up = Event()

    def take_all() -> None:
        for key, verdict in judge(iter(written.get, None)):
            if given_up.is_set():
                return
            take(key, verdict)

    def hand(key: Key, program: Program) -> None:
        if taking.done():
            taking.result()
        written.put((key, program))

    thread = ThreadPoolExecutor(1, thread_name_prefix="verdicts")
    taking = thread.submit(take_all)
    try:
        yield hand
        written.put(None)
        taking.result()
    finally:  # the thread takes no more verdicts; after an error it is not waited for either
        given_up.set()
        written.put(None)
        thread.shutdown(wait=False)
