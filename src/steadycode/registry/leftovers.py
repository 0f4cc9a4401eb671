"""Writes the end of runs that could not do so themselves: those whose process was killed, and
scheduled ones that never began."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from steadycode.processes import ProcessId
from steadycode.registry.store import Store
from steadycode.registry.tags import (
    ATTEMPT,
    DEPLOYMENT,
    FAILED_STAGE,
    FLOW_RUN,
    MISSED,
    OURS,
    PROCESS,
    REASON,
    RETRAINING,
    STAGE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run that MLflow takes for running, though its process may be gone."""

    run_id: str
    name: str
    parent: str
    """The id of the attempt's run when this is the run of one of its stages, else empty."""
    retraining: str
    attempt: int
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRun:
    """A scheduled run that left no run in MLflow: it failed before it opened one, or was missed.

    Times are milliseconds since the epoch.
    """

    flow_run: str
    deployment: str
    due_ms: int
    ended_ms: int
    how: str
    """``missed``, or how Prefect calls its end."""
    reason: str
    log: str


def dead_runs(store: Store) -> Iterator[OpenRun]:
    """Our runs that are marked running although their process, which ran here, has ended."""
    return (run for run, owner in _open_runs(store) if owner.lives is False)


def unjudged_runs(store: Store) -> Iterator[tuple[OpenRun, ProcessId]]:
    """Our runs that are marked running by a process that can't be seen from here, and that one."""
    return ((run, owner) for run, owner in _open_runs(store) if owner.lives is None)


def _open_runs(store: Store) -> Iterator[tuple[OpenRun, ProcessId]]:
    for run in store.runs(f"attributes.status = 'RUNNING' AND {OURS}"):
        tags = run.data.tags
        owner = ProcessId.parse(tags[PROCESS])
        if owner is not None:
            yield (
                OpenRun(
                    run_id=run.info.run_id,
                    name=run.info.run_name,
                    parent=tags.get("mlflow.parentRunId", ""),
                    retraining=tags.get(RETRAINING, ""),
                    attempt=int(tags.get(ATTEMPT, "0")),
                    stage=tags.get(STAGE, ""),
                ),
                owner,
            )


def close(store: Store, run: OpenRun, reason: str, log: Path) -> None:
    """Mark ``run`` as killed, which its process could not do, and keep ``log`` with it if that
    file exists."""
    store.client.set_tag(run.run_id, REASON, reason)
    if run.parent:
        store.client.set_tag(run.parent, FAILED_STAGE, run.stage)
    if log.is_file():
        store.client.log_artifact(run.run_id, str(log))
    store.client.set_terminated(run.run_id, "KILLED")


def known_flow_runs(store: Store, *, missed: bool) -> set[str]:
    """Prefect's ids of the flow runs that have an MLflow run, be it a deleted one.

    A record that a run was missed counts only with ``missed``: it tells nothing of how a run ended
    that was only late.
    """
    from mlflow.entities import ViewType

    query = f"tags.`{FLOW_RUN}` LIKE '%'"
    return {
        flow_run
        for run in store.runs(query, run_view_type=ViewType.ALL, max_results=1000)
        if missed or MISSED not in run.data.tags
        for flow_run in run.data.tags[FLOW_RUN].split(",")
    }


def record_lost(store: Store, lost: LostRun) -> None:
    """Give a lost run an MLflow run of its own, unless it has one, so that it is listed too.

    The record that it was missed, if there is one, is forgotten when it began after all.
    """
    missed = lost.how == "missed"
    tags = {
        FLOW_RUN: lost.flow_run,
        DEPLOYMENT: lost.deployment,
        REASON: lost.reason[:5000],
        PROCESS: str(ProcessId.mine()),
        **({MISSED: "true"} if missed else {}),
    }
    with store.writing():
        if lost.flow_run in known_flow_runs(store, missed=missed):
            return
        if not missed:
            forget_missed(store, lost.flow_run)
        run = store.client.create_run(
            store.experiment_id,
            start_time=lost.due_ms,
            tags=tags,
            run_name=f"{lost.deployment} {lost.how}",
        )
        if lost.log:
            store.client.log_text(run.info.run_id, lost.log, "flow.log")
        end = max(lost.ended_ms, lost.due_ms)
        store.client.set_terminated(run.info.run_id, "FAILED", end_time=end)


def forget_missed(store: Store, flow_run: str) -> None:
    """Delete the record that ``flow_run`` was missed: it was only late, has begun now, and will
    have a run of its own."""
    query = f"tags.`{FLOW_RUN}` = '{flow_run}' AND tags.`{MISSED}` = 'true'"
    for run in list(store.runs(query)):
        store.client.delete_run(run.info.run_id)
