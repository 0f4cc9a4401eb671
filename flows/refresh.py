"""The closed loop: new data becomes a recorded version, and the model is retrained on it.

This file holds only the order of the steps and what Prefect shows; what each does is in
``steadycode.corpus.refresh``. A refresh that was interrupted is completed by the next one.
"""

from prefect import flow, get_client, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from rich.console import Console

from flows.retrain import retrain as retraining
from steadycode.errors import ConfigError
from steadycode.operations.doctor import begin_flow
from steadycode.project import find_project
from steadycode.retraining import refresh as steps
from steadycode.retraining.submission import Submission
from steadycode.views.markdown import refresh_markdown

rebuild = task(name="rebuild", cache_policy=NO_CACHE)(steps.rebuild)
validate = task(name="validate", cache_policy=NO_CACHE)(steps.validate)
record = task(name="record", cache_policy=NO_CACHE)(steps.record)
commit = task(name="commit", cache_policy=NO_CACHE)(steps.commit)


@flow(name="refresh", flow_run_name="refresh {config.label}")
def refresh(
    config: Submission,
    branch: str = "",
    deployment: str = "",
    retrain: bool = True,
) -> str:
    """Build the corpus; if it changed, record it, commit it and retrain on it.

    Data that did not come from the recipe is never replaced; where the recipe's mode is
    ``recorded``, data/ is only brought to what data.dvc records, and validated. New data is pushed
    where DVC has a remote.

    Returns the retraining's decision; or "unchanged", "triggered" when a deployment will retrain,
    or "recorded" when nothing will.

    Args:
        config: the profile, and what is to differ from it.
        branch: the branch to which data.dvc and the recipe's lock are committed; empty means the
            current one.
        deployment: the deployment that retrains, as FLOW/NAME; empty means to retrain right here.
        retrain: whether to retrain on new data; if not, the next refresh with this set does.
    """
    project = find_project()
    begin_flow(project)
    if deployment:
        _require_deployment(deployment)
    retrains_here = retrain and not deployment
    with steps.open_refresh(
        project, config.resolved(), branch, Console(), retrains_here=retrains_here
    ) as work:
        if work.recipe.mode == "recorded":
            steps.check_recorded(work)
            return "unchanged"
        change = rebuild(work)
        if not (change.record or change.commit or (change.retrain and retrain)):
            steps.share(work)
            later = "; a retraining on it is still to come" if change.retrain else ""
            work.say(f"unchanged: the recipe gives data {change.md5}, as data.dvc records{later}")
            return "unchanged"
        if change.record:
            validate(work, change)
            record(work, change)
        if change.commit:
            commit(work, change)
        steps.share(work)
        create_markdown_artifact(
            refresh_markdown(change, work.branch), key="refresh", description=change.summary_line()
        )
        if not (change.retrain and retrain):
            return "recorded"
        outcome = _trigger(deployment, config, change.token) if deployment else retraining(config)
        steps.settle(work, change)
        return outcome


def _require_deployment(name: str) -> None:
    """Raise ConfigError for a deployment that Prefect lacks, before a build is wasted on it."""
    with get_client(sync_client=True) as client:
        try:
            client.read_deployment_by_name(name)
        except (ObjectNotFound, ValueError) as error:
            raise ConfigError(
                f"Prefect has no deployment {name!r}; see `steadycode status`, and name one "
                "as FLOW/NAME"
            ) from error


def _trigger(name: str, config: Submission, token: str) -> str:
    """Let the deployment retrain; Prefect makes one run for a token, however often it is asked."""
    run_deployment(
        name,
        parameters={"config": config.model_dump(mode="json")},
        timeout=0,
        as_subflow=False,
        idempotency_key=token,
    )
    return "triggered"
