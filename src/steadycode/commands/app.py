"""The ``steadycode`` command: a thin face on the stages and flows.

Only the standard library, yaml, pydantic, typer and two small libraries that tell what is up are
imported here; everything heavy is imported inside the command that needs it, so that ``--help`` is
instant.
"""

from pathlib import Path
from typing import Annotated

import typer

from steadycode.commands.measure import measure_app
from steadycode.commands.perturb import perturb_app
from steadycode.commands.project import in_project
from steadycode.errors import ConfigError, DataError

app = typer.Typer(
    help="Retrain code language models; promote a new one only on evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Build and validate the training data.", no_args_is_help=True)
app.add_typer(data_app, name="data")
sandbox_app = typer.Typer(help="What generated programs can do here.", no_args_is_help=True)
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(perturb_app, name="perturb")
app.add_typer(measure_app, name="measure")

Profile = Annotated[str, typer.Option(help="A file of configs/, without .yaml.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Lay section.key=value over the profile, e.g. train.steps=40."),
]
DirtyData = Annotated[
    bool,
    typer.Option(help="Use data that differs from data.dvc; such a run is never promoted."),
]


Budget = Annotated[
    int | None,
    typer.Option(min=1, help="Perturbations that told most in earlier runs, N prompts at most."),
]


@app.command()
def retrain(
    profile: Profile = "quick",
    overrides: Overrides = None,
    allow_dirty_data: DirtyData = False,
) -> None:
    """Validate the data, fine-tune, evaluate, register, and decide on promotion."""
    with in_project():
        from steadycode.config import load_config

        config = load_config(profile, overrides)
        typer.echo("starting (Prefect takes some seconds) …")
        from flows.retrain import retrain as flow

        flow(config, allow_dirty_data=allow_dirty_data)


@app.command()
def evaluate(
    model: Annotated[
        str | None, typer.Option(help="Base-model name, folder, models:/NAME@ALIAS or hub id.")
    ] = None,
    completions: Annotated[
        Path | None,
        typer.Option(help="Instead of a model: JSON lines of prompt and completion."),
    ] = None,
    benchmark: Annotated[
        Path | None, typer.Option(help="Of --completions: a folder from `perturb build`.")
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
        typer.echo("starting (Prefect takes some seconds) …")
        from flows.evaluate import evaluate as flow

        flow(model, config)


@app.command()
def train(
    output: Annotated[Path, typer.Option(help="New folder for the model and its events.")],
    profile: Profile = "quick",
    overrides: Overrides = None,
    allow_dirty_data: DirtyData = False,
) -> None:
    """Run the training stage alone: no evaluation, no registry."""
    with in_project() as project:
        from steadycode.config import load_config
        from steadycode.retraining.alone import train_alone

        train_alone(project, load_config(profile, overrides), output, allow_dirty_data)


@data_app.command("build")
def data_build(
    force: Annotated[
        bool, typer.Option(help="Build from the recipe, dropping local changes.")
    ] = False,
) -> None:
    """Make data/ as data.dvc records it: from DVC's cache or remote, else from the recipe."""
    with in_project() as project:
        from steadycode.retraining.alone import build_data

        build_data(project, force)


@data_app.command("validate")
def data_validate(
    profile: Profile = "quick",
    overrides: Overrides = None,
    page: Annotated[
        Path | None, typer.Option(help="Where to write the result as an HTML page.")
    ] = None,
) -> None:
    """Check data/ (read-only) and name the rows that fail."""
    with in_project() as project:
        from steadycode.config import load_config
        from steadycode.retraining.alone import validate_data

        validate_data(project, load_config(profile, overrides), page)


@app.command()
def ui(
    run: Annotated[str | None, typer.Option(help="Show the address of this run.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5000,
    host: str = "127.0.0.1",
) -> None:
    """Serve the MLflow pages of all runs (Ctrl-C stops them)."""
    with in_project() as project:
        from steadycode.registry.ui import serve_ui

        serve_ui(project, host, port, run)


Port = Annotated[int | None, typer.Option(min=1, max=65535, show_default=False)]


@app.command()
def up(
    prefect_port: Port = None,
    mlflow_port: Port = None,
    notify: Annotated[
        str | None,
        typer.Option(help="Prefect block TYPE/NAME that is told of bad runs; '' ends that."),
    ] = None,
) -> None:
    """Start Prefect, its worker and the MLflow pages on 127.0.0.1, and deploy prefect.yaml.

    Ports are 4200 and 5000 unless you name others.
    """
    with in_project() as project:
        from steadycode.operations.team import up as start

        start(project, prefect_port, mlflow_port, notify)


@app.command()
def down() -> None:
    """Stop everything that `steadycode up` has started."""
    with in_project() as project:
        from steadycode.operations.team import down as stop

        stop(project)


@app.command()
def worker(
    pool: Annotated[str, typer.Option(help="Work pool whose runs to take.")] = "local-process",
) -> None:
    """Run a worker on this machine for the server that PREFECT_API_URL names (Ctrl-C stops it)."""
    with in_project() as project:
        from steadycode.operations.team import work_for

        work_for(project, pool)


@app.command()
def status() -> None:
    """What runs, and when each deployment was due, started, ended, and how."""
    with in_project() as project:
        from steadycode.operations.overview import show_status

        show_status(project)


@app.command()
def runs(
    run: Annotated[str | None, typer.Option(help="Tell all about one run.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
) -> None:
    """Retrainings and evaluations with outcome and reason, failed and missed ones included."""
    with in_project() as project:
        from steadycode.operations.overview import show_run, show_runs

        if run is None:
            show_runs(project, limit)
        else:
            show_run(project, run)


@app.command()
def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Put it right.")] = False,
) -> None:
    """Find what killed runs have left. Exit code 1 when there is something to be done."""
    with in_project() as project:
        from steadycode.operations.overview import show_leftovers

        if not show_leftovers(project, repair):
            raise typer.Exit(1)


@app.command()
def gc(
    keep: Annotated[
        int, typer.Option(min=0, help="Newest versions and unfinished attempts that stay.")
    ] = 5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    profile: Profile = "quick",
) -> None:
    """Free weights, checkpoints and completions that no alias and no recent version needs."""
    with in_project() as project:
        from steadycode.config import load_config
        from steadycode.operations.retention import collect_garbage

        collect_garbage(project, keep, dry_run, load_config(profile).experiment)


@sandbox_app.command("check")
def sandbox_check() -> None:
    """Try, as a generated program would, what must not work. Exit code 1 when something does."""
    with in_project():
        from steadycode.sandbox.probes import show_isolation

        if not show_isolation():
            raise typer.Exit(1)


@app.command()
def relocate() -> None:
    """Repair the MLflow store of a project whose folder was moved or copied."""
    with in_project() as project:
        from steadycode.operations.relocation import relocate as repair

        repair(project)


@app.command()
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
        typer.echo("starting (Prefect takes some seconds) …")
        from flows.refresh import refresh as flow

        flow(config, branch=branch, deployment=deployment, retrain=retrain)


def main() -> None:
    app()
