"""The commands for services: ``up``, ``down``, ``worker``, and ``ui`` for the MLflow pages."""

from typing import Annotated

import typer

from steadycode.commands.options import Port
from steadycode.commands.project import in_project


def up(
    prefect_port: Port = None,
    mlflow_port: Port = None,
    notify: Annotated[
        str | None,
        typer.Option(help="Tell this Prefect block, TYPE/NAME, of bad runs; '' ends that."),
    ] = None,
) -> None:
    """Start Prefect, its worker and the MLflow pages on 127.0.0.1, and deploy prefect.yaml.

    Ports are 4200 and 5000 unless you name others.
    """
    with in_project() as project:
        from steadycode.operations.team import up as start

        start(project, prefect_port, mlflow_port, notify)


def down() -> None:
    """Stop everything that `steadycode up` has started."""
    with in_project() as project:
        from steadycode.operations.team import down as stop

        stop(project)


def worker(
    pool: Annotated[str, typer.Option(help="Take the runs of this work pool.")] = "local-process",
) -> None:
    """Run a worker on this machine for the server that PREFECT_API_URL names (Ctrl-C stops it)."""
    with in_project() as project:
        from steadycode.operations.team import work_for

        work_for(project, pool)


def ui(
    run: Annotated[str | None, typer.Option(help="Print the address of this run's page.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Listen on this port.")] = 5000,
    host: Annotated[
        str,
        typer.Option(help="Listen on this address; beyond 127.0.0.1 the pages need a password."),
    ] = "127.0.0.1",
    allowed_hosts: Annotated[
        list[str] | None,
        typer.Option(help="Let browsers ask for the pages by this name, too."),
    ] = None,
) -> None:
    """Serve the MLflow pages of all runs (Ctrl-C stops them)."""
    with in_project() as project:
        from steadycode.registry.ui import serve_ui

        serve_ui(project, host, port, run, allowed_hosts or ())
