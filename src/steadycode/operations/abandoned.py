"""What a kill has left in Prefect: runs that nothing runs any more, and slots that no run holds."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from steadycode.operations.schedule import (
    ScheduledRun,
    names_of,
    our_deployments,
    prefect_client,
    runs,
)

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

_STUCK = timedelta(minutes=10)
_UNDER_WAY = ("RUNNING", "PENDING", "CANCELLING")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The processes seen on this machine, by which flow runs are judged alive or dead."""

    flow_runs: frozenset[str]
    """Ids of the flow runs for which Prefect has started a process that still lives."""
    commands: tuple[datetime, ...]
    """The times at which the commands that run a flow now, by hand, were started."""
    own_server: bool
    """Whether the server is the project's own. On any other server, a run that nobody has claimed
    may belong to any machine."""

    def holds(self, run: ScheduledRun) -> bool:
        """Whether a process runs ``run``, or may do so: only a run that is surely dead is not held.

        A run without a deployment was started by hand, before it came into its present state; so
        any command that is old enough may be the one that runs it.
        """
        if run.id in self.flow_runs:
            return True
        if run.process is not None and run.state == "Running":
            return run.process.lives is not False
        if not self.own_server:
            return True
        return not run.deployment and any(began <= run.changed for began in self.commands)


def dead_runs(seen: Seen) -> list[ScheduledRun]:
    """The runs that Prefect takes for running although no process runs them any more."""
    with prefect_client() as client:
        unfinished = runs(client, names_of(client), states=_UNDER_WAY)
        online: dict[str, bool] = {}
        return [
            run for run in unfinished if not seen.holds(run) and _abandoned(client, run, online)
        ]


def crash(dead: list[ScheduledRun], reason: str) -> None:
    """Mark ``dead`` runs as crashed, which their processes could not do; this frees their slots."""
    from prefect.client.schemas.objects import State, StateType

    with prefect_client() as client:
        for run in dead:
            state: State[None] = State(type=StateType.CRASHED, message=reason)
            client.set_flow_run_state(UUID(run.id), state, force=True)


def held_slots() -> dict[str, int]:
    """Concurrency limit -> runs under way, for each limit of our deployments that has more slots
    taken than that: a killed run has left its slot taken, and keeps others from starting."""
    with prefect_client() as client:
        limits = {
            row.id: limit
            for row in our_deployments(client)
            if (limit := row.global_concurrency_limit) is not None and limit.active_slots
        }
        names = names_of(client)
        running = [run.deployment for run in runs(client, names, states=_UNDER_WAY)]
        return {
            limit.name: running.count(names[deployment])
            for deployment, limit in limits.items()
            if limit.active_slots > running.count(names[deployment])
        }


def free_slots(name: str) -> None:
    """Free the slots of the concurrency limit ``name`` that no run holds."""
    from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate

    running = held_slots().get(name)
    if running is not None:
        with prefect_client() as client:
            update = GlobalConcurrencyLimitUpdate(active_slots=running)
            client.update_global_concurrency_limit(name, update)


def _abandoned(client: "SyncPrefectClient", run: ScheduledRun, online: dict[str, bool]) -> bool:
    """Whether a run that no process holds may be given up.

    A run that a worker has just taken has no process yet, and one that was started by hand may be
    about to claim its flow run, on a machine or in a container that can't be seen from here. So a
    run that nobody has claimed is left alone for ten minutes, unless it has a pool without a worker
    that is online. ``online`` remembers the pools that were asked about.
    """
    from prefect.client.schemas.objects import WorkerStatus

    claimed = run.process is not None and run.state == "Running"
    if claimed or datetime.now(UTC) - run.changed > _STUCK:
        return True
    if not run.pool:
        return False
    if run.pool not in online:
        workers = client.read_workers_for_work_pool(run.pool)
        online[run.pool] = any(worker.status == WorkerStatus.ONLINE for worker in workers)
    return not online[run.pool]
