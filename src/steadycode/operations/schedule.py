"""What Prefect knows: deployments, their runs, and what a kill has left there.

Beside flows/ the only place that imports prefect. Every call goes to the server that
PREFECT_API_URL names, else to Prefect's embedded one, which is started for it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from steadycode.processes import ProcessId
from steadycode.registry.runs import DEPLOYMENT, FLOW_RUN, PROCESS

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

LATE = timedelta(minutes=5)
"""A run that was due this long ago and has not started is missed."""
WAITING = ("Scheduled", "Late")
_STUCK = timedelta(minutes=10)
_LOOK_BACK = timedelta(days=14)
_UNDER_WAY = ("RUNNING", "PENDING", "CANCELLING")
_BAD_ENDS = ("FAILED", "CRASHED", "CANCELLED")
_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
    """A flow run as we tell of it; times are aware, in UTC."""

    id: str
    name: str
    deployment: str
    """FLOW/NAME, empty for a run that no deployment made."""
    due: datetime
    started: datetime | None
    ended: datetime | None
    state: str
    """Prefect's name: Completed, Failed, Crashed, Late, …"""
    reason: str
    parameters: Mapping[str, Any]
    process: ProcessId | None
    changed: datetime
    """When it came into this state."""
    pool: str

    @property
    def missed(self) -> bool:
        """It was due and never began: refused since another one ran, or taken by no worker."""
        overdue = self.state in WAITING and datetime.now(UTC) - self.due > LATE
        return self.started is None and (overdue or self.state == "Cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    name: str
    """FLOW/NAME"""
    schedules: tuple[str, ...]
    """What is active, as cron lines or intervals."""
    pool: str
    last: ScheduledRun | None
    next_due: datetime | None


@contextmanager
def prefect_client() -> Iterator["SyncPrefectClient"]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        yield client


def claim_flow_run() -> dict[str, str]:
    """Write on the flow run under way which process runs it; returns tags that name the run."""
    from prefect.runtime import deployment, flow_run

    with prefect_client() as client:
        client.update_flow_run_labels(UUID(str(flow_run.id)), {PROCESS: str(ProcessId.mine())})
    tags = {FLOW_RUN: str(flow_run.id)}
    if deployment.name:
        tags[DEPLOYMENT] = f"{flow_run.flow_name}/{deployment.name}"
    return tags


def deployments() -> list[Deployment]:
    """Every deployment with its last and next run, by name."""
    with prefect_client() as client:
        names = _names(client)
        found = []
        for row in client.read_deployments(limit=_PAGE):
            past = _runs(client, names, deployment_id=row.id, until=datetime.now(UTC), limit=1)
            later = _runs(client, names, deployment_id=row.id, since=datetime.now(UTC))
            due = [run.due for run in later if run.state in WAITING]
            active = tuple(_spoken(one.schedule) for one in row.schedules if one.active)
            found.append(
                Deployment(
                    name=names[row.id],
                    schedules=() if row.paused else active,
                    pool=row.work_pool_name or "",
                    last=past[0] if past else None,
                    next_due=min(due, default=None),
                )
            )
    return sorted(found, key=lambda one: one.name)


def dead_runs(is_alive: "IsAlive") -> list[ScheduledRun]:
    """Runs that Prefect takes for running and that nothing runs any more."""
    with prefect_client() as client:
        found = _runs(client, _names(client), states=_UNDER_WAY, limit=_PAGE)
        online: dict[str, bool] = {}
        return [
            run
            for run in found
            if not is_alive(run) and (run.process or _abandoned(client, run, online))
        ]


class IsAlive:
    """Whether a process of this machine, or of another one, holds a flow run.

    A run that has not been claimed yet is held by the process that Prefect started for it, or,
    without a deployment, by any command that was there before the run.
    """

    def __init__(self, flow_runs: set[str], commands: list[datetime]) -> None:
        self._flow_runs = flow_runs
        self._commands = commands

    def __call__(self, run: ScheduledRun) -> bool:
        if run.process is not None:
            # what another machine runs cannot be judged from here
            return not run.process.is_here or run.process.process() is not None
        if run.id in self._flow_runs:
            return True
        return not run.deployment and any(began <= run.changed for began in self._commands)


def crash(runs: list[ScheduledRun], reason: str) -> None:
    """Give them the end that their process could not; frees the slots that they hold."""
    from prefect.client.schemas.objects import State, StateType

    with prefect_client() as client:
        for run in runs:
            state: State[None] = State(type=StateType.CRASHED, message=reason)
            client.set_flow_run_state(UUID(run.id), state, force=True)


def held_slots() -> list[str]:
    """Concurrency limits of deployments that count more runs than there are."""
    with prefect_client() as client:
        names = _names(client)
        under_way = _runs(client, names, states=_UNDER_WAY, limit=_PAGE)
        running = [run.deployment for run in under_way]
        return [
            limit.name
            for row in client.read_deployments(limit=_PAGE)
            if (limit := row.global_concurrency_limit) is not None
            and limit.active_slots > running.count(names[row.id])
        ]


def free_slots(limits: list[str]) -> None:
    from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate

    with prefect_client() as client:
        for name in limits:
            client.update_global_concurrency_limit(
                name, GlobalConcurrencyLimitUpdate(active_slots=0)
            )


def unhappy_runs() -> list[tuple[ScheduledRun, str]]:
    """Scheduled and deployed runs that failed, were cut short or never began, with their log."""
    now = datetime.now(UTC)
    with prefect_client() as client:
        names = _names(client)
        ended = _runs(client, names, states=_BAD_ENDS, since=now - _LOOK_BACK, until=now)
        due = _runs(client, names, states=("SCHEDULED",), since=now - _LOOK_BACK, until=now - LATE)
        missed = [run for run in due if run.missed]
        return [(run, _log(client, run)) for run in [*ended, *missed] if run.deployment]


def _runs(
    client: "SyncPrefectClient",
    names: Mapping[UUID, str],
    *,
    states: tuple[str, ...] = (),
    deployment_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = _PAGE,
) -> list[ScheduledRun]:
    """Runs by when they were due, newest first."""
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterExpectedStartTime,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    wanted = FlowRunFilter()
    if states:
        kinds = FlowRunFilterStateType(any_=[StateType(state) for state in states])
        wanted.state = FlowRunFilterState(type=kinds)
    if since or until:
        wanted.expected_start_time = FlowRunFilterExpectedStartTime(after_=since, before_=until)
    which = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id])) if deployment_id else None
    rows = client.read_flow_runs(
        flow_run_filter=wanted,
        deployment_filter=which,
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=limit,
    )
    return [_run(row, names) for row in rows if row.state is not None]


