"""``steadycode data``: build and validate the training data."""

from pathlib import Path
from typing import Annotated

import typer

from steadycode.commands.options import Overrides, Profile
from steadycode.commands.project import in_project
from steadycode.errors import ConfigError

app = typer.Typer(help="Build and validate the training data.", no_args_is_help=True)


@app.command()
def build(
    force: Annotated[
        bool, typer.Option(help="Build from the recipe and drop the changes made in data/.")
    ] = False,
    accept_fewer_rows: Annotated[
        bool, typer.Option(help="With --force: however few rows the recipe comes to now.")
    ] = False,
) -> None:
    """Make data/ as data.dvc records it, from DVC's cache or remote, or else from the recipe."""
    with in_project() as project:
        from rich.console import Console

        from steadycode.corpus.lock import lock_of_data
        from steadycode.corpus.recipe import load_recipe
        from steadycode.corpus.restore import ensure_data, force_data
        from steadycode.corpus.versions import record_command
        from steadycode.views.console import StageView, plain_printer
        from steadycode.views.sources import sources_table

        console = Console()
        recipe = load_recipe(project.recipe)
        with StageView(console, 1).stage("make data/") as view:
            version = (
                force_data(project, recipe, view.progress, accept_fewer_rows=accept_fewer_rows)
                if force
                else ensure_data(project, recipe, view.progress, tell=plain_printer())
            )
        lock = lock_of_data(project, version.md5)
        if lock is not None:
            console.print(sources_table(lock))
        dirty = f"not recorded, `dvc {' '.join(record_command(project))}` does that"
        recorded = dirty if version.dirty else "as data.dvc records"
        console.print(f"data/ is version {version.md5}: {recorded}", soft_wrap=True)


@app.command()
def validate(
    profile: Profile = "quick",
    overrides: Overrides = None,
    page: Annotated[
        Path | None,
        typer.Option(help="Also write the result to this file, as an HTML page."),
    ] = None,
) -> None:
    """Check data/ and name the rows that fail; nothing in data/ is changed."""
    with in_project() as project:
        from rich.console import Console

        from steadycode.config import load_config
        from steadycode.corpus.lock import lock_of_data
        from steadycode.corpus.validation import validate as validate_folder
        from steadycode.corpus.validation_result import require_valid
        from steadycode.files import write_text
        from steadycode.views.validation import (
            is_validation_page,
            validation_page,
            validation_table,
        )

        if page and page.exists() and not is_validation_page(page):
            raise ConfigError(f"{page} is there and is no such page; name another file")
        console = Console()
        result = validate_folder(project.data, load_config(profile, overrides).data)
        console.print(validation_table(result))
        if page is not None:
            lock = lock_of_data(project, result.data_md5)
            write_text(page, validation_page(result, lock))
            console.print(f"wrote {page}")
        require_valid(result)
        console.print(result.summary_line(), markup=False)
