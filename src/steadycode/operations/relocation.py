"""``steadycode relocate``: repairs a project whose folder was moved or copied."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from steadycode.errors import ConfigError
from steadycode.processes import project_processes
from steadycode.project import Project
from steadycode.registry.relocation import former_folders, rewrite_addresses
from steadycode.registry.store import database_uri, project_of


@dataclass(frozen=True, kw_only=True)
class Relocation:
    """Where the project was before, and how many addresses of each kind were rewritten."""

    former: tuple[Path, ...]
    rewritten: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.rewritten.values())


def relocate(project: Project) -> Relocation:
    """Let the MLflow store find its files in the folder in which it lies now.

    Raises ConfigError when the store is not the project's own, or while processes of it run.
    """
    folder = project.mlruns.resolve()
    named = os.environ.get("MLFLOW_TRACKING_URI")
    if named and named != database_uri(folder):
        raise ConfigError(
            f"MLFLOW_TRACKING_URI names {named}, whose addresses are its own; "
            "unset it to relocate mlruns/"
        )
    former = former_folders(folder)
    if not former:
        return Relocation(former=(), rewritten={})
    _refuse_running(project, former)
    return Relocation(
        former=tuple(project_of(old) for old in former),
        rewritten=rewrite_addresses(folder, former),
    )


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
