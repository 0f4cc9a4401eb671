"""The jobs: ``retrain``, ``evaluate``, ``train`` and ``refresh``."""

from pathlib import Path
from typing import Annotated

import typer

from steadycode.commands.options import Budget, DirtyData, Overrides, Profile
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
    model: Annotated[
        str | None, typer.Option(help="Base-model name, folder, models:/NAME@ALIAS or hub id.")
    ] = None,
    completions: Annotated[
        Path | None,
        typer.Option(help="Instead of a model: JSON lines of prompt and completion."),
    ] = None,
    benchmark: Annotated[
        Path | None,
        typer.Option(help="The folder from `perturb build` whose prompts were completed."),
    ] = None,
    budget: Budget = None,
    profile: Profile = "quick",
    overrides: Overrides = None,
) -> None:
    """Evaluate any model without training, or completions that were made elsewhere."""
    with in_project() as project:
        from steadycode.config import load_config

        if (model is None) == (completions is None) or (completions is None) != (benchmark is None):
            raise ConfigError("give --model, or --completions with --benchmark")
        config = load_config(profile, overrides)
        if budget is not None:
            from steadycode.stages.benchmarks import within_budget

            config = within_budget(project, config, budget)
        if completions is not None and benchmark is not None:
            from steadycode.stages.benchmarks import evaluate_completions

            evaluate_completions(benchmark, completions, config)
            return
        assert model
        heldout = project.data / "test.jsonl"
        if not heldout.is_file():  # before half a minute has gone into starting
            raise DataError(
                f"no {heldout} to take the held-out loss of; run `steadycode data build`"
            )
        _tell_of_the_wait()
        from flows.evaluate import evaluate as flow

        flow(model, config)


def train(
    output: Annotated[Path, typer.Option(help="New folder for the model and its events.")],
    profile: Profile = "quick",
    overrides: Overrides = None,
    allow_dirty_data: DirtyData = False,
) -> None:
    """Run the training stage alone: no evaluation, no registry."""
    with in_project() as project:
        from steadycode.config import load_config
        from steadycode.retraining.training import train_alone

        train_alone(project, load_config(profile, overrides), output, allow_dirty_data)


def refresh(
    profile: Profile = "quick",
    overrides: Overrides = None,
    branch: Annotated[
        str, typer.Option(help="Commit there; without it, on the branch that is checked out.")
    ] = "",
    deployment: Annotated[
        str, typer.Option(help="Trigger this deployment, FLOW/NAME, instead of retraining here.")
    ] = "",
    retrain: Annotated[bool, typer.Option(help="Retrain when the data changed.")] = True,
) -> None:
    """Build the corpus anew; when its bytes changed: validate, record, commit and retrain."""
    with in_project():
        from steadycode.config import load_config

        config = load_config(profile, overrides)
        _tell_of_the_wait()
        from flows.refresh import refresh as flow

        flow(config, branch=branch, deployment=deployment, retrain=retrain)


def _tell_of_the_wait() -> None:
    typer.echo("starting (Prefect takes some seconds) …")
