"""``steadycode up`` and ``steadycode down``: Prefect, its worker and the MLflow pages."""

import os
import sys
from functools import partial

from rich.console import Console

from steadycode.errors import ConfigError, SteadycodeError
from steadycode.operations import deploying, doctor, schedule, services
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
    """Start what does not run yet, deploy prefect.yaml, and put right what a kill or a reboot has
    left. What can be wrong is looked for before anything is started. Raises ConfigError."""
    console = Console()
    with services.changing(project):
        running = services.recorded(project)
        _refuse_strangers(project, running)
        now = _to_start(running, prefect_port, mlflow_port)
        services.require_ports(now)
        deploying.require_deployable(project)
        open_store(project)
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
    # before deploying: that removes scheduled runs, those that were missed among them
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
    """Stop everything that ``up`` has started, runs of its worker included; they go on from there
    when they are started again."""
    console = Console()
    with services.changing(project):
        running = services.recorded(project)
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
                except Exception as fault:  # a moved project, a server that hangs: stop it anyway
                    _sayer(console)(f"not repaired, the next run will: {fault}")
            services.stop(project, running, [SERVER, PAGES])
        end(services.survivors(project))  # of an `up` whose record is lost
        services.forget(project)
    console.print("all stopped")


def work_for(project: Project, pool: str) -> None:
    """A worker in this process, for the server that PREFECT_API_URL names. Raises ConfigError
    when none is named and none is up, when it does not answer, or has no such pool."""
    if not os.environ.get("PREFECT_API_URL"):
        raise ConfigError(
            "no Prefect server is up here; name one, PREFECT_API_URL=http://HOST:4200/api"
        )
    deploying.require_pool(pool)
    os.environ.pop("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", None)  # quiet only around commands
    os.chdir(project.root)
    os.execv(sys.executable, [sys.executable, "-m", *services.worker_command(pool)])


def _sayer(console: Console) -> doctor.Say:
    return partial(console.print, markup=False, highlight=False, soft_wrap=True)


def _refuse_strangers(project: Project, running: Services | None) -> None:
    """Servers that this command would start another one beside."""
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
    """A service that runs keeps its port. Raises ConfigError when it was asked for another."""
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
    alive = {name: one for name, one in known.items() if running and running.alive(name)}
    return Services(prefect_port=ports[SERVER], mlflow_port=ports[PAGES], processes=alive)


def _pools_here() -> list[str]:
    from steadycode.models import pick_device

    return [pool for pool in POOLS if pool != "gpu" or pick_device() == "cuda"]


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
    for one in schedule.deployments():
        due = f"next {one.next_due:%Y-%m-%d %H:%M} UTC" if one.next_due else "not scheduled"
        console.print(f"{one.name}: {due}", markup=False, highlight=False)
    console.print("`steadycode status` tells how they went, `steadycode down` stops everything")
