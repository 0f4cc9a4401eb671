"""Asks Prefect for deployments and their runs.

Beside flows/, only this module, ``abandoned`` and ``deploying`` import prefect. Every call goes to
the server that PREFECT_API_URL names, else to Prefect's embedded one, which is started for the
call. Others may use the server too. So only deployments of our flows are looked at, and on a server
that is not the project's own a run is judged only after one of our processes has claimed it.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from steadycode.errors import ConfigError
from steadycode.processes import FLOWS, ProcessId
from steadycode.registry.tags import DEPLOYMENT, FLOW_RUN, PROCESS
from steadycode.views.runs import Timing

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import DeploymentResponse

LATE = timedelta(minutes=5)
"""A run that was due this long ago and has not started is missed."""
WAITING = ("Scheduled", "Late")
_LOOK_BACK = timedelta(days=14)
_BAD_ENDS = ("FAILED", "CRASHED", "CANCELLED")
_PAGE = 200
ENTRYPOINTS = tuple(f"flows/{name}.py:{name}" for name in FLOWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledRun:
    """A run of one of our flows, as Prefect knows it. All times are aware, in UTC."""

    id: str
    name: str
    deployment: str
    """FLOW/NAME; empty when no deployment of ours made the run."""
    due: datetime
    started: datetime | None
    ended: datetime | None
    state: str
    """Prefect's name: Completed, Failed, Crashed, Late, …"""
    reason: str
    parameters: Mapping[str, Any]
    process: ProcessId | None
    """The process that claimed the run, if one has. After a retry it is that of the earlier try
    until the run is Running again, so trust it in that state only."""
    changed: datetime
    """When the run came into ``state``."""
    pool: str

    @property
    def missed(self) -> bool:
        """Whether the run was due and never began: no worker took it in time, or it was cancelled
        because another run had not ended."""
        overdue = self.state in WAITING and datetime.now(UTC) - self.due > LATE
        return self.started is None and (overdue or self.state == "Cancelled")

    @property
    def timing(self) -> Timing:
        """When the run was due, began and ended, and how, as the views show it."""
        return Timing(
            due=self.due,
            started=self.started,
            ended=self.ended,
            state="missed" if self.missed else self.state.lower(),
            reason=self.reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    name: str
    """FLOW/NAME"""
    schedules: tuple[str, ...]
    """The active schedules, as cron lines or intervals."""
    last: ScheduledRun | None
    next_due: datetime | None


@contextmanager
def prefect_client() -> Iterator["SyncPrefectClient"]:
    """A client of the Prefect server. Raises ConfigError when no server answers."""
    import httpx
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            yield client
    except httpx.TransportError as error:
        address = os.environ.get("PREFECT_API_URL", "its address")
        raise ConfigError(
            f"no Prefect server answers at {address} ({error}); start it, or unset PREFECT_API_URL"
        ) from error


def claim_flow_run() -> dict[str, str]:
    """Write on the present flow run that this process runs it.

    Returns the MLflow tags that name the flow run and its deployment.
    """
    from prefect.runtime import flow_run

    mine = UUID(str(flow_run.id))
    with prefect_client() as client:
        client.update_flow_run_labels(mine, {PROCESS: str(ProcessId.mine())})
        deployment = client.read_flow_run(mine).deployment_id
        name = names_of(client).get(deployment, "") if deployment else ""
    return {FLOW_RUN: str(mine), **({DEPLOYMENT: name} if name else {})}


def deployments() -> list[Deployment]:
    """Every deployment of our flows with its last and next run, sorted by name."""
    now = datetime.now(UTC)
    with prefect_client() as client:
        names = names_of(client)
        rows = []
        for row in our_deployments(client):
            past = runs(client, names, deployment_id=row.id, until=now, limit=1)
            later = runs(client, names, deployment_id=row.id, since=now)
            active = tuple(_spoken(timed.schedule) for timed in row.schedules if timed.active)
            rows.append(
                Deployment(
                    name=names[row.id],
                    schedules=() if row.paused else active,
                    last=past[0] if past else None,
                    next_due=min((r.due for r in later if r.state in WAITING), default=None),
                )
            )
    return sorted(rows, key=lambda deployment: deployment.name)


def unhappy_runs() -> list[ScheduledRun]:
    """The runs of our deployments that failed, were cut short or never began in the last two
    weeks."""
    now = datetime.now(UTC)
    since = now - _LOOK_BACK
    with prefect_client() as client:
        names = names_of(client)
        ended = runs(client, names, states=_BAD_ENDS, since=since, until=now)
        due = runs(client, names, states=("SCHEDULED",), since=since, until=now - LATE)
        missed = [run for run in due if run.missed]
        return [run for run in [*ended, *missed] if run.deployment]


def log_of(run: ScheduledRun) -> str:
    """The last lines that Prefect has logged of ``run``, at most 200."""
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
    from prefect.client.schemas.sorting import LogSort

    with prefect_client() as client:
        of_run = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(run.id)]))
        rows = client.read_logs(of_run, limit=_PAGE, sort=LogSort.TIMESTAMP_DESC)
    lines = [f"{row.timestamp:%Y-%m-%d %H:%M:%S} {row.message}\n" for row in reversed(rows)]
    return "".join(lines)


def pages(read: Callable[..., list[Any]], page: int = _PAGE, **which: Any) -> Iterator[Any]:
    """All that one of Prefect's reads finds, which it gives by the page."""
    for offset in count(step=page):
        rows = read(**which, limit=page, offset=offset)
        yield from rows
        if len(rows) < page:
            return


def runs(
    client: "SyncPrefectClient",
    names: Mapping[UUID, str],
    *,
    states: tuple[str, ...] = (),
    deployment_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> list[ScheduledRun]:
    """The runs of flows that are named as ours are, sorted by when they were due, newest first."""
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    wanted = filters.FlowRunFilter()
    if states:
        kinds = filters.FlowRunFilterStateType(any_=[StateType(state) for state in states])
        wanted.state = filters.FlowRunFilterState(type=kinds)
    if since or until:
        wanted.expected_start_time = filters.FlowRunFilterExpectedStartTime(
            after_=since, before_=until
        )
    which = None
    if deployment_id:
        which = filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[deployment_id]))
    rows = pages(
        client.read_flow_runs,
        page=limit or _PAGE,
        flow_filter=filters.FlowFilter(name=filters.FlowFilterName(any_=list(FLOWS))),
        flow_run_filter=wanted,
        deployment_filter=which,
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
    )
    return [_run(row, names) for row in islice(rows, limit) if row.state is not None]


def _run(row: "FlowRun", names: Mapping[UUID, str]) -> ScheduledRun:
    state = row.state
    assert state is not None  # _runs leaves out those without a state
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


def our_deployments(client: "SyncPrefectClient") -> list["DeploymentResponse"]:
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    ours = FlowFilter(name=FlowFilterName(any_=list(FLOWS)))
    rows = pages(client.read_deployments, flow_filter=ours)
    return [row for row in rows if row.entrypoint in ENTRYPOINTS]


def names_of(client: "SyncPrefectClient") -> dict[UUID, str]:
    """Id -> FLOW/NAME of each deployment; our flows are named like their functions."""
    return {
        row.id: f"{str(row.entrypoint).rpartition(':')[2]}/{row.name}"
        for row in our_deployments(client)
    }


def _spoken(schedule: Any) -> str:
    if hasattr(schedule, "cron"):
        return f"{schedule.cron} {schedule.timezone or 'UTC'}"
    return f"every {schedule.interval}" if hasattr(schedule, "interval") else str(schedule)
