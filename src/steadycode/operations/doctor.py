"""What killed runs have left: found, and put right, by ``steadycode doctor`` and by the next run.

A process is taken for dead only when its pid, start time and machine say so; what another machine
runs is left alone.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psutil

from steadycode.config import Config
from steadycode.operations import schedule, services
from steadycode.processes import ProcessId, end, family, flow_commands, project_processes
from steadycode.project import STARTED_BY, Project
from steadycode.registry import leftovers
from steadycode.registry.leftovers import LostRun
from steadycode.registry.store import open_store

_SERVERS = "prefect.server.api.server:create_app"
_STAGES = "steadycode.stages."
_GONE = "its process ended without a word: it was killed, or the machine stopped"
_LOCKS = {".lock", ".registry.lock", ".open.lock", ".gitkeep"}


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
    for one in repair(project):
        print(f"repaired: {one.what}")
    return origin


def repair(project: Project) -> list[Finding]:
    """Put right all that can be, and return what that was. Slots are looked at again once the
    runs that held them are marked."""
    repaired: list[Finding] = []
    for _ in range(2):
        found = [one for one in examine(project) if one.repair is not None]
        for one in found:
            assert one.repair is not None
            one.repair()
        repaired += found
        if not found:
            break
    return repaired


def record_lost_runs(project: Project) -> None:
    """Let MLflow know of scheduled runs that failed before they could say so, or never began."""
    for one in _lost(project):
        assert one.repair is not None
        one.repair()


def examine(project: Project) -> list[Finding]:
    """Everything that a killed run, worker or machine has left. Changes nothing."""
    processes = list(project_processes(project.root))
    return [
        *_orphans(project, processes),
        *_dead_services(project),
        *(_prefect(project, processes) if _prefect_is_used(project) else ()),
        *_runs(project),
        *_temporary(project, processes),
    ]


def _orphans(project: Project, processes: list[psutil.Process]) -> Iterator[Finding]:
    """Embedded servers and stages whose starter is dead; those of ``up`` are not ours to end."""
    recorded = services.recorded(project)
    names = recorded.processes if recorded else ()
    kept = {
        member.pid
        for name in names
        if recorded and (found := recorded.alive(name))
        for member in family(found)
    }
    for process in processes:
        try:
            command = " ".join(process.cmdline())
            starter = ProcessId.parse(process.environ().get(STARTED_BY, ""))
        except (psutil.Error, OSError):
            continue
        kind = "Prefect server" if _SERVERS in command else "stage" if _STAGES in command else ""
        if kind and process.pid not in kept and starter and starter.process() is None:
            yield Finding(
                what=f"{kind} of a run that is gone (process {process.pid})",
                remedy="end it",
                repair=partial(end, family(process)),
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
    dead = schedule.dead_runs(_is_alive(processes))
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
                repair=partial(schedule.free_slots, [limit]),
            )
    yield from _lost(project)


def _lost(project: Project) -> Iterator[Finding]:
    known = leftovers.known_flow_runs(open_store(project))
    for lost, log in schedule.unhappy_runs():
        if lost.id not in known:
            yield Finding(
                what=f"{lost.deployment} due {lost.due:%Y-%m-%d %H:%M} UTC "
                + (
                    "was missed"
                    if lost.missed
                    else f"{lost.state.lower()} and has no run in MLflow"
                ),
                remedy="record it in MLflow",
                repair=partial(_record, project, lost, log),
            )


def _is_alive(processes: list[psutil.Process]) -> schedule.IsAlive:
    flow_runs = set()
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            flow_runs.add(process.environ().get("PREFECT__FLOW_RUN_ID", ""))
    commands = flow_commands(processes)
    return schedule.IsAlive(flow_runs, [ProcessId.of(one).began for one in commands])


def _record(project: Project, run: schedule.ScheduledRun, log: str) -> None:
    config = run.parameters.get("config") or {}
    profile = Config(**config) if isinstance(config, dict) else Config()
    lost = LostRun(
        flow_run=run.id,
        deployment=run.deployment,
        due_ms=_milliseconds(run.due),
        ended_ms=_milliseconds(run.ended or datetime.now(UTC)),
        how="missed" if run.missed else run.state.lower(),
        reason=_why_missed(run) if run.missed else run.reason or run.state,
        log=log,
    )
    leftovers.record_lost(open_store(project, profile.experiment), lost)


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
            repair=partial(leftovers.close, store, run.run_id, _GONE),
        )


def _temporary(project: Project, processes: list[psutil.Process]) -> Iterator[Finding]:
    """Half-written files older than every process that could still be writing them."""
    starts = [ProcessId.mine().started, *(process.create_time() for process in processes)]
    for path in _half_written(project):
        try:
            old = path.lstat().st_mtime < min(starts)
        except OSError:
            continue
        if old:
            yield Finding(
                what=f"half-written {path.relative_to(project.root)}",
                remedy="remove it",
                repair=partial(_remove, path),
            )


def _half_written(project: Project) -> Iterator[Path]:
    """By their names: ``files.replacing`` and all other writers put a dot in front."""
    yield from (path for path in project.work.rglob(".*") if path.name not in _LOCKS)
    for folder in (project.models, project.mlruns, project.mlruns / "fetched"):
        yield from (path for path in folder.glob(".*") if path.name not in _LOCKS)
    yield from project.configs.glob(".*")
    yield from project.root.glob(".data.new*")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
