"""Runs whose end nobody could write: of killed processes, and of those that never began."""

from dataclasses import dataclass

from steadycode.processes import ProcessId
from steadycode.registry.runs import DEPLOYMENT, FLOW_RUN, MISSED, PROCESS, REASON
from steadycode.registry.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run that MLflow takes for running, though its process is gone."""

    run_id: str
    name: str


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


def dead_runs(store: Store) -> list[OpenRun]:
    """Ours that are marked running and whose process of this machine has ended."""
    experiments = [one.experiment_id for one in store.client.search_experiments()]
    found = []
    for run in store.client.search_runs(experiments, "attributes.status = 'RUNNING'"):
        tags = run.data.tags
        owner = ProcessId.parse(tags.get(PROCESS, ""))
        if owner is not None and owner.is_here and owner.process() is None:
            found.append(OpenRun(run_id=run.info.run_id, name=run.info.run_name))
    return found


def close(store: Store, run_id: str, reason: str) -> None:
    store.client.set_tag(run_id, REASON, reason)
    store.client.set_terminated(run_id, "KILLED")


def known_flow_runs(store: Store) -> set[str]:
    """Prefect's ids of the flow runs that have a run in any experiment."""
    experiments = [one.experiment_id for one in store.client.search_experiments()]
    found = set()
    token = None
    while True:
        page = store.client.search_runs(
            experiments, f"tags.`{FLOW_RUN}` LIKE '%'", max_results=1000, page_token=token
        )
        found |= {one for run in page for one in run.data.tags[FLOW_RUN].split(",")}
        token = page.token
        if not token:
            return found


def record_lost(store: Store, lost: LostRun) -> str:
    """Give it a run of its own, so that it stands among the others; returns the run's id."""
    tags = {
        FLOW_RUN: lost.flow_run,
        DEPLOYMENT: lost.deployment,
        REASON: lost.reason[:5000],
        **({MISSED: "true"} if lost.how == "missed" else {}),
    }
    name = f"{lost.deployment} {lost.how}"
    run = store.client.create_run(
        store.experiment_id, start_time=lost.due_ms, tags=tags, run_name=name
    )
    if lost.log:
        store.client.log_text(run.info.run_id, lost.log, "flow.log")
    store.client.set_terminated(run.info.run_id, "FAILED", end_time=max(lost.ended_ms, lost.due_ms))
    return str(run.info.run_id)
