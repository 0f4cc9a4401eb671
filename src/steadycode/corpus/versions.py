"""Versions of data/: compares what data.dvc records with what is on disk, records and restores.

DVC is run as a command and never imported, so that it slows no start and changes no logging. The
md5 of the data on disk is computed without it.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from steadycode.corpus.build import Progress, build
from steadycode.corpus.fingerprint import file_md5, file_md5s, folder_md5
from steadycode.corpus.recipe import SPLITS, Recipe, SplitName
from steadycode.corpus.repository import head_commit
from steadycode.errors import DataError
from steadycode.files import read_json
from steadycode.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class DataVersion:
    """The version of data/ on disk; ``dirty`` when ``data.dvc`` records another md5, or none."""

    md5: str
    recorded_md5: str | None
    dirty: bool
    git_commit: str | None


def recorded_md5(project: Project) -> str | None:
    """The md5 in ``data.dvc``; None without such a file. Raises DataError when it is damaged."""
    path = project.data_version
    if not path.exists():
        return None
    try:
        return md5_in(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged; restore it with git") from error


def md5_in(text: str) -> str:
    """The md5 in the text of a ``data.dvc``. Raises ValueError when there is none."""
    try:
        content: Any = yaml.safe_load(text)
        return str(content["outs"][0]["md5"])
    except (yaml.YAMLError, LookupError, TypeError) as error:
        raise ValueError("not the text of a data.dvc") from error


def current_md5(project: Project) -> str:
    """The md5 that ``dvc add`` would record now. Raises DataError when data/ is missing."""
    return folder_md5(project.data)


def check_data(project: Project, allow_dirty: bool = False) -> DataVersion:
    """The version of data/. Unless ``allow_dirty``, it must be the one in ``data.dvc``.

    Raises DataError, saying what differs and what to do, when it is another one.
    """
    md5, recorded = current_md5(project), recorded_md5(project)
    if md5 != recorded and not allow_dirty:
        raise DataError(
            f"{_difference(project, md5, recorded)}; {_remedy(recorded)}, or pass "
            "--allow-dirty-data to go on with it"
        )
    return DataVersion(
        md5=md5, recorded_md5=recorded, dirty=md5 != recorded, git_commit=head_commit(project)
    )


def record(project: Project) -> str:
    """Run ``dvc add data``, which caches the data and writes its md5 into ``data.dvc``.

    Returns that md5. Raises DataError when data/ changes meanwhile.
    """
    _dvc(project, "add", "data")
    md5, recorded = current_md5(project), recorded_md5(project)
    if md5 != recorded:
        raise DataError(f"data/ changed while it was being recorded ({recorded} is now {md5})")
    return md5


def pull(project: Project) -> bool:
    """Fetch the recorded data from the default DVC remote; False when none is configured.

    The version is fetched and checked before it replaces data/, which ``dvc pull`` would empty
    first. Raises DataError when the remote does not have that version, or has other bytes.
    """
    if not _run(project, "config", "core.remote").stdout.strip():
        return False
    _dvc(project, "fetch", "data.dvc")
    if not _check_out(project):
        raise DataError(
            f"the DVC remote does not hold data {recorded_md5(project)} undamaged; `dvc push` it "
            "from where it was recorded, or run `steadycode data build --force`"
        )
    return True


def status_clean(project: Project) -> bool:
    """Whether ``dvc status`` says that data/ and DVC's cache are up to date."""
    return _dvc(project, "status", "--json", "data.dvc").strip() == "{}"


def ensure_data(
    project: Project,
    recipe: Recipe,
    on_progress: Progress | None = None,
    *,
    force: bool = False,
) -> DataVersion:
    """Make data/ what ``data.dvc`` records; or, with ``force``, what the recipe gives now.

    Another version of data/ is replaced only where DVC's cache holds all of it, as after a
    ``git pull`` that brings a new ``data.dvc``. Afterwards the cache holds the recorded version
    too, so that ``dvc status`` is clean on a fresh clone. Raises DataError when data/ holds
    changes that would be lost, or when the recorded version cannot be had.
    """
    recorded = recorded_md5(project)
    if force:
        build(recipe, project, on_progress)
    elif not project.data.exists():
        _restore(project, recipe, on_progress)
    elif recorded is not None and (md5 := current_md5(project)) != recorded:
        require_kept(project, md5)
        _restore(project, recipe, on_progress)
    fill_cache(project)
    return check_data(project, allow_dirty=force or recorded is None)


