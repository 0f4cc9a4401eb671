"""``steadycode runs`` and ``steadycode status``."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import Result

from steadycode.config import Config
from steadycode.files import write_json
from steadycode.operations import doctor, schedule
from steadycode.operations.schedule import Deployment, ScheduledRun
from steadycode.processes import ProcessId
from steadycode.project import Project
from steadycode.registry.attempts import open_attempt_run, open_stage_run
from steadycode.registry.runs import RetrainingRun
from steadycode.registry.store import Store
from tests.builders.evidence import lineage

Steadycode = Callable[..., Result]
NIGHT = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
DEAD = replace(ProcessId.mine(), pid=2**22 + 1)


def lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [line.rstrip() for line in result.stdout.splitlines()]


@pytest.fixture
def attempt(store: Store) -> RetrainingRun:
    """Promoted, after 75 seconds."""
    run = open_attempt_run(store, lineage(), Config(profile="smoke"))
    open_stage_run(run, "train").end("FINISHED")
    run.tags({"decision": "promote"})
    began = store.client.get_run(run.run_id).info.start_time
    store.client.set_terminated(run.run_id, "FINISHED", end_time=began + 75_000)
    return run


def test_runs_are_listed(steadycode: Steadycode, store: Store, attempt: RetrainingRun) -> None:
    began = datetime.fromtimestamp(store.client.get_run(attempt.run_id).info.start_time / 1000, UTC)
    assert lines(steadycode("runs")) == [
        f"{began:%Y-%m-%d %H:%M}  {attempt.run_id[:8]}  retraining abc attempt 1 (smoke): finished"
        " after 1 min 15 s with decision promote",
        "times are UTC; `steadycode runs --run ID` tells all about one",
    ]
    second = open_attempt_run(store, lineage(attempt=2), Config(profile="smoke"))
    (newest, _) = lines(steadycode("runs", "--limit", 1))
    assert f"  {second.run_id[:8]}  " in newest


def test_one_run_is_told_whole(steadycode: Steadycode, attempt: RetrainingRun) -> None:
    shown = lines(steadycode("runs", "--run", attempt.run_id[:10]))
    assert shown[0] == f"retraining abc attempt 1 (smoke) {attempt.run_id} finished"
    assert shown[1].startswith("  train: finished in ")
    assert shown[2:] == ["decision: promote"]


def test_an_unknown_run_is_one_line(steadycode: Steadycode, store: Store) -> None:
    result = steadycode("runs", "--run", "zzz")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: no run with an id that begins with 'zzz'; see `steadycode runs`\n"
    )


def test_a_server_is_asked_for_runs_that_were_lost(
    steadycode: Steadycode, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Project] = []
    monkeypatch.setattr(doctor, "record_lost_runs", lambda project, say: asked.append(project))
    steadycode("runs")
    assert asked == []
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    steadycode("runs", "--run", "x")
    assert asked == []
    steadycode("runs")
    assert len(asked) == 1


def test_status_without_services_and_deployments(
    steadycode: Steadycode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "deployments", list)
    assert lines(steadycode("status")) == [
        "nothing is up (`steadycode up`); asking Prefect's embedded server …",
        "no deployment; `steadycode up` deploys prefect.yaml",
    ]
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    assert lines(steadycode("status")) == ["no deployment; `steadycode up` deploys prefect.yaml"]


def test_status_of_services_and_deployments(
    steadycode: Steadycode, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = ScheduledRun(
        id="a", name="n", deployment="retrain/nightly", due=NIGHT,
        started=NIGHT + timedelta(minutes=1), ended=NIGHT + timedelta(minutes=9),
        state="Completed", reason="", parameters={}, process=None, changed=NIGHT,
        pool="local-process",
    )  # fmt: skip
    found = [
        Deployment(name="refresh/new", schedules=(), last=None, next_due=None),
        Deployment(name="retrain/nightly", schedules=("30 2 * * * UTC",), last=last,
                   next_due=NIGHT + timedelta(days=1)),
    ]  # fmt: skip
    monkeypatch.setattr(schedule, "deployments", lambda: found)
    processes = {"prefect": str(ProcessId.mine()), "worker local-process": str(DEAD)}
    services = {"schema": 1, "root": str(project.root), "prefect_port": 4201, "mlflow_port": 2}
    write_json(project.services, {**services, "processes": processes})
    assert lines(steadycode("status")) == [
        "prefect: running http://127.0.0.1:4201",
        "worker local-process: NOT running: `steadycode up`",
        "refresh/new  not scheduled",
        "    last: never",
        "retrain/nightly  30 2 * * * UTC",
        "    last: due 2026-03-01 02:30, started 2026-03-01 02:31, ended 2026-03-01 02:39:"
        " completed",
        "    next: 2026-03-02 02:30",
        "times are UTC",
    ]
