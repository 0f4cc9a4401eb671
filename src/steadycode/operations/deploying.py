"""Gives a Prefect server what it needs to run our deployments: pools, schedules, automations."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import yaml
from pydantic import ValidationError

from steadycode.config import read_yaml
from steadycode.errors import ConfigError, SteadycodeError
from steadycode.operations.schedule import ENTRYPOINTS, our_deployments, pages, prefect_client
from steadycode.project import Project, find_project
from steadycode.spelling import first_fault

if TYPE_CHECKING:
    from prefect.events.schemas.automations import AutomationCore

_ZOMBIES = "steadycode: runs without a sign of life"
_TELL = "steadycode: failed, cut short and late runs"
_NO_SIGN = timedelta(seconds=90)
"""The time of three heartbeats; their frequency is set in project.py."""
_EVERY_RUN = {"prefect.resource.id": "prefect.flow-run.*"}


def enter_project() -> dict[str, str]:
    """Go to the project's folder on the worker's machine, which may be another folder than on the
    machine that deployed. This is the pull step of every deployment."""
    root = find_project().root
    os.chdir(root)
    return {"directory": str(root)}


def ensure_pools(pools: Mapping[str, int]) -> None:
    """Make the process work pools that the server lacks; ``pools``: name -> runs at a time.

    A pool that is there already stays as it is.
    """
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound
    from prefect.workers.process import ProcessWorker

    with prefect_client() as client:
        for name, limit in pools.items():
            try:
                client.read_work_pool(name)
            except ObjectNotFound:
                template = ProcessWorker.get_default_base_job_template()
                pool = WorkPoolCreate(
                    name=name, type="process", base_job_template=template, concurrency_limit=limit
                )
                client.create_work_pool(pool)


def require_deployable(project: Project) -> None:
    """Raises ConfigError that names what is wrong in prefect.yaml; nothing has been started yet."""
    path = project.root / "prefect.yaml"
    if not path.is_file():
        raise ConfigError(f"no {path}, which says what runs when; restore it with git")
    for number, row in enumerate(read_yaml(path).get("deployments") or [], 1):
        name = row.get("name") if isinstance(row, dict) else None
        if not name:
            raise ConfigError(f"{path}: deployment {number} has no name")
        file, _, function = str(row.get("entrypoint", "")).partition(":")
        if not function or not (project.root / file).is_file():
            raise ConfigError(
                f"{path}: deployment {name}: entrypoint {row.get('entrypoint')!r} is not "
                "FILE:FUNCTION of a file that exists"
            )
        if row["entrypoint"] in ENTRYPOINTS:
            _check_submissions(project, row, f"{path}: deployment {name}")


def _check_submissions(project: Project, row: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError when what a deployment or one of its schedules submits cannot run."""
    from steadycode.retraining.preflight import check_decision
    from steadycode.retraining.submission import Submission

    decides = row["entrypoint"] != "flows/evaluate.py:evaluate"
    schedules = [schedule.get("parameters") for schedule in row.get("schedules") or []]
    for parameters in (row.get("parameters") or {}, *filter(None, schedules)):
        if "config" not in parameters:
            raise ConfigError(f"{where}: parameters need config: {{profile: NAME}}")
        try:
            submission = Submission.model_validate(parameters["config"])
            if decides:
                check_decision(project, submission.resolved())
        except ValidationError as error:
            raise ConfigError(f"{where}: config.{first_fault(error, Submission)}") from error
        except SteadycodeError as error:
            raise ConfigError(f"{where}: {error}") from error


