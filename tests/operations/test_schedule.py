"""When a flow run is taken for dead, and what counts as missed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from steadycode.operations.abandoned import Seen
from steadycode.operations.schedule import ScheduledRun, pages
from steadycode.places import Place
from steadycode.processes import ProcessId

NOW = datetime.now(UTC)
MINE = ProcessId.mine()
DEAD = replace(MINE, pid=2**22 + 1)
ELSEWHERE = replace(MINE, place=Place("another boot", MINE.place.namespace, ""))


def run(**given: object) -> ScheduledRun:
    values: dict[str, object] = {
        "id": "a", "name": "n", "deployment": "retrain/nightly", "due": NOW, "started": None,
        "ended": None, "state": "Running", "reason": "", "parameters": {}, "process": None,
        "changed": NOW, "pool": "local-process",
    }  # fmt: skip
    return ScheduledRun(**{**values, **given})  # type: ignore[arg-type]


def seen(own: bool = True, flow_runs: tuple[str, ...] = (), **commands: datetime) -> Seen:
    return Seen(flow_runs=frozenset(flow_runs), commands=tuple(commands.values()), own_server=own)


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(("process", "held"), [(MINE, True), (DEAD, False), (ELSEWHERE, True)])
def test_a_claimed_run_lives_with_its_process(own: bool, process: ProcessId, held: bool) -> None:
    assert seen(own).holds(run(process=process)) == held


def test_a_run_that_is_tried_again_is_not_judged_by_its_last_process() -> None:
    again = run(process=DEAD, state="Pending")
    assert not seen().holds(again)  # then the worker decides
    assert seen(flow_runs=("a",)).holds(again)
    assert seen(flow_runs=("a",)).holds(run(process=DEAD))


def test_what_nobody_has_claimed_on_a_shared_server_is_somebody_elses() -> None:
    assert seen(own=False).holds(run())
    assert not seen(own=True).holds(run())


def test_a_command_holds_the_run_that_it_is_about_to_claim() -> None:
    by_hand = run(deployment="", pool="")
    assert seen(before=NOW - timedelta(seconds=9)).holds(by_hand)
    assert not seen(after=NOW + timedelta(seconds=9)).holds(by_hand)
    assert not seen(before=NOW - timedelta(seconds=9)).holds(run())


@pytest.mark.parametrize(
    ("state", "minutes", "missed"),
    [
        ("Late", 20, True),
        ("Scheduled", 20, True),
        ("Scheduled", 1, False),
        ("Cancelled", 1, True),
        ("AwaitingConcurrencySlot", 20, False),
        ("Crashed", 20, False),
    ],
)
def test_missed_is_what_was_due_and_never_began(state: str, minutes: int, missed: bool) -> None:
    due = datetime.now(UTC) - timedelta(minutes=minutes)
    assert run(state=state, due=due).missed == missed
    assert not run(state=state, due=due, started=NOW).missed


@pytest.mark.parametrize("there", [0, 3, 4, 8, 9])
def test_all_pages_are_read(there: int) -> None:
    asked: list[int] = []

    def read(*, name: str, limit: int, offset: int) -> list[int]:
        assert name == "ours"
        asked.append(offset)
        return list(range(there))[offset : offset + limit]

    assert list(pages(read, 4, name="ours")) == list(range(there))
    assert asked == list(range(0, there + 1, 4))