def _run(row: "FlowRun", names: Mapping[UUID, str]) -> ScheduledRun:
    state = row.state
    assert state is not None  # _runs leaves the others out
    message = " ".join((state.message or "").split())
    return ScheduledRun(
        id=str(row.id),
        name=row.name,
        deployment=names.get(row.deployment_id, "") if row.deployment_id else "",
        due=row.expected_start_time or state.timestamp,
        started=row.start_time,
        ended=row.end_time if state.is_final() else None,
        state=state.name or state.type.value.capitalize(),
        reason="" if state.is_completed() else message,
        parameters=row.parameters,
        process=ProcessId.parse(str((row.labels or {}).get(PROCESS, ""))),
        changed=state.timestamp,
        pool=row.work_pool_name or "",
    )


def _names(client: "SyncPrefectClient") -> dict[UUID, str]:
    flows = {flow.id: flow.name for flow in client.read_flows(limit=_PAGE)}
    return {
        row.id: f"{flows.get(row.flow_id, '?')}/{row.name}"
        for row in client.read_deployments(limit=_PAGE)
    }


def _abandoned(client: "SyncPrefectClient", run: ScheduledRun, online: dict[str, bool]) -> bool:
    """Not claimed by its process, and no worker is there that may be about to start it."""
    from prefect.client.schemas.objects import WorkerStatus

    if datetime.now(UTC) - run.changed > _STUCK or not run.pool:
        return True
    if run.pool not in online:
        workers = client.read_workers_for_work_pool(run.pool)
        online[run.pool] = any(worker.status == WorkerStatus.ONLINE for worker in workers)
    return not online[run.pool]


def _log(client: "SyncPrefectClient", run: ScheduledRun) -> str:
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

    rows = client.read_logs(
        LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(run.id)])), limit=_PAGE
    )
    return "".join(f"{row.timestamp:%Y-%m-%d %H:%M:%S} {row.message}\n" for row in rows)


def _spoken(schedule: Any) -> str:
    if hasattr(schedule, "cron"):
        return f"{schedule.cron} {schedule.timezone or 'UTC'}"
    return f"every {schedule.interval}" if hasattr(schedule, "interval") else str(schedule)
