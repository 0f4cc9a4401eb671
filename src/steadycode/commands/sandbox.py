"""``steadycode sandbox``: tells what generated programs can do on this machine."""

import typer

from steadycode.commands.options import Overrides, Profile
from steadycode.commands.project import in_project

app = typer.Typer(help="See what generated programs can do here.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Do nothing; without a callback typer would take the only command for the group itself."""


@app.command()
def check(profile: Profile = "quick", overrides: Overrides = None) -> None:
    """Try what generated programs must not be able to do, and whether an evaluation can run here.

    The exit code is 1 when a program could do it, and 2 where an evaluation refuses to start."""
    with in_project():
        from steadycode.config import load_config
        from steadycode.sandbox import Limits
        from steadycode.sandbox.probes import probe, rehearse
        from steadycode.views.isolation import show_isolation

        settings = load_config(profile, overrides).evaluate
        holds = show_isolation(probe())
        rehearse(Limits(**settings.limits.model_dump()), settings.sandbox == "unsafe")
        if not holds:
            raise typer.Exit(1)
