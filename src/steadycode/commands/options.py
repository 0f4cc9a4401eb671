"""Options that several commands share."""

from typing import Annotated

import typer

MODEL = "The model: a name of configs/base-models.yaml, a folder, models:/NAME@ALIAS or a hub id."
Profile = Annotated[str, typer.Option(help="Take settings from configs/NAME.yaml; give NAME.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one setting: section.key=value, e.g. train.steps=40."),
]
DirtyData = Annotated[
    bool,
    typer.Option(help="Allow data that differs from data.dvc; such a run is never promoted."),
]
Budget = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Choose the perturbations that changed most verdicts in earlier runs, as many as"
        " this number of prompts allows.",
    ),
]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Listen on this port.")]
