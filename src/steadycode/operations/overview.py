"""What an engineer looks at first: ``steadycode status``, ``runs`` and ``doctor``."""

import os
from datetime import datetime

from rich.console import Console
from rich.markup import escape

from steadycode.console import spoken
from steadycode.operations import doctor, schedule, services
from steadycode.operations.schedule import ScheduledRun
from steadycode.project import Project
from steadycode.registry import listing
from steadycode.registry.listing import RunRow
from steadycode.registry.store import open_store

_LOG_LINES = 30
_COLOURS = {
    "finished": "green", "completed": "green", "running": "cyan",
    "failed": "red", "crashed": "red", "killed": "red", "missed": "red", "late": "yellow",
}  # fmt: skip


def show_status(project: Project) -> None:
    """Services, and for each deployment its last and next run."""
    console = Console()
    running = services.recorded(project)
    if running is not None:
        for name in running.processes:
            state = "running" if running.alive(name) else "NOT running: `steadycode up`"
            console.print(
                f"{name}: {state} {running.address(name)}", highlight=False, soft_wrap=True
            )
    if running is None and "PREFECT_API_URL" not in os.environ:
        console.print("nothing is up (`steadycode up`); asking Prefect's embedded server …")
    found = schedule.deployments()
    if not found:
        console.print("no deployment; `steadycode up` deploys prefect.yaml")
        return
    for one in found:
        console.print(f"[bold]{one.name}[/bold]  {'; '.join(one.schedules) or 'not scheduled'}")
        console.print(f"    last: {_last(one.last)}", highlight=False, soft_wrap=True)
        if one.next_due:
            console.print(f"    next: {_at(one.next_due)}", highlight=False, soft_wrap=True)
    console.print("times are UTC", style="dim")


def show_runs(project: Project, limit: int) -> None:
    """One line for each run, with the reason of a bad end."""
    console = Console()
    if "PREFECT_API_URL" in os.environ:
        doctor.record_lost_runs(project)
    rows = listing.recent_runs(open_store(project), limit)
    if not rows:
        console.print("no runs yet; `steadycode retrain` makes the first")
        return
    for row in rows:
        where = f" in {row.failed_stage}" if row.failed_stage else ""
        took = f" after {spoken(row.seconds)}" if row.seconds is not None and row.seconds else ""
        console.print(
            f"{_at(row.started)}  {row.run_id[:8]}  {escape(_what(row))}: "
            f"{_coloured(row.status)}{where}{took}"
            + (f", decision [bold]{row.decision}[/bold]" if row.decision else ""),
            highlight=False,
            soft_wrap=True,
        )
        if row.reason:
            console.print(
                f"    {_first_line(row.reason)}", markup=False, highlight=False, soft_wrap=True
            )
    console.print("times are UTC; `steadycode runs --run ID` tells all about one", style="dim")


def show_run(project: Project, start: str) -> None:
    """One run: its stages, the reason of its end, and the end of the failing stage's log."""
    console = Console()
    store = open_store(project)
    run = listing.find_run(store, start)
    console.print(f"[bold]{escape(_what(run))}[/bold]  {run.run_id}  {_coloured(run.status)}")
    if run.deployment:
        console.print(f"deployment {run.deployment}", markup=False)
    stages = listing.stages_of(store, run.run_id)
    for stage in stages:
        took = f"in {spoken(stage.seconds)}" if stage.seconds is not None else ""
        console.print(f"  {stage.stage}: {_coloured(stage.status)} {took}")
    if run.decision:
        console.print(f"decision: {run.decision}", markup=False)
    if run.reason:
        console.print(f"reason: {run.reason}", markup=False, highlight=False, soft_wrap=True)
    failed = [stage.run_id for stage in stages if stage.stage == run.failed_stage]
    for run_id in [*failed, run.run_id]:
        name, lines = listing.last_lines(store, run_id, _LOG_LINES)
        if lines:
            console.print(f"\nthe end of {name}:", style="bold")
            console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
            break


def show_leftovers(project: Project, repair: bool) -> bool:
    """``steadycode doctor``: whether nothing is left to be done."""
    console = Console()
    found = doctor.examine(project)
    repaired = {one.what for one in doctor.repair(project)} if repair else set()
    left = [one for one in found if one.what not in repaired]
    for what in sorted(repaired):
        console.print(f"repaired: {what}", markup=False, highlight=False, soft_wrap=True)
    for one in left:
        console.print(
            f"found: {one.what}; {one.remedy}", markup=False, highlight=False, soft_wrap=True
        )
    if not found:
        console.print("nothing is left of earlier runs")
    elif any(one.repair for one in left):
        console.print("`steadycode doctor --repair` puts that right")
    return not left


def _last(run: ScheduledRun | None) -> str:
    if run is None:
        return "never"
    state = "missed" if run.missed else run.state.lower()
    times = f"due {_at(run.due)}"
    times += f", started {_at(run.started)}" if run.started else ""
    times += f", ended {_at(run.ended)}" if run.ended else ""
    return f"{times}: {_coloured(state)} {escape(_first_line(run.reason))}".rstrip()


def _what(row: RunRow) -> str:
    return f"{row.name} ({row.profile})" if row.profile else row.name


def _coloured(state: str) -> str:
    colour = _COLOURS.get(state)
    return f"[{colour}]{state}[/{colour}]" if colour else state


def _at(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M}" if when else "-"


def _first_line(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first if len(first) <= 160 else f"{first[:159]}…"
