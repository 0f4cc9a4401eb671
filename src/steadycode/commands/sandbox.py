"""``steadycode sandbox``: tells what generated programs can do on this machine."""

import typer

from steadycode.commands.options import Overrides, Profile
from steadycode.commands.project import in_project
from steadycode.errors import SandboxError

app = typer.Typer(help="See what generated programs can do here.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Do nothing; without a callback typer would take the only command for the group itself."""


@app.command()
def check(profile: Profile = "quick", overrides: Overrides = None) -> None:
    """Try what generated programs must not be able to do, and whether an evaluation can run here.

    The exit code is 1 when a program could do it, and 2 when the limits of ``evaluate.limits``
    can't be kept, so that an evaluation refuses to start."""
    with in_project():
        from steadycode.config import load_config
        from steadycode.sandbox import Limits
        from steadycode.sandbox.probes import probe
        from steadycode.views.isolation import show_isolation

        limits = load_config(profile, overrides).evaluate.limits
        isolation = probe(Limits(**limits.model_dump()))
        if not show_isolation(isolation):
            raise typer.Exit(SandboxError.exit_code if isolation.missing else 1)
