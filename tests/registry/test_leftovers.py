"""Runs that a kill left open, and scheduled runs that left none."""

from dataclasses import replace

import pytest

from steadycode.config import Config
from steadycode.processes import ProcessId
from steadycode.registry.attempts import open_attempt_run, open_stage_run
from steadycode.registry.leftovers import (
    LostRun,
    OpenRun,
    close,
    dead_runs,
    forget_missed,
    known_flow_runs,
    record_lost,
)
from steadycode.registry.listing import recent_runs, run_details
from steadycode.registry.tags import FAILED_STAGE, FLOW_RUN, PROCESS, REASON
from tests.builders.evidence import lineage

CONFIG = Config(profile="smoke")
LOST = LostRun(
    flow_run="f-1",
    deployment="retrain/nightly",
    due_ms=1_000_000,
    ended_ms=1_075_000,
    how="failed",
    reason="no profile 'nope'",
    log="line 1\nline 2\n",
)


@pytest.fixture
def dead():
    return str(replace(ProcessId.mine(), pid=2**22 + 1))


def test_runs_whose_process_is_gone_are_found_and_closed(store, dead, tmp_path):
    attempt = open_attempt_run(store, lineage(attempt=3), CONFIG)
    train = open_stage_run(attempt, "train")
    assert list(dead_runs(store)) == []  # this process lives
    for run in (attempt, train):
        store.client.set_tag(run.run_id, PROCESS, dead)
    found = {run.run_id: run for run in dead_runs(store)}
    assert found == {
        attempt.run_id: OpenRun(run_id=attempt.run_id, name="retraining abc attempt 3", parent="",
                                retraining="abc", attempt=3, stage=""),
        train.run_id: OpenRun(run_id=train.run_id, name="train", parent=attempt.run_id,
                              retraining="abc", attempt=3, stage="train"),
    }  # fmt: skip

    log = tmp_path / "stage.log"
    log.write_text("step 3\n")
    close(store, found[train.run_id], "it was killed", log)
    close(store, found[attempt.run_id], "it was killed", tmp_path / "none.log")
    assert list(dead_runs(store)) == []
    details = run_details(store, attempt.run_id)
    assert (details.run.status, details.run.failed_stage) == ("killed", "train")
    assert details.run.reason == "it was killed"
    assert (details.log_name, details.log) == ("stage.log", ("step 3",))
    assert FAILED_STAGE not in store.client.get_run(train.run_id).data.tags


def test_a_lost_run_stands_among_the_others_once(store):
    for _ in range(2):
        record_lost(store, LOST)
    (row,) = recent_runs(store, 9)
    assert (row.name, row.status, row.reason) == (
        "retrain/nightly failed",
        "failed",
        "no profile 'nope'",
    )
    assert (row.deployment, row.seconds) == ("retrain/nightly", 75)
    assert run_details(store, row.run_id).log == ("line 1", "line 2")
    record_lost(store, replace(LOST, flow_run="f-2", ended_ms=0, reason="x" * 6000, log=""))
    newest = max(recent_runs(store, 9), key=lambda one: len(one.reason))
    assert (len(newest.reason), newest.seconds) == (5000, 0)


def test_a_flow_run_that_has_a_run_is_not_lost(store):
    run = open_attempt_run(store, lineage(), CONFIG)
    run.came_from({FLOW_RUN: "f-1"})
    run.came_from({FLOW_RUN: "f-2", "other": "x"})
    run.came_from({"other": "y"})
    tags = store.client.get_run(run.run_id).data.tags
    assert (tags[FLOW_RUN], tags["other"]) == ("f-2,f-1", "y")
    assert known_flow_runs(store, missed=False) == {"f-1", "f-2"}
    record_lost(store, LOST)
    assert [row.run_id for row in recent_runs(store, 9)] == [run.run_id]


def test_what_was_only_late_is_forgotten_and_not_recorded_again(store):
    missed = replace(LOST, how="missed")
    record_lost(store, missed)
    assert [row.status for row in recent_runs(store, 9)] == ["missed"]
    forget_missed(store, "f-other")
    assert len(recent_runs(store, 9)) == 1
    forget_missed(store, "f-1")
    assert recent_runs(store, 9) == []
    assert known_flow_runs(store, missed=True) == {"f-1"}
    record_lost(store, missed)  # Prefect has not yet marked it running
    assert recent_runs(store, 9) == []


@pytest.mark.parametrize("forgotten", [True, False], ids=["it began", "it failed to begin"])
def test_a_late_run_that_then_fails_is_listed_as_failed(store, forgotten):
    record_lost(store, replace(LOST, how="missed", reason="no worker"))
    if forgotten:
        forget_missed(store, "f-1")
    assert known_flow_runs(store, missed=False) == set()
    for _ in range(2):
        record_lost(store, LOST)
    (row,) = recent_runs(store, 9)
    assert (row.status, row.reason) == ("failed", "no profile 'nope'")
    record_lost(store, replace(LOST, how="missed"))
    assert recent_runs(store, 9) == [row]


def test_a_failed_run_is_not_forgotten_as_late(store):
    record_lost(store, LOST)
    forget_missed(store, "f-1")
    (row,) = recent_runs(store, 9)
    assert store.client.get_run(row.run_id).data.tags[REASON] == "no profile 'nope'"
