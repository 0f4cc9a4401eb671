"""Finds and mends what killed runs have left, for ``steadycode doctor`` and before every run.

A process is taken for dead only when its pid, start time and machine say so: a pid alone is given
to other processes later. What may be the work of another machine or container is left alone
(``unseen``).
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from steadycode.addresses import redacted
from steadycode.jobs.job import LOG
from steadycode.operations import abandoned, schedule, services
from steadycode.operations.cancelling import watch_for_cancellation
from steadycode.operations.interrupted import interrupted
from steadycode.operations.logs import rotate
from steadycode.operations.unseen import kind_of, left_alone
from steadycode.processes import (
    STARTED_BY,
    ProcessId,
    end,
    environment_of,
    family,
    flow_commands,
    project_processes,
)
from steadycode.project import Project
from steadycode.registry import leftovers
from steadycode.registry.guard import Guard
from steadycode.registry.leftovers import LostRun, OpenRun
from steadycode.registry.store import open_store
from steadycode.registry.tags import FLOW_RUN
from steadycode.retraining.submission import Submission

Say = Callable[[str], None]

_GONE = "its process ended without a word: it was killed, or the machine stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    what: str
    remedy: str
    repair: Callable[[], None] | None
    """None when only a person can mend it."""


def begin_flow(project: Project) -> dict[str, str]:
    """Claim the flow run for this process, see to it that it can be cancelled, and mend what
    earlier runs have left. Every flow calls this first.

    Returns the tags that lead from an MLflow run to the flow run.
    """
    project.prepare_environment()
    origin = schedule.claim_flow_run()
    watch_for_cancellation(origin[FLOW_RUN])
    leftovers.forget_missed(open_store(project), origin[FLOW_RUN])
    repair(project, print)
    for line in (*left_alone(project), *rotate(project)):
        print(line)
    return origin


def repair(project: Project, say: Say) -> list[Finding]:
    """Mend all that can be mended without a person, and return what that was.

    It looks twice: a slot is seen to be free only once the dead run that held it is marked.
    """
    repaired = _carry_out(examine(project), say)
    return repaired + _carry_out(examine(project), say) if repaired else []


def record_lost_runs(project: Project, say: Say) -> None:
    """Record in MLflow the scheduled runs that failed before they had an MLflow run, or never
    began."""
    _carry_out(list(_lost(project)), say)


def _carry_out(findings: list[Finding], say: Say) -> list[Finding]:
    """Carry out the repairs and return the findings that were repaired.

    A repair that fails is told, and does not stop the others.
    """
    repaired = []
    for finding in findings:
        if finding.repair is None:
            continue
        try:
            finding.repair()
        except Exception as fault:  # Prefect, MLflow and the disk each raise errors of their own
            why = redacted(" ".join(str(fault).split()))
            say(f"could not {finding.remedy}: {finding.what} ({why})")
        else:
            repaired.append(finding)
            say(f"repaired: {finding.what}")
    return repaired


def examine(project: Project) -> list[Finding]:
    """Find everything that a killed run, worker or machine has left. Changes nothing."""
    processes = list(project_processes(project.root))
    return [
        *_orphans(project, processes),
        *_dead_services(project),
        *_without_record(project),
        *(_prefect(project, processes) if _prefect_is_used(project) else ()),
        *_runs(project),
        *_interrupted(project),
    ]


def _orphans(project: Project, processes: list[psutil.Process]) -> Iterator[Finding]:
    """Embedded Prefect servers and stages that have outlived the process that started them.

    What ``steadycode up`` runs is kept, since it is meant to outlive that command.
    """
    kept = {member.pid for process in services.running(project) for member in family(process)}
    for process in processes:
        starter = ProcessId.parse(environment_of(process).get(STARTED_BY, ""))
        kind = kind_of(process)
        if kind and process.pid not in kept and starter and starter.lives is False:
            yield Finding(
                what=f"{kind} of a run that is gone (process {process.pid})",
                remedy="end it",
                repair=partial(end, family(process)),
            )


def _without_record(project: Project) -> Iterator[Finding]:
    if services.recorded(project) is None and (left := services.survivors(project)):
        yield Finding(
            what=f"services of `steadycode up` whose record is lost or damaged (process "
            f"{', '.join(str(process.pid) for process in left)})",
            remedy="`steadycode down` stops them",
            repair=None,
        )


def _dead_services(project: Project) -> Iterator[Finding]:
    recorded = services.recorded(project)
    for name in recorded.processes if recorded else ():
        if recorded and recorded.processes[name].lives is False:
            yield Finding(
                what=f"the {name} of `steadycode up` is not running "
                f"(log: {project.service_log(name)})",
                remedy="`steadycode up` starts it again",
                repair=None,
            )


def _prefect_is_used(project: Project) -> bool:
    home = Path(os.environ.get("PREFECT_HOME", project.prefect))
    return "PREFECT_API_URL" in os.environ or (home / "prefect.db").exists()


def _prefect(project: Project, processes: list[psutil.Process]) -> Iterator[Finding]:
    dead = abandoned.dead_runs(_seen(project, processes))
    for run in dead:
        yield Finding(
            what=f"flow run {run.name!r} ({run.deployment or 'by hand'}, {run.state.lower()} since "
            f"{run.changed:%Y-%m-%d %H:%M} UTC) that nothing runs",
            remedy="mark it as crashed",
            repair=partial(abandoned.crash, [run], _GONE),
        )
    if not dead:
        for limit in abandoned.held_slots():
            yield Finding(
                what=f"a slot of {limit} that no run holds",
                remedy="free it",
                repair=partial(abandoned.free_slots, limit),
            )
    yield from _lost(project)


def _seen(project: Project, processes: list[psutil.Process]) -> abandoned.Seen:
    flow_runs = {environment_of(process).get("PREFECT__FLOW_RUN_ID", "") for process in processes}
    commands = [
        datetime.fromtimestamp(command.create_time(), UTC)
        for command in flow_commands(processes)
        if command.is_running()
    ]
    return abandoned.Seen(
        flow_runs=frozenset(flow_runs),
        commands=tuple(commands),
        own_server=services.is_own_server(project),
    )


def _lost(project: Project) -> Iterator[Finding]:
    store = open_store(project)
    known = {missed: leftovers.known_flow_runs(store, missed=missed) for missed in (False, True)}
    for run in schedule.unhappy_runs():
        if run.id not in known[run.missed]:
            how = "was missed" if run.missed else f"{run.state.lower()} and has no run in MLflow"
            yield Finding(
                what=f"{run.deployment} due {run.due:%Y-%m-%d %H:%M} UTC {how}",
                remedy="record it in MLflow",
                repair=partial(_record, project, run),
            )


def _record(project: Project, run: schedule.ScheduledRun) -> None:
    experiment = _experiment(run.parameters.get("config"))
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
    """The experiment of what was submitted. The usual one when that is not valid, which is then
    why the run failed."""
    try:
        return Submission.model_validate(config or {}).resolved().experiment
    except Exception:  # no such profile, an unknown key, a value out of bounds
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
    """Where the log of a training lies; for any other run, a path at which there is no file.

    Evaluations are shared by attempts, so that their log may be of another attempt by now.
    """
    return project.attempt(run.retraining, run.attempt) / (run.stage or "none") / LOG


def _interrupted(project: Project) -> Iterator[Finding]:
    for left in interrupted(project):
        name = project.shown(left.path)
        if left.goes_back:
            what, remedy = f"{left.place.name}, moved away and not replaced: {name}", "put it back"
        else:
            what, remedy = f"half-written {name}", "remove it"
        yield Finding(what=what, remedy=remedy, repair=partial(_put_right, project, left.path))


def _put_right(project: Project, path: Path) -> None:
    Guard(open_store(project)).remove([path])
