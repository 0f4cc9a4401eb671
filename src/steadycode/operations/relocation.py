"""``steadycode relocate``: repairs a project whose folder was moved or copied."""

import os
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from steadycode.errors import ConfigError
from steadycode.processes import project_processes
from steadycode.project import Project
from steadycode.registry.relocation import former_folders, rewrite_addresses
from steadycode.registry.store import database_uri, project_of


def relocate(project: Project) -> int:
    """Let the MLflow store find its files where it lies now; returns how many addresses changed.

    Raises ConfigError when the store is not the project's own, or while processes of it run.
    """
    console = Console()
    folder = project.mlruns.resolve()
    named = os.environ.get("MLFLOW_TRACKING_URI")
    if named and named != database_uri(folder):
        raise ConfigError(
            f"MLFLOW_TRACKING_URI names {named}, whose addresses are its own; "
            "unset it to relocate mlruns/"
        )
    former = former_folders(folder)
    if not former:
        console.print(
            f"nothing to be done: every address in {folder} is right", markup=False, soft_wrap=True
        )
        return 0
    _refuse_running(project, former)
    rewritten = rewrite_addresses(folder, former)
    table = Table("addresses of", "rewritten")
    table.columns[1].justify = "right"
    for name, count in rewritten.items():
        table.add_row(name, str(count))
    console.print(table)
    roots = ", ".join(str(project_of(old)) for old in former)
    console.print(f"moved from {roots} to {project.root}", soft_wrap=True, markup=False)
    return sum(rewritten.values())


def _refuse_running(project: Project, former: list[Path]) -> None:
    roots = [project.root.resolve()]
    # processes that were moved along still bear the former name; those beside a copy do not
    roots += [project_of(old) for old in former if not (old / "mlflow.db").exists()]
    above_us = {process.pid for process in psutil.Process().parents()}
    running = sorted(
        process.pid
        for root in roots
        for process in project_processes(root)
        if process.pid not in above_us
    )
    if running:
        pids = ", ".join(str(pid) for pid in running)
        raise ConfigError(
            f"processes of this project are running (pid {pids}); stop them, then run "
            "`steadycode relocate` again"
        )
