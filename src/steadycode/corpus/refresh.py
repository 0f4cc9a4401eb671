"""The steps of a refresh: new data is built beside data/, judged, recorded and committed.

Each step finds out what an interrupted refresh has already done, so the same steps called again
complete it. Two things cannot be seen in data/, ``data.dvc`` or git: which data a refresh was
putting in place, and whether the retraining on it was started. ``.steadycode/refresh.json`` holds
them.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from steadycode.config import DataConfig
from steadycode.corpus import repository, versions
from steadycode.corpus.build import Progress, build_folder, writing
from steadycode.corpus.changes import RowChanges, row_changes
from steadycode.corpus.lock import lock_path, lock_text, locked_md5, write_lock
from steadycode.corpus.provenance import recorded_rows, require_ours
from steadycode.corpus.recipe import SPLITS, Recipe, SplitName
from steadycode.corpus.restore import ensure_data
from steadycode.corpus.shrinkage import require_rows
from steadycode.corpus.validation import validate
from steadycode.corpus.validation_result import ValidationResult, require_valid
from steadycode.corpus.versions import DataVersion, present_md5, recorded_md5
from steadycode.errors import ConfigError, DataError
from steadycode.files import take_place, temporary_beside, write_text
from steadycode.locks import is_held, lock_of, locked
from steadycode.project import Project
from steadycode.records import read_record, write_record

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The data that the recipe gives now, and what is left to do about it."""

    md5: str
    before: str | None
    """The md5 that the branch records."""
    rows: Mapping[SplitName, RowChanges]
    """How each split differs from the version ``before``."""
    built: Path
    """The folder with the new data, which takes the place of data/. It does not exist when data/
    holds that data already."""
    lock: str
    """The text of configs/corpus.lock.json."""
    record: bool
    commit: bool
    retrain: bool
    token: str
    """An id that is the same in every try at this change, so that Prefect starts one retraining
    however often it is asked."""

    @property
    def added(self) -> int | None:
        return _total(change.added for change in self.rows.values())

    @property
    def removed(self) -> int | None:
        return _total(change.removed for change in self.rows.values())

    def summary_line(self) -> str:
        if self.added is None or self.removed is None:
            return f"Data {self.md5[:8]}: {sum(c.rows for c in self.rows.values())} rows"
        return f"Data {self.md5[:8]}: {self.added} rows added, {self.removed} removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """The file ``.steadycode/refresh.json``."""

    md5: str
    retrained: bool
    token: str
    before: str | None = None
    """The version that the branch recorded, which the recipe had given too."""
    told: bool = False
    """Whether the user has heard that no DVC remote is configured."""


@contextmanager
def only_refresh(project: Project) -> Iterator[Path]:
    """Hold the lock that lets one refresh run at a time. Yields the folder to build in, which is
    removed at the end. Raises ConfigError when another refresh is running."""
    running = ConfigError(
        "a refresh is already running; wait for it, or stop it and run this again to go on from "
        "there"
    )
    with locked(project.lock("refresh"), running), temporary_beside(project.data) as aside:
        yield aside


def require_ready(project: Project, recipe: Recipe, branch: str) -> None:
    """Raises DataError or ConfigError when new data could not be recorded or committed here."""
    versions.require_dvc(project)
    if recipe.mode == "recipe":
        repository.find_branch(project, branch)


def bring_recorded(project: Project, recipe: Recipe) -> DataVersion:
    """Make data/ what ``data.dvc`` records where the recipe's mode is ``recorded``.

    Raises DataError when that is to be had nowhere, or when data/ would be lost.
    """
    if present_md5(project) != recorded_md5(project):
        _require_unused(project)
    return ensure_data(project, recipe)


def rebuild(
    project: Project,
    recipe: Recipe,
    aside: Path,
    branch: str = "",
    on_progress: Progress | None = None,
) -> Change:
    """Build the recipe's data in ``aside``, and find out what is left to do about it.

    data/ is replaced here only when ``data.dvc`` already records what was built and data/ is
    missing or holds another version. Raises DataError when the user's data would be lost, or when
    the recipe comes to far fewer rows than are recorded.
    """
    before, state = _md5_on(project, branch), _read_state(project)
    with writing(project):
        built = build_folder(recipe, project, aside, on_progress)
        recorded, present = recorded_md5(project), present_md5(project)
        _require_ours(project, built.md5, before if built.md5 != recorded else None)
        if built.md5 not in (recorded, present):
            require_rows(recipe, recorded_rows(project), built)
        if built.md5 == recorded != present:
            _require_unused(project)
            take_place(aside, project.data)
            versions.fill_cache(project)
        if built.md5 == recorded != locked_md5(project):
            write_lock(project, recipe, built)
    earlier = state if state is not None and state.md5 == built.md5 else None
    owed = earlier is not None and not earlier.retrained
    if earlier is not None and not owed and before != built.md5:
        earlier = None  # other data was committed since, so that this change is a new one
    change = Change(
        md5=built.md5,
        before=before,
        rows={},
        built=aside,
        lock=lock_text(recipe, built),
        record=built.md5 != recorded,
        commit=False,
        retrain=owed,
        token=earlier.token if earlier is not None else uuid.uuid4().hex,
    )
    if not (change.record or owed):
        return change
    return replace(
        change,
        rows=_rows(project, before, change),
        commit=not _is_committed(project, change, branch),
        retrain=owed or earlier is None,
    )


def judge(change: Change, bounds: DataConfig) -> ValidationResult:
    """Validate what was built. Raises DataError, naming rows, when it is not fit to train on."""
    result = validate(change.built, bounds)
    remedy = (
        "mend the source or the recipe, then run this again; data/ and data.dvc were left alone"
    )
    require_valid(result, remedy)
    if result.data_md5 != change.md5:
        raise DataError("what was built has changed while it was judged; run this again")
    return result


def record(project: Project, change: Change) -> None:
    """Put the new data in the place of data/ and record it with ``dvc add``.

    DVC's cache keeps the version that is replaced.
    """
    with writing(project):
        present = present_md5(project)
        _require_ours(project, change.md5, change.before)
        if present != change.md5:
            _require_unused(project)
            if present is not None:
                versions.fill_cache(project)
        _write_state(project, change, retrained=not change.retrain)
        if present != change.md5:
            take_place(change.built, project.data)
        write_text(lock_path(project), change.lock)
    if recorded_md5(project) != change.md5:
        versions.record(project)


def push(project: Project) -> str:
    """Send the recorded data to DVC's remote, so that other clones can pull it.

    Returns what there is to tell: DVC's last line; or, once, that no remote is configured. Raises
    DataError with DVC's reason when the remote does not take the data.
    """
    if versions.has_remote(project):
        return f"DVC remote: {versions.push(project)}" if versions.fill_cache(project) else ""
    state = _read_state(project)
    if state is None or state.told:
        return ""
    write_record(project.refresh_state, replace(state, told=True), SCHEMA)
    return (
        "no DVC remote is configured, so other clones get this data only where the recipe gives "
        "it; `dvc remote add --default NAME URL` names one, and every refresh pushes to it"
    )


def commit(project: Project, change: Change, branch: str = "") -> str | None:
    """Commit ``data.dvc`` and the lock. Returns the commit, or None if the branch has both."""
    if _is_committed(project, change, branch):
        return None
    _require_ours(project, change.md5, _md5_on(project, branch))
    lock = lock_path(project)
    write_text(lock, change.lock)
    target = repository.find_branch(project, branch)
    return repository.commit(project, target, [project.data_version, lock], _message(change))


def settle(project: Project, change: Change) -> None:
    """Note that the retraining on this data has ended, or that Prefect will start it."""
    _write_state(project, change, retrained=True)


def _require_ours(project: Project, md5: str, before: str | None) -> None:
    """Raises DataError when replacing data/ by the version ``md5`` would lose the user's."""
    state = _read_state(project)
    ours = {state.md5, state.before or md5} if state is not None else set()
    require_ours(project, before, {md5, *ours})


