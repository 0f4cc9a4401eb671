"""``steadycode sandbox``: tells what generated programs can do on this machine."""

import typer

from steadycode.commands.project import in_project

app = typer.Typer(help="See what generated programs can do here.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Do nothing; without a callback typer would take the only command for the group itself."""


@app.command()
def check() -> None:
    """Try what generated programs must not be able to do; the exit code is 1 when one could."""
    with in_project():
        from steadycode.sandbox.probes import probe
        from steadycode.views.isolation import show_isolation

        if not show_isolation(probe()):
            raise typer.Exit(1)