def require_kept(project: Project, md5: str) -> None:
    """Raises DataError when replacing data/, which has this md5, would lose it."""
    if not _is_cached(project, md5):
        raise DataError(
            f"{_difference(project, md5, recorded_md5(project))}, and DVC's cache does not hold "
            "data/ as it is now; move it away to keep it, or drop it with `steadycode data build "
            "--force`, which builds from the recipe"
        )


def require_dvc(project: Project) -> None:
    """Raises DataError when DVC cannot record anything here."""
    if not any((folder / ".dvc").is_dir() for folder in (project.root, *project.root.parents)):
        raise DataError(
            f"DVC is not initialised in {project.root}; run `dvc init`, then this again"
        )


def split_files(project: Project, md5: str) -> dict[SplitName, Path] | None:
    """The files in DVC's cache that are the splits of version ``md5``; never write to them.

    None when they are not all there.
    """
    cache = _cache(project)
    files = _listing(cache, md5)
    if files is None:
        return None
    names = {split: files.get(f"{split}.jsonl") for split in SPLITS}
    splits = {split: _cached(cache, name) for split, name in names.items() if name is not None}
    return splits if all(path.is_file() for path in splits.values()) else None


def fill_cache(project: Project) -> bool:
    """Put data/ into DVC's cache if it is the recorded version, so that ``dvc status`` is clean.

    Returns False when it is another version. ``data.dvc`` is not changed.
    """
    if current_md5(project) != recorded_md5(project):
        return False
    if not status_clean(project):
        _dvc(project, "commit", "--force", "data.dvc")
    return True


def _restore(project: Project, recipe: Recipe, on_progress: Progress | None) -> None:
    """Put the recorded version in place: from DVC's cache, the remote, or else the recipe.

    Raises DataError when the recipe gives another version by now.
    """
    recorded = recorded_md5(project)
    if recorded is not None and (_check_out(project) or pull(project)):
        return
    md5 = build(recipe, project, on_progress).md5
    if recorded is not None and md5 != recorded:
        raise DataError(
            f"the corpus recipe gives data {md5}, data.dvc records {recorded}; check out the "
            "recipe of that version, or record the new one with `dvc add data`"
        )


def _check_out(project: Project) -> bool:
    """Put the recorded version in place. Returns False when DVC's cache does not hold it whole."""
    recorded = recorded_md5(project)
    if recorded is None or not _is_cached(project, recorded):
        return False
    _dvc(project, "checkout", "--force", "data.dvc")
    return True


def _is_cached(project: Project, md5: str) -> bool:
    """Whether DVC's cache holds every file of that version of data/, undamaged."""
    cache = _cache(project)
    files = _listing(cache, md5)
    return files is not None and all(
        (path := _cached(cache, file)).is_file() and file_md5(path) == file
        for file in files.values()
    )


def _listing(cache: Path, md5: str) -> dict[str, str] | None:
    """Relative path -> md5 of each file of the version ``md5``; None when the cache lacks it."""
    try:
        content = read_json(_cached(cache, md5))
        return {str(item["relpath"]): str(item["md5"]) for item in content}
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _cached(cache: Path, md5: str) -> Path:
    return cache / "files/md5" / md5[:2] / md5[2:]


def _cache(project: Project) -> Path:
    """The folder of DVC's cache, which may be shared and lie anywhere."""
    named = _run(project, "cache", "dir").stdout.strip()
    return Path(named) if named else project.root / ".dvc/cache"


def _difference(project: Project, md5: str, recorded: str | None) -> str:
    if recorded is None:
        return "data/ has no recorded version (no data.dvc)"
    before = _listing(_cache(project), recorded)
    if before is None:
        return f"data/ has md5 {md5} but data.dvc records {recorded}"
    now = file_md5s(project.data)
    changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return f"data/ differs from data.dvc in {', '.join(changed[:3])}{more}"


def _remedy(recorded: str | None) -> str:
    if recorded is None:
        return "record one with `dvc add data`"
    return "run `steadycode data build` to restore it"


def _dvc(project: Project, *arguments: str) -> str:
    """The command's output. Raises DataError with DVC's own reason when it fails."""
    done = _run(project, *arguments)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = lines[0].removeprefix("ERROR: ") if lines else f"exit code {done.returncode}"
        raise DataError(f"dvc {' '.join(arguments)}: {reason}")
    return done.stdout


def _run(project: Project, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=project.root,
        env={**os.environ, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