def _require_unused(project: Project) -> None:
    """Raises DataError while a retraining reads data/, since that fails when the data changes."""
    for _, _, folder in project.attempts():
        if is_held(lock_of(folder)):
            raise DataError(
                f"data/ is to be replaced, but the retraining in {folder} is reading it; run this "
                "again when that has ended"
            )


def _md5_on(project: Project, branch: str) -> str | None:
    target = repository.find_branch(project, branch)
    text = repository.content_on(project, target, project.data_version)
    try:
        return None if text is None else versions.md5_in(text)
    except ValueError:
        return None


def _is_committed(project: Project, change: Change, branch: str) -> bool:
    target = repository.find_branch(project, branch)
    lock = repository.content_on(project, target, lock_path(project))
    return _md5_on(project, branch) == change.md5 and lock is not None and change.md5 in lock


def _rows(project: Project, before: str | None, change: Change) -> dict[SplitName, RowChanges]:
    """How the splits differ from the version ``before``, be it in data/ or in DVC's cache."""
    new = change.built if change.built.exists() else project.data
    old: Mapping[SplitName, Path] | None
    if before is None:
        old = {}
    elif before == change.md5:
        old = _splits(new)
    elif before == present_md5(project):
        old = _splits(project.data)
    else:
        old = versions.split_files(project, before)
    return row_changes(old, new)


def _splits(folder: Path) -> dict[SplitName, Path]:
    return {split: folder / f"{split}.jsonl" for split in SPLITS}


def _read_state(project: Project) -> _State | None:
    path = project.refresh_state
    if not path.exists():
        return None
    return read_record(path, _State, SCHEMA, DataError, "remove it and run this again")


def _write_state(project: Project, change: Change, *, retrained: bool) -> None:
    earlier = _read_state(project)
    told = earlier is not None and earlier.told
    state = _State(
        md5=change.md5,
        retrained=retrained,
        token=change.token,
        before=change.before,
        told=told,
    )
    write_record(project.refresh_state, state, SCHEMA)


def _message(change: Change) -> str:
    lines = [f"{split}: {_spoken(change.rows[split])}" for split in SPLITS]
    return "\n".join([change.summary_line(), "", *lines, "", f"md5 {change.md5}"])


def _spoken(changes: RowChanges) -> str:
    if changes.added is None:
        return f"{changes.rows} rows"
    return f"{changes.rows} rows, {changes.added} added, {changes.removed} removed"


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
