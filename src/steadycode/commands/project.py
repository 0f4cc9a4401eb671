"""Finds the project for every command of ``steadycode`` and tells expected faults in one line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from steadycode.errors import SteadycodeError
from steadycode.operations.services import use_server
from steadycode.ownership import no_access
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
    except Exception as fault:
        told = _as_expected(fault)
        if told is None:
            raise
        typer.secho(f"error: {told}", fg="red", err=True)
        raise typer.Exit(told.exit_code) from fault
    except KeyboardInterrupt:
        typer.secho("stopped; the same command goes on from here", fg="yellow", err=True)
        raise typer.Exit(130) from None


def _as_expected(fault: Exception) -> SteadycodeError | None:
    """A fault that a user can mend, whoever raised it, as the line that says how; else None."""
    if isinstance(fault, SteadycodeError):
        return fault
    if isinstance(fault, RuntimeError) and str(fault).startswith("Failed to reach API at"):
        address = os.environ.get("PREFECT_API_URL", "its address")  # Prefect has no type for it
        return SteadycodeError(
            f"no Prefect server answers at {address}; start it or unset PREFECT_API_URL"
        )
    if isinstance(fault, ImportError) and "socksio" in str(fault):
        return SteadycodeError(
            "ALL_PROXY names a SOCKS proxy, which Prefect's client does not know without "
            "`pip install 'httpx[socks]'`; install that, or unset ALL_PROXY for this command"
        )
    if isinstance(fault, PermissionError) and fault.filename:
        return SteadycodeError(no_access(Path(os.fsdecode(fault.filename))))
    return None
