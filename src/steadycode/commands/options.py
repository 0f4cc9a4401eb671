"""Options that several commands share."""

from typing import Annotated

import typer

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
    typer.Option(
        min=1,
        help="Choose the perturbations that told most in earlier runs, for N prompts at most.",
    ),
]
Port = Annotated[int | None, typer.Option(min=1, max=65535, show_default=False)]
