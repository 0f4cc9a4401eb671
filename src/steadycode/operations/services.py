"""Prefect, a worker and the MLflow pages for a small team, on 127.0.0.1: ``steadycode up``.

They run in the background until ``steadycode down``. ``.steadycode/services.json`` records which
were started; a service that has died is started again by the next ``up``.
"""

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from steadycode.errors import ConfigError, StageFailed
from steadycode.locks import locked
from steadycode.processes import (
    ProcessId,
    end,
    environment_of,
    family,
    is_neighbour,
    project_processes,
    require_free_port,
)
from steadycode.project import Project
from steadycode.records import read_record, write_record

HOST = "127.0.0.1"
POOLS: Mapping[str, int] = {"local-process": 1, "gpu": 1}
"""Work pool -> runs at a time, set when the pool is made: two trainings on one machine slow each
other down."""
SERVER, PAGES = "prefect", "mlflow"
PREFECT_PORT, MLFLOW_PORT = 4200, 5000
SCHEMA = 1
_SERVICE = "STEADYCODE_SERVICE"
_START_SECONDS = 180.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services that ``steadycode up`` has started, and their ports.

    The keys of ``processes`` are prefect, mlflow, and ``worker POOL`` for each worker.
    """

    prefect_port: int
    mlflow_port: int
    processes: Mapping[str, ProcessId] = field(default_factory=dict)

    @property
    def prefect(self) -> str:
        return f"http://{HOST}:{self.prefect_port}"

    @property
    def api(self) -> str:
        return f"{self.prefect}/api"

    @property
    def mlflow(self) -> str:
        return f"http://{HOST}:{self.mlflow_port}"

    def address(self, name: str) -> str:
        """The address of the service's pages; empty for a worker, which has none."""
        return {SERVER: self.prefect, PAGES: self.mlflow}.get(name, "")

    def alive(self, name: str) -> psutil.Process | None:
        known = self.processes.get(name)
        return known.process() if known else None


@dataclass(frozen=True, kw_only=True)
class _Record:
    """``Services`` on disk, with the project's root: a record in a copied folder is not its own."""

    root: Path
    prefect_port: int
    mlflow_port: int
    processes: Mapping[str, str]


def recorded(project: Project) -> Services | None:
    """The services that the last ``up`` started here, whether or not they still run.

    None when there is no readable record (see ``survivors``), and in a copy of a project, whose
    record is about the original's services.
    """
    try:
        record = read_record(project.services, _Record, SCHEMA, ConfigError, "`steadycode down`")
    except ConfigError:
        return None
    if record.root != project.root and Project(record.root).services.exists():
        return None
    processes = {name: ProcessId.parse(text) for name, text in record.processes.items()}
    return Services(
        prefect_port=record.prefect_port,
        mlflow_port=record.mlflow_port,
        processes={name: known for name, known in processes.items() if known is not None},
    )


def running(project: Project) -> list[psutil.Process]:
    """The services that the last ``up`` started here and that still run."""
    known = recorded(project)
    return [process for name in known.processes if (process := known.alive(name))] if known else []


def survivors(project: Project) -> list[psutil.Process]:
    """The live services of this project and what they have started, whatever the record says.

    Those of a container with a project in a folder of the same name are not among them.
    """
    return [
        process
        for process in project_processes(project.root)
        if environment_of(process).get(_SERVICE) and is_neighbour(process)
    ]


def require_seen(services: Services | None) -> None:
    """Raises ConfigError when the record is about services that can't be seen from here: another
    machine or container may run them."""
    for name, known in services.processes.items() if services else ():
        if known.lives is None:
            raise ConfigError(
                f"the {name} of `steadycode up` was started on {known.host}, in a container or "
                "before a restart, and can't be seen from here; stop it there, or remove "
                ".steadycode/services.json if it is gone"
            )


def use_server(project: Project) -> None:
    """Let this process talk to the Prefect server of ``up`` if that runs and no other is named: an
    embedded server beside it would work on the same database."""
    services = recorded(project)
    if services is not None and services.alive(SERVER):
        os.environ.setdefault("PREFECT_API_URL", services.api)


