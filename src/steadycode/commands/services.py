"""What runs in the background: ``up``, ``down``, ``worker``, and the MLflow pages, ``ui``."""

from typing import Annotated

import typer

from steadycode.commands.options import Port
from steadycode.commands.project import in_project


def up(
    prefect_port: Port = None,
    mlflow_port: Port = None,
    notify: Annotated[
        str | None,
        typer.Option(help="Prefect block TYPE/NAME that is told of bad runs; '' ends that."),
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
    pool: Annotated[str, typer.Option(help="Work pool whose runs to take.")] = "local-process",
) -> None:
    """Run a worker on this machine for the server that PREFECT_API_URL names (Ctrl-C stops it)."""
    with in_project() as project:
        from steadycode.operations.team import work_for

        work_for(project, pool)


def ui(
    run: Annotated[str | None, typer.Option(help="Show the address of this run.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
    host: str = "127.0.0.1",
) -> None:
    """Serve the MLflow pages of all runs (Ctrl-C stops them)."""
    with in_project() as project:
        from steadycode.registry.ui import serve_ui

        serve_ui(project, host, port, run)
