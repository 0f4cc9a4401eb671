"""``steadycode up`` and ``steadycode down``: Prefect, its worker and the MLflow pages."""

import os
import sys
from functools import partial

from rich.console import Console

from steadycode.addresses import redacted
from steadycode.errors import ConfigError, SteadycodeError
from steadycode.operations import deploying, doctor, schedule, services
from steadycode.operations.logs import rotate
from steadycode.operations.services import (
    HOST,
    MLFLOW_PORT,
    PAGES,
    POOLS,
    PREFECT_PORT,
    SERVER,
    Services,
)
from steadycode.processes import command_line, end, flow_commands, project_processes
from steadycode.project import Project
from steadycode.registry.store import open_store
from steadycode.registry.ui import ui_command


def up(
    project: Project, prefect_port: int | None, mlflow_port: int | None, notify: str | None
) -> None:
    """Start the services that do not run yet, deploy prefect.yaml, and mend what a kill or a reboot
    has left.

    Settings and ports are checked before anything is started. Raises ConfigError when one is wrong.
    """
    console = Console()
    with services.changing(project):
        running = services.recorded(project)
        services.require_seen(running)
        _refuse_strangers(project, running)
        now = _to_start(running, prefect_port, mlflow_port)
        services.require_ports(now)
        deploying.require_deployable(project)
        open_store(project)
        for line in rotate(project):
            _sayer(console)(line)
        try:
            with console.status("starting Prefect and the MLflow pages (half a minute) …"):
                now = _start(project, now, notify, _sayer(console))
        except SteadycodeError as fault:
            raise type(fault)(
                f"{fault}; what has been started runs on, `steadycode down` stops it"
            ) from fault
    _show(project, console, now)


def _start(project: Project, now: Services, notify: str | None, say: doctor.Say) -> Services:
    now = services.start_server(project, now)
    now = _start_pages(project, now)
    services.wait_for(project, now, SERVER)
    os.environ["PREFECT_API_URL"] = now.api
    # before deploying, which removes scheduled runs, those that were missed among them
    doctor.repair(project, say)
    deploying.ensure_pools(POOLS)
    deploying.deploy(project)
    deploying.ensure_automations(notify)
    for pool in _pools_here():
        now = services.start_worker(project, now, pool)
    if PAGES in now.processes:
        services.wait_for(project, now, PAGES)
    return now


def down(project: Project) -> None:
    """Stop everything that ``up`` has started, the runs of its workers included.

    Such a run goes on from where it was when it is started again.
    """
    console = Console()
    with services.changing(project):
        running = services.recorded(project)
        services.require_seen(running)
        left = services.survivors(project)
        if running is None and not left:
            console.print("nothing is up")
            return
        _refuse_commands(project)
        if running is not None:
            workers = [name for name in running.processes if name.startswith("worker ")]
            services.stop(project, running, workers)
            if running.alive(SERVER):
                os.environ["PREFECT_API_URL"] = running.api
                try:
                    doctor.repair(project, _sayer(console))
                except Exception as fault:  # say a moved project, or a server that hangs: go on
                    _sayer(console)(redacted(f"not repaired, the next run will: {fault}"))
            services.stop(project, running, [SERVER, PAGES])
        end(services.survivors(project))  # those of an `up` whose record is lost
        services.forget(project)
    console.print("all stopped")


def work_for(project: Project, pool: str) -> None:
    """Turn this process into a worker of ``pool`` on the server that PREFECT_API_URL names.

    Raises ConfigError when no server is named or up, when it does not answer, when it has no such
    pool, or when the pool is for a GPU and there is none.
    """
    if not os.environ.get("PREFECT_API_URL"):
        raise ConfigError(
            "no Prefect server is up here; name one, PREFECT_API_URL=http://HOST:4200/api"
        )
    if pool == "gpu" and not _has_gpu():
        raise ConfigError("this machine has no GPU, so it cannot take the runs of the pool gpu")
    deploying.require_pool(pool)
    os.environ.pop("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", None)  # quiet only around commands
    os.chdir(project.root)
    os.execv(sys.executable, [sys.executable, "-m", *services.worker_command(pool)])


def _sayer(console: Console) -> doctor.Say:
    return partial(console.print, markup=False, highlight=False, soft_wrap=True)


def _refuse_strangers(project: Project, running: Services | None) -> None:
    """Raise ConfigError when a server runs that is not on our record: ``up`` would start another
    one beside it."""
    named = os.environ.get("PREFECT_API_URL")
    if named and not (running and running.alive(SERVER)):
        raise ConfigError(
            f"PREFECT_API_URL names the server {named}; unset it to start one here, or start only "
            "a worker with `steadycode worker`"
        )
    if running is None and services.survivors(project):
        raise ConfigError(
            "services of an earlier `steadycode up` run, but their record is lost or damaged; "
            "`steadycode down` stops them"
        )


def _to_start(
    running: Services | None, prefect_port: int | None, mlflow_port: int | None
) -> Services:
    """The services with the ports to use; one that runs keeps its port.

    Raises ConfigError when such a service was asked for another port.
    """
    asked = {SERVER: prefect_port, PAGES: mlflow_port}
    ports = {SERVER: PREFECT_PORT, PAGES: MLFLOW_PORT}
    if running is not None:
        ports = {SERVER: running.prefect_port, PAGES: running.mlflow_port}
    for name, port in asked.items():
        if port is None or port == ports[name]:
            continue
        if running is not None and running.alive(name):
            raise ConfigError(
                f"{name} runs on port {ports[name]}; `steadycode down` first to change that"
            )
        ports[name] = port
    known = running.processes if running else {}
    alive = {name: process for name, process in known.items() if running and running.alive(name)}
    return Services(prefect_port=ports[SERVER], mlflow_port=ports[PAGES], processes=alive)


def _pools_here() -> list[str]:
    return [pool for pool in POOLS if pool != "gpu" or _has_gpu()]


def _has_gpu() -> bool:
    from steadycode.models import pick_device

    return pick_device() == "cuda"


def _start_pages(project: Project, now: Services) -> Services:
    store = open_store(project)
    if not store.embedded:  # the user's own server has its own pages
        return now
    return services.start_pages(project, now, ui_command(store, HOST, now.mlflow_port))


def _refuse_commands(project: Project) -> None:
    for process in flow_commands(project_processes(project.root)):
        command = " ".join(["steadycode", *command_line(process)[2:4]])
        raise ConfigError(
            f"`{command} …` (process {process.pid}) uses the server; wait for it, or stop it (the "
            "same command goes on from there), then run this again"
        )


def _show(project: Project, console: Console, now: Services) -> None:
    for name in now.processes:
        log = project.service_log(name).relative_to(project.root)
        console.print(f"{name} {now.address(name)} (log: {log})", highlight=False, soft_wrap=True)
    for deployment in schedule.deployments():
        next_due = deployment.next_due
        due = f"next {next_due:%Y-%m-%d %H:%M} UTC" if next_due else "not scheduled"
        console.print(f"{deployment.name}: {due}", markup=False, highlight=False)
    console.print("`steadycode status` tells how they went, `steadycode down` stops everything")