def is_own_server(project: Project) -> bool:
    """Whether the Prefect server is the embedded one or that of ``up``, so that all its runs are
    this project's."""
    services = recorded(project)
    named = os.environ.get("PREFECT_API_URL")
    return not named or (services is not None and named == services.api)


def changing(project: Project) -> contextlib.AbstractContextManager[None]:
    """A lock that lets one ``up`` or ``down`` run at a time. Raises ConfigError when it is held."""
    busy = ConfigError("another `steadycode up` or `down` is at work; wait for it")
    return locked(project.lock("services"), busy)


def require_ports(services: Services) -> None:
    """Raises ConfigError when a service that is to be started finds its port taken."""
    if services.prefect_port == services.mlflow_port:
        raise ConfigError(f"both were given port {services.mlflow_port}; name another for one")
    for name, port in ((SERVER, services.prefect_port), (PAGES, services.mlflow_port)):
        if not services.alive(name):
            require_free_port(HOST, port, f"--{name}-port")


def start_server(project: Project, services: Services) -> Services:
    command = ["prefect", "server", "start", "--host", HOST, "--port", str(services.prefect_port)]
    return _start(project, services, SERVER, command)


def start_pages(project: Project, services: Services, command: Sequence[str]) -> Services:
    """Start the MLflow pages; ``command`` is what ``registry.ui.ui_command`` gives."""
    return _start(project, services, PAGES, command)


def start_worker(project: Project, services: Services, pool: str) -> Services:
    return _start(project, services, f"worker {pool}", worker_command(pool))


def wait_for(project: Project, services: Services, name: str) -> None:
    """Wait until the service ``name`` answers.

    Raises StageFailed, with the end of its log, when it dies or does not answer within 3 minutes.
    """
    path = {SERVER: "/api/health", PAGES: "/health"}[name]
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError, urllib.error.URLError):
            urllib.request.urlopen(f"{services.address(name)}{path}", timeout=5).close()
            return
        if services.alive(name) is None or time.monotonic() > deadline:
            log = project.service_log(name)
            tail = "\n  ".join(log.read_text(errors="replace").rstrip().splitlines()[-8:])
            raise StageFailed(
                f"{name} does not answer at {services.address(name)}; the end of {log}:\n  {tail}"
            )
        time.sleep(0.2)


def worker_command(pool: str) -> list[str]:
    return ["prefect", "worker", "start", "--pool", pool]


def stop(project: Project, services: Services, names: Sequence[str]) -> None:
    """End the services ``names`` and all that they have started, and take them off the record."""
    processes = [process for name in names if (process := services.alive(name))]
    end([member for process in processes for member in family(process)], _STOP_SECONDS)
    left = {name: known for name, known in services.processes.items() if name not in names}
    _write(project, replace(services, processes=left))


def forget(project: Project) -> None:
    project.services.unlink(missing_ok=True)


def _start(
    project: Project,
    services: Services,
    name: str,
    command: Sequence[str],
) -> Services:
    if services.alive(name):
        return services
    log = project.service_log(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=project.root,
            env=_environment(services, name),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = ProcessId.of(psutil.Process(process.pid))
    services = replace(services, processes={**services.processes, name: started})
    _write(project, services)
    return services


def _environment(services: Services, name: str) -> dict[str, str]:
    environment = dict(os.environ)
    environment.pop("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", None)  # quiet only for a terminal
    environment.pop("PREFECT_API_URL", None)
    environment[_SERVICE] = name
    environment["PREFECT_UI_URL"] = services.prefect  # what notifications point to
    environment["PREFECT_UI_API_URL"] = services.api  # what the pages in the browser talk to
    if name.startswith("worker "):
        environment["PREFECT_API_URL"] = services.api
    return environment


def _write(project: Project, services: Services) -> None:
    record = _Record(
        root=project.root,
        prefect_port=services.prefect_port,
        mlflow_port=services.mlflow_port,
        processes={name: str(known) for name, known in services.processes.items()},
    )
    write_record(project.services, record, SCHEMA)
