"""The commands that an engineer looks at first: ``status`` and ``runs``."""

import os
from typing import Annotated

import typer

from steadycode.commands.project import in_project


def status() -> None:
    """Show what runs, and when each deployment was due, started and ended, and how."""
    with in_project() as project:
        from steadycode.operations import schedule, services
        from steadycode.views.console import plain_printer
        from steadycode.views.runs import deployment_lines

        say = plain_printer()
        running = services.recorded(project)
        states = {
            True: "running",
            False: "NOT running: `steadycode up`",
            None: "not seen from here",
        }
        if running is not None:
            for name in running.processes:
                say(f"{name}: {states[running.processes[name].lives]} {running.address(name)}")
        if running is None and "PREFECT_API_URL" not in os.environ:
            say("nothing is up (`steadycode up`); asking Prefect's embedded server …")
        deployments = schedule.deployments()
        if not deployments:
            say("no deployment; `steadycode up` deploys prefect.yaml")
            return
        for deployment in deployments:
            last = deployment.last.timing if deployment.last else None
            for line in deployment_lines(
                deployment.name, deployment.schedules, last, deployment.next_due
            ):
                say(line)
        say("times are UTC", style="dim")


def runs(
    run: Annotated[str | None, typer.Option(help="Show all about the run with this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show so many of the newest runs.")] = 20,
) -> None:
    """List retrainings and evaluations with outcome and reason, failed and missed ones included."""
    with in_project() as project:
        from steadycode.operations import doctor
        from steadycode.registry import listing
        from steadycode.registry.store import open_store
        from steadycode.views.console import plain_printer
        from steadycode.views.runs import run_lines, runs_lines

        say = plain_printer()
        if run is None and "PREFECT_API_URL" in os.environ:
            doctor.record_lost_runs(project, say)
        store = open_store(project)
        if run is None:
            lines = runs_lines(listing.recent_runs(store, limit))
        else:
            lines = run_lines(listing.run_details(store, run))
        for line in lines:
            say(line)
