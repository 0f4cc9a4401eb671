"""The ``steadycode`` command: every subcommand by name, in the order in which help lists them.

Only the standard library, yaml, pydantic, typer and two small libraries that tell which services
are running are imported here. Everything heavy is imported inside the command that needs it, so
that ``--help`` is instant.
"""

import typer

from steadycode.commands import data, measure, perturb, runs, sandbox, services, upkeep, work

app = typer.Typer(
    help="Retrain code language models, and promote a new one only on evidence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    *(work.retrain, work.evaluate, work.train, work.refresh),
    *(services.up, services.down, services.worker, services.ui),
    *(runs.status, runs.runs),
    *(upkeep.doctor, upkeep.gc, upkeep.relocate),
):
    app.command()(command)
app.add_typer(data.app, name="data")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(perturb.app, name="perturb")
app.add_typer(measure.app, name="measure")


def main() -> None:
    app()
