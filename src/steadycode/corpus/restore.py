"""Brings data/ to the version that ``data.dvc`` records, or to what the recipe gives now."""

from collections.abc import Callable

from steadycode.corpus.build import Progress, build
from steadycode.corpus.built import BuildResult
from steadycode.corpus.provenance import recorded_rows, require_kept
from steadycode.corpus.recipe import Recipe
from steadycode.corpus.repository import head_commit
from steadycode.corpus.shrinkage import require_rows
from steadycode.corpus.versions import (
    DataVersion,
    check_data,
    check_out,
    drop_damaged,
    fill_cache,
    present_md5,
    pull,
    recorded_md5,
)
from steadycode.errors import DataError
from steadycode.project import Project


def ensure_data(
    project: Project,
    recipe: Recipe,
    on_progress: Progress | None = None,
    *,
    tell: Callable[[str], None] | None = None,
) -> DataVersion:
    """Make data/ what ``data.dvc`` records: from DVC's cache, its remote, or else the recipe.

    Another version of data/ is replaced only where it can be had again, as after a ``git pull``
    that brings a new ``data.dvc``. Afterwards the cache holds the recorded version too, so that
    ``dvc status`` is clean on a fresh clone. ``tell`` is called with a remote's fault that the
    recipe makes good. Raises DataError when data/ holds changes that would be lost, or when the
    recorded version cannot be had; data/ is then as it was.
    """
    head_commit(project)  # raises before anything costly where git does not let this user in
    present, recorded = present_md5(project), recorded_md5(project)
    if present is None and recorded is None:
        require_recipe(recipe, "there is neither data/ nor a version that data.dvc records")
        build(recipe, project, on_progress)
    elif recorded is not None and present != recorded:
        if present is not None:
            require_kept(project, present)
        _restore(project, recipe, recorded, on_progress, tell)
    fill_cache(project)
    return check_data(project, allow_dirty=recorded is None)


def force_data(
    project: Project,
    recipe: Recipe,
    on_progress: Progress | None = None,
    *,
    accept_fewer_rows: bool = False,
) -> DataVersion:
    """Make data/ what the recipe gives now, whatever it held.

    Raises DataError, and leaves data/ as it was, when the recipe says that data/ is the user's, or
    comes to far fewer rows than are recorded and ``accept_fewer_rows`` is not set.
    """
    require_recipe(recipe, "--force builds from the recipe")
    head_commit(project)

    def accept(built: BuildResult) -> None:
        if not accept_fewer_rows:
            require_rows(recipe, recorded_rows(project), built)

    build(recipe, project, on_progress, accept)
    fill_cache(project)
    return check_data(project, allow_dirty=True)


def require_recipe(recipe: Recipe, why: str) -> None:
    if recipe.mode == "recorded":
        raise DataError(
            f"{why}, but configs/corpus.yaml says `mode: recorded`, so that data/ is never built; "
            "put your data there and record it with `dvc add data`, or set `mode: recipe`"
        )


def _restore(
    project: Project,
    recipe: Recipe,
    recorded: str,
    on_progress: Progress | None,
    tell: Callable[[str], None] | None,
) -> None:
    """Put the recorded version in place: from DVC's cache, the remote, or else the recipe.

    Raises DataError when none of them gives it; nothing has changed then.
    """
    if check_out(project):
        return
    drop_damaged(project, recorded)
    lacking = "no DVC remote is configured"
    try:
        if pull(project):
            return
    except DataError as fault:
        lacking = str(fault)
        if tell is not None and recipe.mode == "recipe":
            tell(f"{lacking}; building it from the recipe")
    require_recipe(recipe, f"DVC's cache does not hold data {recorded}, and {lacking}")

    def accept(built: BuildResult) -> None:
        if built.md5 != recorded:
            raise DataError(
                f"the corpus recipe gives data {built.md5}, data.dvc records {recorded}, which "
                f"DVC's cache does not hold, and {lacking}; `dvc push` it from where it was "
                "recorded, or check out the recipe of that version; `steadycode data build "
                "--force` and `dvc add data` make and record what the recipe gives now"
            )

    build(recipe, project, on_progress, accept)
