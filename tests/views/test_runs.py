"""Runs and deployments as lines, word by word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from steadycode.registry.listing import RunDetails, RunRow
from steadycode.views.runs import Timing, deployment_lines, run_lines, runs_lines
from tests.builders.evidence import HOSTILE
from tests.builders.terminal import printed

NIGHT = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
RUN = RunRow(
    run_id="0123456789abcdef",
    name="retraining abc attempt 1",
    profile="quick",
    deployment="",
    started=NIGHT,
    ended=NIGHT + timedelta(seconds=75),
    status="finished",
    decision="promote",
    failed_stage="",
    reason="",
    stage="",
)
TIMING = Timing(due=NIGHT, started=None, ended=None, state="missed", reason="")


def test_a_run_is_a_line_and_a_bad_end_one_more() -> None:
    failed = replace(RUN, status="failed", decision="", failed_stage="train",
                     reason="train ended with signal SIGKILL\nmore of it")  # fmt: skip
    running = replace(RUN, profile="", status="running", ended=None, decision="")
    assert printed(*runs_lines([RUN, failed, running])) == [
        "2026-03-01 02:30  01234567  retraining abc attempt 1 (quick): finished after 1 min 15 s"
        " with decision promote",
        "2026-03-01 02:30  01234567  retraining abc attempt 1 (quick): failed in train after 1 min"
        " 15 s",
        "    train ended with signal SIGKILL",
        "2026-03-01 02:30  01234567  retraining abc attempt 1: running",
        "times are UTC; `steadycode runs --run ID` tells all about one",
    ]


def test_without_runs_the_way_to_the_first_is_told() -> None:
    assert printed(*runs_lines([])) == ["no runs yet; `steadycode retrain` makes the first"]


@pytest.mark.parametrize(("length", "shown"), [(160, "x" * 160), (161, "x" * 159 + "…")])
def test_a_long_reason_is_cut(length: int, shown: str) -> None:
    lines = list(runs_lines([replace(RUN, reason="x" * length)]))
    assert lines[1].plain == f"    {shown}"


def test_all_about_a_run_that_failed() -> None:
    run = replace(RUN, status="failed", deployment="retrain/nightly", decision="reject",
                  failed_stage="train", reason="row 3\nand row 4")  # fmt: skip
    stage = replace(RUN, stage="validate", ended=NIGHT + timedelta(seconds=3))
    train = replace(RUN, stage="train", status="failed", ended=None)
    details = RunDetails(run, (stage, train), "stage.log", ("step 3", HOSTILE))
    assert printed(*run_lines(details)) == [
        "retraining abc attempt 1 (quick) 0123456789abcdef failed",
        "deployment retrain/nightly",
        "  validate: finished in 3 s",
        "  train: failed",
        "decision: reject",
        "reason: row 3",
        "and row 4",
        "",
        "the end of stage.log:",
        "step 3",
        HOSTILE,
    ]


def test_a_run_that_went_well_has_no_log() -> None:
    details = RunDetails(replace(RUN, decision=""), ())
    assert printed(*run_lines(details)) == [
        "retraining abc attempt 1 (quick) 0123456789abcdef finished"
    ]


def test_a_deployment_tells_its_schedule_its_last_run_and_the_next() -> None:
    ended = replace(
        TIMING,
        started=NIGHT + timedelta(minutes=1),
        ended=NIGHT + timedelta(minutes=9),
        state="failed",
        reason="no profile 'nope'\nmore",
    )
    lines = deployment_lines(
        "retrain/nightly", ("30 2 * * * UTC", "every 1:00:00"), ended, NIGHT + timedelta(days=1)
    )
    assert printed(*lines) == [
        "retrain/nightly  30 2 * * * UTC; every 1:00:00",
        "    last: due 2026-03-01 02:30, started 2026-03-01 02:31, ended 2026-03-01 02:39: failed"
        " no profile 'nope'",
        "    next: 2026-03-02 02:30",
    ]


@pytest.mark.parametrize(
    ("last", "told"), [(None, "never"), (TIMING, "due 2026-03-01 02:30: missed")]
)
def test_a_deployment_without_schedule_or_run(last: Timing | None, told: str) -> None:
    assert printed(*deployment_lines("refresh/new", (), last, None)) == [
        "refresh/new  not scheduled",
        f"    last: {told}",
    ]
