"""What may be left of processes that can't be seen from here: it is told, and left alone.

Another machine, or another container, may be at work in the same store or folder.
"""

from collections.abc import Sequence

import psutil

from steadycode.operations.interrupted import unjudged
from steadycode.processes import (
    STARTED_BY,
    ProcessId,
    command_line,
    environment_of,
    project_processes,
)
from steadycode.project import Project
from steadycode.registry.leftovers import unjudged_runs
from steadycode.registry.store import open_store

_SERVERS = "prefect.server.api.server:create_app"
_STAGES = "steadycode.stages."
_SHOWN = 3


def left_alone(project: Project) -> list[str]:
    """One line for each kind of thing whose process can be called neither dead nor alive."""
    runs = list(unjudged_runs(open_store(project)))
    hosts = sorted({owner.host for _, owner in runs})
    kinds = (
        (
            f"marked running in MLflow by a process on {_some(hosts)}",
            [f"{run.name} ({run.run_id[:8]})" for run, _ in runs],
        ),
        (
            "half-written by a process of another machine or container (remove it when that is "
            "gone)",
            [project.shown(left.path) for left in unjudged(project)],
        ),
        (
            "started by a process of another machine or container",
            [
                f"{kind_of(process)} (process {process.pid})"
                for process in project_processes(project.root)
                if kind_of(process) and _starter_is_unseen(process)
            ],
        ),
    )
    return [
        f"left alone, since it can't be seen from here whether that lives: {_some(names)}, {what}"
        for what, names in kinds
        if names
    ]


def kind_of(process: psutil.Process) -> str:
    """What a process of ours is that may outlive its starter; empty for any other."""
    command = " ".join(command_line(process))
    return "Prefect server" if _SERVERS in command else "stage" if _STAGES in command else ""


def _starter_is_unseen(process: psutil.Process) -> bool:
    starter = ProcessId.parse(environment_of(process).get(STARTED_BY, ""))
    return starter is not None and starter.lives is None


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
