"""Finds the project for every command of ``steadycode`` and tells expected faults in one line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from steadycode.errors import SteadycodeError
from steadycode.operations.services import use_server
from steadycode.project import Project, find_project


@contextmanager
def in_project() -> Iterator[Project]:
    """Yield the project, in the environment that libraries must find before they are imported. An
    expected fault inside the block ends the process with one line and the fault's exit code."""
    try:
        project = find_project()
        project.prepare_environment()
        use_server(project)
        # expected faults are told in one line by us; Prefect would add a traceback
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
        sys.path.insert(0, str(project.root))
        yield project
    except SteadycodeError as fault:
        typer.secho(f"error: {fault}", fg="red", err=True)
        raise typer.Exit(fault.exit_code) from fault
    except RuntimeError as fault:
        if not str(fault).startswith("Failed to reach API at"):  # Prefect has no type for it
            raise
        address = os.environ.get("PREFECT_API_URL", "its address")
        typer.secho(
            f"error: no Prefect server answers at {address}; start it or unset PREFECT_API_URL",
            fg="red",
            err=True,
        )
        raise typer.Exit(SteadycodeError.exit_code) from fault
    except KeyboardInterrupt:
        typer.secho("stopped; the same command goes on from here", fg="yellow", err=True)
        raise typer.Exit(130) from None
