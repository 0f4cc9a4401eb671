"""Verdicts as programs end, from a source that may be slow, endless, or break."""

from collections.abc import Iterator
from concurrent.futures import Future
from itertools import count, islice
from threading import Event

import pytest

from steadycode.sandbox import Limits, Program, Sandbox, Verdict
from steadycode.sandbox.stream import in_order, judged

PASSED = Verdict(status="passed")
PATIENCE = 30  # seconds; reached by a fault only


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=5), workers=2) as running:
        yield running


def at_once(program: Program) -> "Future[Verdict]":
    future: Future[Verdict] = Future()
    future.set_result(PASSED)
    return future


def test_a_quick_program_does_not_wait_for_a_slow_one_before_it(sandbox: Sandbox) -> None:
    programs = {"slow": Program("import time\ntime.sleep(0.5)"), "quick": Program("x = 1")}
    assert [key for key, _ in sandbox.judge(programs.items())] == ["quick", "slow"]


def test_a_verdict_does_not_wait_for_the_next_program(sandbox: Sandbox) -> None:
    taken = Event()

    def programs() -> Iterator[tuple[int, Program]]:
        yield 0, Program("x = 1")
        assert taken.wait(PATIENCE), "the verdict waited"
        yield 1, Program("x = 2")

    verdicts = sandbox.judge(programs())
    assert next(verdicts)[0] == 0
    taken.set()
    assert [key for key, _ in verdicts] == [1]


def test_every_key_comes_back_and_equal_programs_run_once(sandbox: Sandbox) -> None:
    programs = [(number, Program(f"raise ValueError({number % 3})")) for number in range(30)]
    found = dict(sandbox.judge(programs))
    assert sorted(found) == list(range(30))
    assert all(found[n] is found[n % 3] for n in found)
    assert [found[n].detail for n in range(3)] == [f"ValueError: {n}" for n in range(3)]


def test_an_endless_source_is_read_a_bounded_way_and_let_go() -> None:
    submitted = 0
    let_go = Event()

    def endless() -> Iterator[tuple[int, Program]]:
        try:
            for number in count():
                yield number, Program(f"x = {number}")
        finally:
            let_go.set()

    def submit(program: Program) -> "Future[Verdict]":
        nonlocal submitted
        submitted += 1
        return at_once(program)

    verdicts = judged(endless(), submit, ahead=4)
    for taken in range(1, 100):
        next(verdicts)
        assert submitted <= taken + 4
    verdicts.close()
    assert let_go.wait(PATIENCE)
    assert submitted <= 99 + 4


def test_no_programs_no_verdicts(sandbox: Sandbox) -> None:
    assert list(sandbox.judge([])) == []


def test_a_source_that_breaks_says_so_to_who_takes_the_verdicts(sandbox: Sandbox) -> None:
    def broken() -> Iterator[tuple[int, Program]]:
        yield 0, Program("x = 1")
        raise KeyError("no more")

    with pytest.raises(KeyError, match="no more"):
        list(sandbox.judge(broken()))


def test_order_is_restored_as_early_as_it_can_be() -> None:
    verdicts = [Verdict(status="passed", detail=str(number)) for number in range(4)]
    read: list[int] = []

    def shuffled() -> Iterator[tuple[int, Verdict]]:
        for number in (1, 0, 3, 2):
            read.append(number)
            yield number, verdicts[number]

    ordered = in_order(shuffled())
    assert list(islice(ordered, 2)) == verdicts[:2]
    assert read == [1, 0]
    assert list(ordered) == verdicts[2:]
