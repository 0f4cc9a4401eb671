"""What killed runs have left: found, and put right, by ``steadycode doctor`` and by the next run.

A process is taken for dead only when its pid, start and machine say so; what another machine runs
is left alone.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from steadycode.config import Config
from steadycode.files import remove
from steadycode.jobs.parent import LOG
from steadycode.operations import schedule, services
from steadycode.operations.interrupted import interrupted
from steadycode.processes import (
    ProcessId,
    command_line,
    end,
    environment_of,
    family,
    flow_commands,
    project_processes,
)
from steadycode.project import STARTED_BY, Project
from steadycode.registry import leftovers
from steadycode.registry.leftovers import LostRun, OpenRun
from steadycode.registry.store import open_store
from steadycode.registry.tags import FLOW_RUN
from steadycode.temporaries import temporary

Say = Callable[[str], None]

_SERVERS = "prefect.server.api.server:create_app"
_STAGES = "steadycode.stages."
_GONE = "its process ended without a word: it was killed, or the machine stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    what: str
    remedy: str
    repair: Callable[[], None] | None
    """None: only a person can."""


def begin_flow(project: Project) -> dict[str, str]:
    """The first thing that a flow does: say which process runs it, and put right what earlier
    ones have left. Returns the tags that lead from an MLflow run to the flow run."""
    project.prepare_environment()
    origin = schedule.claim_flow_run()
    leftovers.forget_missed(open_store(project), origin[FLOW_RUN])
    repair(project, print)
    return origin


def repair(project: Project, say: Say) -> list[Finding]:
    """Put right all that can be, and return what that was. Slots are looked at again once the
    runs that held them are marked."""
    repaired = _carry_out(examine(project), say)
    return repaired + _carry_out(examine(project), say) if repaired else []


def record_lost_runs(project: Project, say: Say) -> None:
    """Let MLflow know of scheduled runs that failed before they could say so, or never began."""
    _carry_out(list(_lost(project)), say)


def _carry_out(findings: list[Finding], say: Say) -> list[Finding]:
    """Those that could be repaired. A repair that fails is told, and does not keep the others."""
    repaired = []
    for one in findings:
        if one.repair is None:
            continue
        try:
            one.repair()
        except Exception as fault:  # of Prefect, MLflow or the disk: each has its own
            say(f"could not {one.remedy}: {one.what} ({' '.join(str(fault).split())})")
        else:
            repaired.append(one)
            say(f"repaired: {one.what}")
    return repaired


def examine(project: Project) -> list[Finding]:
    """Everything that a killed run, worker or machine has left. Changes nothing."""
    processes = list(project_processes(project.root))
    return [
        *_orphans(project, processes),
        *_dead_services(project),
        *_without_record(project),
        *(_prefect(project, processes) if _prefect_is_used(project) else ()),
        *_runs(project),
        *_interrupted(project, processes),
    ]


def _orphans(project: Project, processes: list[psutil.Process]) -> Iterator[Finding]:
    """Embedded servers and stages whose starter is dead; those of ``up`` are not ours to end."""
    kept = {one.pid for process in services.running(project) for one in family(process)}
    for process in processes:
        command = " ".join(command_line(process))
        starter = ProcessId.parse(environment_of(process).get(STARTED_BY, ""))
        kind = "Prefect server" if _SERVERS in command else "stage" if _STAGES in command else ""
        if kind and process.pid not in kept and starter and starter.process() is None:
            yield Finding(
                what=f"{kind} of a run that is gone (process {process.pid})",
                remedy="end it",
                repair=partial(end, family(process)),
            )


def _without_record(project: Project) -> Iterator[Finding]:
    if services.recorded(project) is None and (left := services.survivors(project)):
        yield Finding(
            what=f"services of `steadycode up` whose record is lost or damaged (process "
            f"{', '.join(str(one.pid) for one in left)})",
            remedy="`steadycode down` stops them",
            repair=None,
        )


def _dead_services(project: Project) -> Iterator[Finding]:
    recorded = services.recorded(project)
    for name in recorded.processes if recorded else ():
        if recorded and recorded.alive(name) is None:
            yield Finding(
                what=f"the {name} of `steadycode up` is not running "
                f"(log: {services.log_of(project, name)})",
                remedy="`steadycode up` starts it again",
                repair=None,
            )


def _prefect_is_used(project: Project) -> bool:
    home = Path(os.environ.get("PREFECT_HOME", project.root / ".prefect"))
    return "PREFECT_API_URL" in os.environ or (home / "prefect.db").exists()


def _prefect(project: Project, processes: list[psutil.Process]) -> Iterator[Finding]:
    dead = schedule.dead_runs(_seen(project, processes))
    for run in dead:
        yield Finding(
            what=f"flow run {run.name!r} ({run.deployment or 'by hand'}, {run.state.lower()} since "
            f"{run.changed:%Y-%m-%d %H:%M} UTC) that nothing runs",
            remedy="mark it as crashed",
            repair=partial(schedule.crash, [run], _GONE),
        )
    if not dead:
        for limit in schedule.held_slots():
            yield Finding(
                what=f"a slot of {limit} that no run holds",
                remedy="free it",
                repair=partial(schedule.free_slots, limit),
            )
    yield from _lost(project)


def _seen(project: Project, processes: list[psutil.Process]) -> schedule.Seen:
    flow_runs = {environment_of(one).get("PREFECT__FLOW_RUN_ID", "") for one in processes}
    commands = [
        datetime.fromtimestamp(one.create_time(), UTC)
        for one in flow_commands(processes)
        if one.is_running()
    ]
    return schedule.Seen(
        flow_runs=frozenset(flow_runs),
        commands=tuple(commands),
        own_server=services.is_own_server(project),
    )


def _lost(project: Project) -> Iterator[Finding]:
    known = leftovers.known_flow_runs(open_store(project))
    for run in schedule.unhappy_runs():
        if run.id not in known:
            how = "was missed" if run.missed else f"{run.state.lower()} and has no run in MLflow"
            yield Finding(
                what=f"{run.deployment} due {run.due:%Y-%m-%d %H:%M} UTC {how}",
                remedy="record it in MLflow",
                repair=partial(_record, project, run),
            )


def _record(project: Project, run: schedule.ScheduledRun) -> None:
    config = run.parameters.get("config")
    named = config.get("experiment") if isinstance(config, dict) else None
    experiment = named if isinstance(named, str) and named else _experiment(config)
    lost = LostRun(
        flow_run=run.id,
        deployment=run.deployment,
        due_ms=_milliseconds(run.due),
        ended_ms=_milliseconds(run.ended or datetime.now(UTC)),
        how="missed" if run.missed else run.state.lower(),
        reason=_why_missed(run) if run.missed else run.reason or run.state,
        log=schedule.log_of(run),
    )
    leftovers.record_lost(open_store(project, experiment), lost)


def _experiment(config: object) -> str:
    """Of the run's profile; the usual one when the run was given nonsense, which is why it
    failed."""
    try:
        return Config.model_validate(config or {}).experiment
    except Exception:  # a profile that is not there, a key that is none, a value out of bounds
        return "steadycode"


def _why_missed(run: schedule.ScheduledRun) -> str:
    due = f"due {run.due:%Y-%m-%d %H:%M} UTC, never started"
    if run.state == "Cancelled":
        return f"{due}: {run.reason or 'cancelled'}"
    return f"{due}: no worker of pool {run.pool} took it (`steadycode status` tells what runs)"


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _runs(project: Project) -> Iterator[Finding]:
    store = open_store(project)
    for run in leftovers.dead_runs(store):
        yield Finding(
            what=f"MLflow run {run.name!r} ({run.run_id[:8]}) marked running that nothing writes",
            remedy="mark it as killed",
            repair=partial(leftovers.close, store, run, _GONE, _log_of(project, run)),
        )


def _log_of(project: Project, run: OpenRun) -> Path:
    """Of a training: evaluations are shared, so theirs may be of another attempt by now."""
    attempt = project.work / "retrainings" / run.retraining / f"attempt-{run.attempt:03d}"
    return attempt / (run.stage or "none") / LOG


def _interrupted(project: Project, processes: list[psutil.Process]) -> Iterator[Finding]:
    for path in interrupted(project, processes):
        name = path.relative_to(project.root)
        if (left := temporary(path)) and left.goes_back:
            what, remedy = f"{left.place.name}, moved away and not replaced: {name}", "put it back"
        else:
            what, remedy = f"half-written {name}", "remove it"
        yield Finding(what=what, remedy=remedy, repair=partial(remove, path))
