"""``steadycode sandbox``: what generated programs can do on this machine."""

import typer

from steadycode.commands.project import in_project

app = typer.Typer(help="What generated programs can do here.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Without a callback typer would take the only command for the group itself."""


@app.command()
def check() -> None:
    """Try, as a generated program would, what must not work. Exit code 1 when something does."""
    with in_project():
        from steadycode.sandbox.probes import probe
        from steadycode.views.isolation import show_isolation

        if not show_isolation(probe()):
            raise typer.Exit(1)