def deploy(project: Project) -> None:
    """Deploy everything in prefect.yaml. Raises ConfigError with Prefect's own reason."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else "it gave no reason"
        raise ConfigError(f"{project.root / 'prefect.yaml'} cannot be deployed: {reason}")
    _drop_schedules(project)
    _show_settings(project)


def require_pool(name: str) -> None:
    """Raises ConfigError when the server has no such work pool: a worker would wait for ever."""
    with prefect_client() as client:
        known = sorted(pool.name for pool in pages(client.read_work_pools))
    if name not in known:
        raise ConfigError(f"no work pool {name!r} there; there are: {', '.join(known) or 'none'}")


def _drop_schedules(project: Project) -> None:
    """Delete the schedules of deployments that have none in prefect.yaml any more.

    Prefect's own deploy would keep those that an earlier prefect.yaml gave them.
    """
    rows = read_yaml(project.root / "prefect.yaml").get("deployments") or []
    without = {(row["entrypoint"], row["name"]) for row in rows if not row.get("schedules")}
    with prefect_client() as client:
        for deployment in list(pages(client.read_deployments)):
            if (deployment.entrypoint, deployment.name) in without:
                for schedule in deployment.schedules:
                    client.delete_deployment_schedule(deployment.id, schedule.id)


def _show_settings(project: Project) -> None:
    """Let the page of each deployment show every setting that it submits, its profile's values with
    its overrides laid over them."""
    from prefect.client.schemas.actions import DeploymentUpdate

    from steadycode.retraining.submission import Submission

    rows = read_yaml(project.root / "prefect.yaml").get("deployments") or []
    deployed = {(row["entrypoint"], row["name"]) for row in rows}
    with prefect_client() as client:
        for row in our_deployments(client):
            if (row.entrypoint, row.name) not in deployed:
                continue
            config = Submission.model_validate(row.parameters["config"]).resolved()
            settings = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
            told = f"{row.description or ''}\n\nWhat it runs:\n\n```yaml\n{settings}```\n"
            client.update_deployment(row.id, DeploymentUpdate(description=told))


def ensure_automations(notify: str | None) -> None:
    """Let the Prefect server itself watch over runs, even while no process of ours runs.

    It marks runs without a sign of life as crashed. ``notify`` is the TYPE/NAME of a notification
    block, which is told of every run that fails, is cut short or is late; None leaves notifications
    as they are, and an empty text ends them. Raises ConfigError when there is no such block.
    """
    wanted = [_zombies()]
    if notify:
        wanted.append(_tell(_block(notify)))
    replaced = {_ZOMBIES} if notify is None else {_ZOMBIES, _TELL}
    with prefect_client() as client:
        for row in list(pages(client.read_automations)):
            if row.name in replaced:
                client.delete_automation(row.id)
        for automation in wanted:
            client.create_automation(automation)


def _zombies() -> "AutomationCore":
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    silence = EventTrigger(
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.*"},
        match=_resource(_EVERY_RUN),
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=_NO_SIGN,
    )
    seconds = round(_NO_SIGN.total_seconds())
    message = f"no sign of life for {seconds} s: its process, or its machine, is gone"
    action = ChangeFlowRunState(state=StateType.CRASHED, message=message)
    return AutomationCore(name=_ZOMBIES, trigger=silence, actions=[action])


def _tell(block: UUID) -> "AutomationCore":
    from prefect.events.actions import SendNotification
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    states = ("Failed", "Crashed", "TimedOut", "Late")
    unhappy = EventTrigger(
        expect={f"prefect.flow-run.{state}" for state in states},
        match=_resource(_EVERY_RUN),
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )
    action = SendNotification(
        block_document_id=block,
        subject="steadycode: {{ flow.name }} {{ flow_run.state.name }}",
        body=(
            "{{ flow_run.name }}, due {{ flow_run.expected_start_time }}: "
            "{{ flow_run.state.name }}. {{ flow_run.state.message }}\n{{ flow_run|ui_url }}"
        ),
    )
    return AutomationCore(name=_TELL, trigger=unhappy, actions=[action])


def _resource(labels: dict[str, str]) -> Any:
    from prefect.events.schemas.events import ResourceSpecification

    return ResourceSpecification(dict(labels))


def _block(spec: str) -> UUID:
    kind, _, name = spec.partition("/")
    with prefect_client() as client:
        for document in pages(client.read_block_documents):
            slug = document.block_type.slug if document.block_type else ""
            if (slug, document.name) == (kind, name):
                return UUID(str(document.id))
    raise ConfigError(
        f"no Prefect block {spec!r}; create it on Prefect's page under Blocks and name it as "
        "TYPE/NAME, for instance slack-webhook/ops"
    )
