"""``steadycode up`` and ``steadycode down``: Prefect, its worker and the MLflow pages."""

import os
import sys
from functools import partial

from rich.console import Console

from steadycode.errors import ConfigError
from steadycode.operations import deploying, doctor, schedule, services
from steadycode.operations.services import HOST, PAGES, POOLS, SERVER, Services
from steadycode.processes import command_line, flow_commands, project_processes
from steadycode.project import Project


def up(project: Project, prefect_port: int, mlflow_port: int, notify: str | None) -> None:
    """Start what does not run yet, deploy prefect.yaml, and put right what a kill or a reboot has
    left. Raises ConfigError when a port is taken or another server is named."""
    console = Console()
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    with services.changing(project):
        running = services.recorded(project)
        if os.environ.get("PREFECT_API_URL") and not (running and running.alive(SERVER)):
            raise ConfigError(
                f"PREFECT_API_URL names the server {os.environ['PREFECT_API_URL']}; unset it to "
                "start one here, or start only a worker with `steadycode worker`"
            )
        now = _to_start(running, prefect_port, mlflow_port)
        with console.status("starting Prefect and the MLflow pages (half a minute) …"):
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
    _show(project, console, now)


def down(project: Project) -> None:
    """Stop everything that ``up`` has started, runs of its worker included; they go on from there
    when they are started again."""
    console = Console()
    with services.changing(project):
        running = services.recorded(project)
        if running is None:
            console.print("nothing is up")
            return
        _refuse_commands(project)
        workers = [name for name in running.processes if name.startswith("worker ")]
        services.stop(project, running, workers)
        if running.alive(SERVER):
            os.environ["PREFECT_API_URL"] = running.api
            try:
                doctor.repair(project, partial(console.print, markup=False, soft_wrap=True))
            except Exception as fault:  # a moved project, a server that hangs: stop it all the same
                console.print(f"not repaired: {fault}", markup=False, soft_wrap=True)
        services.stop(project, running, [SERVER, PAGES])
        services.forget(project)
    console.print("all stopped")


def work_for(project: Project, pool: str) -> None:
    """A worker in this process, for the server that PREFECT_API_URL names. Raises ConfigError
    when none is named and none is up."""
    if "PREFECT_API_URL" not in os.environ:
        raise ConfigError(
            "no Prefect server is up here; name one, PREFECT_API_URL=http://HOST:4200/api"
        )
    os.environ.pop("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", None)  # quiet only around commands
    os.chdir(project.root)
    os.execv(sys.executable, [sys.executable, "-m", *services.worker_command(pool)])


def _to_start(running: Services | None, prefect_port: int, mlflow_port: int) -> Services:
    """A service that runs keeps its port."""
    if running is None:
        return Services(prefect_port=prefect_port, mlflow_port=mlflow_port)
    alive = {name: one for name, one in running.processes.items() if running.alive(name)}
    return Services(
        prefect_port=running.prefect_port if SERVER in alive else prefect_port,
        mlflow_port=running.mlflow_port if PAGES in alive else mlflow_port,
        processes=alive,
    )


def _pools_here() -> list[str]:
    from steadycode.models import pick_device

    return [pool for pool in POOLS if pool != "gpu" or pick_device() == "cuda"]


def _start_pages(project: Project, now: Services) -> Services:
    from steadycode.registry.store import open_store
    from steadycode.registry.ui import ui_command

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
        log = services.log_of(project, name).relative_to(project.root)
        console.print(f"{name} {now.address(name)} (log: {log})", highlight=False, soft_wrap=True)
    for one in schedule.deployments():
        due = f"next {one.next_due:%Y-%m-%d %H:%M} UTC" if one.next_due else "not scheduled"
        console.print(f"{one.name}: {due}", markup=False, highlight=False)
    console.print("`steadycode status` tells how they went, `steadycode down` stops everything")
