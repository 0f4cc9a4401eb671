"""The commands that do the work: ``retrain``, ``evaluate``, ``train`` and ``refresh``."""

from pathlib import Path
from typing import Annotated

import typer

from steadycode.commands.options import MODEL, Budget, DirtyData, Overrides, Profile
from steadycode.commands.project import in_project
from steadycode.errors import ConfigError, DataError


def retrain(
    profile: Profile = "quick",
    overrides: Overrides = None,
    allow_dirty_data: DirtyData = False,
) -> None:
    """Validate the data, fine-tune, evaluate, register, and decide on promotion."""
    with in_project():
        from steadycode.config import load_config

        config = load_config(profile, overrides)
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
        from steadycode.config import load_config

        if (completions is None) != (benchmark is None) or not (model or completions):
            raise ConfigError("give --model, or --completions with --benchmark")
        config = load_config(profile, overrides)
        if completions and benchmark:
            from steadycode.retraining.evaluation import Recorded, recorded_job

            recorded_job(project, config, Recorded(completions, benchmark))  # raises what is wrong
        elif not (heldout := project.data / "test.jsonl").is_file():
            raise DataError(
                f"no {heldout} to take the held-out loss of; run `steadycode data build`"
            )
        if budget is not None:
            from steadycode.retraining.evaluation import within_budget

            config = within_budget(project, config, budget)
            typer.echo(f"within {budget} prompts: {', '.join(config.evaluate.perturbations)}")
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
) -> None:
    """Run the training stage alone, without evaluation and registry.

    The same training in the same folder goes on from where it was.
    """
    with in_project() as project:
        from steadycode.config import load_config
        from steadycode.retraining.training import train_alone

        train_alone(project, load_config(profile, overrides), output, allow_dirty_data, force)


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
    with in_project():
        from steadycode.config import load_config

        config = load_config(profile, overrides)
        _tell_of_the_wait()
        from flows.refresh import refresh as flow

        flow(config, branch=branch, deployment=deployment, retrain=retrain)


def _tell_of_the_wait() -> None:
    typer.echo("starting (Prefect takes some seconds) …")
