"""Programs handed to a judge while others are still being written."""

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
    """A function that hands ``judge`` a program and never waits: whoever drives a model calls it.

    ``take`` is called with every verdict as it comes, in a thread of its own. Leaving the block
    waits for the verdicts that are missing; leaving it by an error does not. An error raised
    by ``judge`` or ``take`` is raised by the function, or at the end of the block.
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
    finally:  # nobody takes anything any more; after an error nobody waits either
        given_up.set()
        written.put(None)
        thread.shutdown(wait=False)
