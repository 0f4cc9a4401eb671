"""The commands that do the work: ``retrain``, ``evaluate``, ``train`` and ``refresh``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from steadycode.commands.options import MODEL, Budget, DirtyData, Overrides, Profile
from steadycode.commands.project import in_project
from steadycode.errors import ConfigError

if TYPE_CHECKING:
    from steadycode.project import Project
    from steadycode.retraining.submission import Submission


def retrain(
    profile: Profile = "quick",
    overrides: Overrides = None,
    allow_dirty_data: DirtyData = False,
) -> None:
    """Validate the data, fine-tune, evaluate, register, and decide on promotion."""
    with in_project() as project:
        config = _submission(profile, overrides)
        _check_retraining(project, config)
        _tell_of_the_wait()
        from flows.retrain import retrain as flow

        flow(config, allow_dirty_data=allow_dirty_data)


def evaluate(
    model: Annotated[str | None, typer.Option(help=MODEL)] = None,
    completions: Annotated[
        Path | None,
        typer.Option(
            help="Judge the completions in this file, which another engine has written as JSON"
            " lines of prompt and completion; --model is then only the name to show."
        ),
    ] = None,
    benchmark: Annotated[
        Path | None,
        typer.Option(help="The folder from `perturb build` whose prompts were completed."),
    ] = None,
    budget: Budget = None,
    profile: Profile = "quick",
    overrides: Overrides = None,
) -> None:
    """Evaluate any model without training it, or completions that were made elsewhere."""
    with in_project() as project:
        if (completions is None) != (benchmark is None) or not (model or completions):
            raise ConfigError("give --model, or --completions with --benchmark")
        config = _submission(profile, overrides)
        if budget is not None:
            from steadycode.retraining.evaluation import within_budget

            names = ", ".join(within_budget(project, config.resolved(), budget))
            typer.echo(f"within {budget} prompts: {names}")
            config = _submission(profile, [*config.overrides, f"evaluate.perturbations=[{names}]"])
        if completions and benchmark:
            from steadycode.retraining.evaluation import Recorded, recorded_job

            recorded = Recorded(completions, benchmark)
            recorded_job(project, config.resolved(), recorded)  # raises what is wrong
        else:
            _check_model(project, str(model), config)
        _tell_of_the_wait()
        from flows.evaluate import evaluate as flow

        name = model or (completions.stem if completions else "")
        flow(name, config, str(completions or ""), str(benchmark or ""))


def train(
    output: Annotated[Path, typer.Option(help="Write the model and events to this new folder.")],
    profile: Profile = "quick",
    overrides: Overrides = None,
    allow_dirty_data: DirtyData = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace another training in that folder.")
    ] = False,
    job_only: Annotated[
        bool,
        typer.Option("--job-only", help="Only write the job's file, and tell how to run it."),
    ] = False,
) -> None:
    """Run the training stage alone, without evaluation and registry.

    The same training in the same folder goes on from where it was. One with another setting, or by
    other code, is not replaced unless --force says so.
    """
    with in_project() as project:
        from steadycode.config import load_config
        from steadycode.retraining.training import train_alone

        config = load_config(profile, overrides)
        train_alone(project, config, output, allow_dirty_data, force, job_only)


def refresh(
    profile: Profile = "quick",
    overrides: Overrides = None,
    branch: Annotated[
        str, typer.Option(help="Commit to this branch; otherwise to the one that is checked out.")
    ] = "",
    deployment: Annotated[
        str, typer.Option(help="Trigger this deployment, FLOW/NAME, instead of retraining here.")
    ] = "",
    retrain: Annotated[bool, typer.Option(help="Retrain when the data has changed.")] = True,
) -> None:
    """Build the corpus anew; if its bytes changed, validate, record, commit and retrain."""
    with in_project() as project:
        config = _submission(profile, overrides)
        _check_retraining(project, config, here=retrain and not deployment)
        _tell_of_the_wait()
        from flows.refresh import refresh as flow

        flow(config, branch=branch, deployment=deployment, retrain=retrain)


# Each of these raises what is wrong before Prefect is started, which takes longer than they do.


def _submission(profile: str, overrides: list[str] | None) -> "Submission":
    from steadycode.retraining.submission import Submission

    return Submission(profile=profile, overrides=tuple(overrides or ()))


def _check_retraining(project: "Project", submission: "Submission", here: bool = True) -> None:
    from steadycode.registry.store import open_store
    from steadycode.retraining.preflight import check_decision, check_retraining

    config = submission.resolved()
    check_decision(project, config)
    if here:  # another machine has other models
        check_retraining(project, config, open_store(project, config.experiment), typer.echo)


def _check_model(project: "Project", model: str, submission: "Submission") -> None:
    from steadycode.registry.store import open_store
    from steadycode.retraining.preflight import find_model

    config = submission.resolved()
    find_model(project, model, config, open_store(project, config.experiment), typer.echo)


def _tell_of_the_wait() -> None:
    typer.echo("starting (Prefect takes some seconds) …")
