"""What an engineer looks at first: ``steadycode status``, ``runs`` and ``doctor``."""

import os
from collections.abc import Callable
from datetime import datetime
from functools import partial

from rich.console import Console
from rich.text import Text

from steadycode.operations import doctor, schedule, services
from steadycode.operations.schedule import ScheduledRun
from steadycode.project import Project
from steadycode.registry import listing
from steadycode.registry.listing import RunRow
from steadycode.registry.store import open_store
from steadycode.views.console import spoken

_LOG_LINES = 30
_COLOURS = {
    "finished": "green", "completed": "green", "running": "cyan",
    "failed": "red", "crashed": "red", "killed": "red", "missed": "red", "late": "yellow",
}  # fmt: skip


def show_status(project: Project) -> None:
    """Services, and for each deployment its last and next run."""
    say = _printer()
    running = services.recorded(project)
    if running is not None:
        for name in running.processes:
            state = "running" if running.alive(name) else "NOT running: `steadycode up`"
            say(f"{name}: {state} {running.address(name)}")
    if running is None and "PREFECT_API_URL" not in os.environ:
        say("nothing is up (`steadycode up`); asking Prefect's embedded server …")
    found = schedule.deployments()
    if not found:
        say("no deployment; `steadycode up` deploys prefect.yaml")
        return
    for one in found:
        say(Text(one.name, "bold"), f" {'; '.join(one.schedules) or 'not scheduled'}")
        say("    last:", *_last(one.last))
        if one.next_due:
            say(f"    next: {_at(one.next_due)}")
    say(Text("times are UTC", "dim"))


def show_runs(project: Project, limit: int) -> None:
    """One line for each run, with the reason of a bad end."""
    say = _printer()
    if "PREFECT_API_URL" in os.environ:
        doctor.record_lost_runs(project, say)
    rows = listing.recent_runs(open_store(project), limit)
    if not rows:
        say("no runs yet; `steadycode retrain` makes the first")
        return
    for row in rows:
        ending = [f"in {row.failed_stage}"] if row.failed_stage else []
        ending += [f"after {spoken(row.seconds)}"] if row.seconds else []
        ending += [f"with decision {row.decision}"] if row.decision else []
        say(f"{_at(row.started)}  {row.run_id[:8]}  {_what(row)}:", _coloured(row.status), *ending)
        if row.reason:
            say(f"    {_first_line(row.reason)}")
    say(Text("times are UTC; `steadycode runs --run ID` tells all about one", "dim"))


def show_run(project: Project, start: str) -> None:
    """One run: its stages, the reason of its end, and the end of the failing stage's log."""
    say = _printer()
    store = open_store(project)
    run = listing.find_run(store, start)
    say(Text(_what(run), "bold"), run.run_id, _coloured(run.status))
    if run.deployment:
        say(f"deployment {run.deployment}")
    stages = listing.stages_of(store, run.run_id)
    for stage in stages:
        took = f"in {spoken(stage.seconds)}" if stage.seconds is not None else ""
        say(f"  {stage.stage}:", _coloured(stage.status), took)
    if run.decision:
        say(f"decision: {run.decision}")
    if run.reason:
        say(f"reason: {run.reason}")
    failed = [stage.run_id for stage in stages if stage.stage == run.failed_stage]
    for run_id in [*failed, run.run_id]:
        name, lines = listing.last_lines(store, run_id, _LOG_LINES)
        if lines:
            say(Text(f"\nthe end of {name}:", "bold"))
            say("\n".join(lines))
            break


def show_leftovers(project: Project, repair: bool) -> bool:
    """``steadycode doctor``: whether nothing is left to be done."""
    say = _printer()
    found = doctor.examine(project)
    repaired = {one.what for one in doctor.repair(project, say)} if repair else set()
    left = [one for one in found if one.what not in repaired]
    for one in left:
        say(f"found: {one.what}; {one.remedy}")
    if not found:
        say("nothing is left of earlier runs")
    elif any(one.repair for one in left):
        say("`steadycode doctor --repair` puts that right")
    return not left


def _printer() -> Callable[..., None]:
    """Prints plain text and ``Text``: names and reasons may look like markup."""
    return partial(Console().print, markup=False, highlight=False, soft_wrap=True)


def _last(run: ScheduledRun | None) -> list[str | Text]:
    if run is None:
        return ["never"]
    times = f"due {_at(run.due)}"
    times += f", started {_at(run.started)}" if run.started else ""
    times += f", ended {_at(run.ended)}" if run.ended else ""
    state = "missed" if run.missed else run.state.lower()
    return [f"{times}:", _coloured(state), *([_first_line(run.reason)] if run.reason else [])]


def _what(row: RunRow) -> str:
    return f"{row.name} ({row.profile})" if row.profile else row.name


def _coloured(state: str) -> Text:
    return Text(state, _COLOURS.get(state, ""))


def _at(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M}" if when else "-"


def _first_line(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first if len(first) <= 160 else f"{first[:159]}…"
