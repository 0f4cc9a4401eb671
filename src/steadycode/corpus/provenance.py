"""Where a version of data/ came from, and whether it could be had again if it were replaced."""

from collections.abc import Collection

from steadycode.corpus.lock import lock_path, locked_md5, read_lock
from steadycode.corpus.recipe import SPLITS
from steadycode.corpus.repository import was_recorded
from steadycode.corpus.shrinkage import rows_by_source
from steadycode.corpus.versions import (
    difference,
    is_cached,
    present_md5,
    recorded_md5,
    require_no_droppings,
    split_files,
)
from steadycode.errors import DataError
from steadycode.project import Project


def came_from_recipe(project: Project, md5: str) -> bool:
    """Whether the lock on disk, or that of any commit, says that the recipe gave this version."""
    return locked_md5(project) == md5 or was_recorded(project, lock_path(project), md5)


def require_ours(project: Project, before: str | None, ours: Collection[str]) -> None:
    """Raises DataError when putting the recipe's data in place would lose the user's.

    ``ours`` are versions that the recipe is known to have given. So must have been what
    ``data.dvc`` records, here and on the branch that is committed to (``before``). A data/ that a
    newer ``data.dvc`` has left behind may be replaced where it is kept.
    """
    present, recorded = present_md5(project), recorded_md5(project)
    for version in (recorded, before):
        if version not in (None, *ours) and not came_from_recipe(project, str(version)):
            raise DataError(_not_ours(project, str(version)))
    if present in (None, recorded, *ours) or came_from_recipe(project, str(present)):
        return
    require_kept(project, str(present))


def _not_ours(project: Project, version: str) -> str:
    lock = locked_md5(project)
    why = "has no lock" if lock is None else f"gave {lock}"
    return (
        f"data.dvc records data {version}, which did not come from the recipe (it {why}), so "
        "nothing was changed; to keep that data for good, set `mode: recorded` in "
        "configs/corpus.yaml; to go back to the recipe, run `steadycode data build --force` and "
        "`dvc add data`, and commit data.dvc and configs/corpus.lock.json"
    )


def require_kept(project: Project, md5: str) -> None:
    """Raises DataError when replacing data/, which has this md5, would lose it.

    It is kept where DVC's cache holds all of it and something names it: a commit, or the lock of
    what the recipe gave.
    """
    cached = is_cached(project, md5)
    if cached and (came_from_recipe(project, md5) or _is_committed(project, md5)):
        return
    require_no_droppings(project)
    lost = "no commit records data/" if cached else "DVC's cache does not hold data/"
    raise DataError(
        f"{difference(project, md5, recorded_md5(project))}, and {lost} as it is now; move it "
        "away to keep it, or drop it with `steadycode data build --force`, which builds from the "
        "recipe"
    )


def recorded_rows(project: Project) -> dict[str, int]:
    """Source -> rows of the version that ``data.dvc`` records, or else of data/ as it is.

    Empty when neither is at hand.
    """
    recorded, lock = recorded_md5(project), read_lock(project)
    if lock is not None and lock.md5 == recorded:
        return {name: source.rows for name, source in lock.sources.items()}
    files = split_files(project, recorded) if recorded not in (None, present_md5(project)) else None
    if files is None:
        files = {split: project.data / f"{split}.jsonl" for split in SPLITS}
    return rows_by_source(files.values())


def _is_committed(project: Project, md5: str) -> bool:
    return was_recorded(project, project.data_version, md5)
