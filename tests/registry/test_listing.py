"""What `steadycode runs` reads in a store that holds more than our runs."""

import sqlite3
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from steadycode.config import Config
from steadycode.errors import ConfigError, DataError
from steadycode.project import Project
from steadycode.registry import listing
from steadycode.registry.attempts import open_attempt_run, open_evaluation_run, open_stage_run
from steadycode.registry.listing import find_run, last_lines, recent_runs, run_details, stages_of
from steadycode.registry.runs import RetrainingRun
from steadycode.registry.store import Store, open_store
from steadycode.registry.tags import DEPLOYMENT, FAILED_STAGE, MISSED, OURS, PROCESS, STAGE
from tests.builders.evidence import lineage

CONFIG = Config(profile="smoke")


@pytest.fixture
def attempt(store: Store) -> RetrainingRun:
    """Of a retraining whose training was cut short, begun again, and failed."""
    run = open_attempt_run(store, lineage(), CONFIG)
    open_stage_run(run, "validate").end("FINISHED")
    open_stage_run(run, "train")
    train = open_stage_run(run, "train")
    train.text("stage.log", "".join(f"step {number}\n" for number in range(40)))
    train.end("FAILED")
    run.tags({FAILED_STAGE: "train"})
    with pytest.raises(DataError), run.ended():
        raise DataError("row 3")
    return run


def test_a_row_says_how_it_ended(store: Store, attempt: RetrainingRun) -> None:
    store.client.set_tag(attempt.run_id, DEPLOYMENT, "retrain/nightly")
    (row,) = recent_runs(store, 9)
    info = store.client.get_run(attempt.run_id).info
    assert row == listing.RunRow(
        run_id=attempt.run_id,
        name="retraining abc attempt 1",
        profile="smoke",
        deployment="retrain/nightly",
        started=datetime.fromtimestamp(info.start_time / 1000, UTC),
        ended=datetime.fromtimestamp(info.end_time / 1000, UTC),
        status="failed",
        decision="",
        failed_stage="train",
        reason="row 3",
        stage="",
    )
    assert row.seconds == pytest.approx((info.end_time - info.start_time) / 1000)


def test_the_newest_of_ours_are_listed_and_neither_stages_nor_the_base(
    store: Store, attempt: RetrainingRun, project: Project
) -> None:
    evaluation = open_evaluation_run(store, lineage("e", 1), CONFIG, "tiny-random")
    base = open_evaluation_run(store, lineage("base", 1), CONFIG, "tiny-random")
    store.client.set_tag(base.run_id, STAGE, "base model")
    store.client.create_run(store.experiment_id, run_name="theirs")
    elsewhere = open_store(project, "another experiment")
    other = open_attempt_run(elsewhere, lineage("x"), CONFIG)
    for started, run in enumerate((attempt, evaluation, base, other), start=1):
        began(store, run, 1000 * started)
    names = ["retraining x attempt 1", "evaluate tiny-random", "retraining abc attempt 1"]
    assert [row.name for row in recent_runs(store, 9)] == names
    assert [row.name for row in recent_runs(store, 2)] == names[:2]
    assert recent_runs(store, 9)[0].seconds is None  # it goes on


def began(store: Store, run: RetrainingRun, milliseconds: int) -> None:
    """Runs that begin in the same millisecond have no order."""
    with sqlite3.connect(store.folder / "mlflow.db") as connection:
        connection.execute(
            "UPDATE runs SET start_time = ? WHERE run_uuid = ?", (milliseconds, run.run_id)
        )


def test_a_run_that_never_began_is_missed(store: Store) -> None:
    tags = {PROCESS: "p", MISSED: "true"}
    store.client.create_run(store.experiment_id, run_name="retrain", tags=tags)
    assert [row.status for row in recent_runs(store, 9)] == ["missed"]


def test_a_run_is_found_by_the_beginning_of_its_id(store: Store, attempt: RetrainingRun) -> None:
    assert find_run(store, attempt.run_id[:12]).run_id == attempt.run_id
    stage = stages_of(store, attempt.run_id)[0]
    assert find_run(store, stage.run_id).stage == "validate"


@pytest.mark.parametrize("start", ["", "zzz"])
def test_an_id_that_nothing_has_is_told(store: Store, attempt: RetrainingRun, start: str) -> None:
    with pytest.raises(ConfigError) as fault:
        find_run(store, start)
    assert str(fault.value) == (
        f"no run with an id that begins with {start!r}; see `steadycode runs`"
    )


def test_an_id_that_two_have_is_told(
    store: Store, attempt: RetrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = list(store.runs(OURS))
    alike = [SimpleNamespace(info=run.info, data=run.data) for run in (runs[0], runs[0])]
    monkeypatch.setattr(type(store), "runs", lambda self, *given, **more: iter(alike))
    start = runs[0].info.run_id[:4]
    with pytest.raises(ConfigError) as fault:
        find_run(store, start)
    assert str(fault.value) == f"2 runs have an id that begins with {start}; give more of it"


def test_the_stages_that_stand_come_in_their_order(store: Store, attempt: RetrainingRun) -> None:
    stages = stages_of(store, attempt.run_id)
    assert [(one.stage, one.status) for one in stages] == [
        ("validate", "finished"),
        ("train", "failed"),
    ]


def test_the_failing_stages_log_is_shown(store: Store, attempt: RetrainingRun) -> None:
    attempt.text("fault.txt", "of the attempt itself")
    details = run_details(store, attempt.run_id)
    assert details.run.failed_stage == "train"
    assert [one.stage for one in details.stages] == ["validate", "train"]
    assert details.log_name == "stage.log"
    assert details.log == tuple(f"step {number}" for number in range(10, 40))


def test_without_a_failing_stage_the_runs_own_log_is_shown(store: Store) -> None:
    run = open_attempt_run(store, lineage(), CONFIG)
    open_stage_run(run, "validate").end("FINISHED")
    assert run_details(store, run.run_id).log == ()
    run.text("flow.log", "line 1\nline 2\n")
    assert run_details(store, run.run_id).log_name == "flow.log"
    run.text("fault.txt", "Traceback\n")
    assert last_lines(store, run.run_id, 5) == ("fault.txt", ["Traceback"])
    assert last_lines(store, stages_of(store, run.run_id)[0].run_id, 5) == ("", [])
