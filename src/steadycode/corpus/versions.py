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

from steadycode.addresses import redacted
from steadycode.corpus import cache
from steadycode.corpus.droppings import droppings
from steadycode.corpus.fingerprint import file_md5s, folder_md5
from steadycode.corpus.recipe import SPLITS, SplitName
from steadycode.corpus.repository import head_commit
from steadycode.errors import DataError
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


def present_md5(project: Project) -> str | None:
    """The md5 of data/; None when no file is there."""
    holds_files = any(path.is_file() for path in project.data.rglob("*"))
    return current_md5(project) if holds_files else None


def check_data(project: Project, allow_dirty: bool = False) -> DataVersion:
    """The version of data/. Unless ``allow_dirty``, it must be the one in ``data.dvc``.

    Raises DataError, saying what differs and what to do, when it is another one.
    """
    md5, recorded = current_md5(project), recorded_md5(project)
    if md5 != recorded and not allow_dirty:
        require_no_droppings(project)
        raise DataError(
            f"{difference(project, md5, recorded)}; {_remedy(project, recorded)}, or pass "
            "--allow-dirty-data to go on with it"
        )
    return DataVersion(
        md5=md5, recorded_md5=recorded, dirty=md5 != recorded, git_commit=head_commit(project)
    )


def record(project: Project) -> str:
    """Let DVC cache the data and write its md5 into ``data.dvc``.

    Returns that md5. Raises DataError when data/ changes meanwhile, or is a link of which there is
    no version yet.
    """
    _dvc(project, *record_command(project))
    md5, recorded = current_md5(project), recorded_md5(project)
    if md5 != recorded:
        raise DataError(f"data/ changed while it was being recorded ({recorded} is now {md5})")
    if not is_cached(project, md5):  # DVC takes a damaged object in its cache for the file
        fill_cache(project)
    return md5


def record_command(project: Project) -> tuple[str, ...]:
    """The arguments with which DVC records data/: it adds nothing that lies behind a link, yet
    takes a new version of what is recorded already."""
    linked = (project.root / "data").is_symlink() and project.data_version.exists()
    return ("commit", "--force", "data.dvc") if linked else ("add", "data")


def pull(project: Project) -> bool:
    """Fetch the recorded data from the default DVC remote; False when none is configured.

    The version is fetched and checked before it replaces data/, which ``dvc pull`` would empty
    first. Raises DataError when the remote does not have that version, or has other bytes: of
    those none stays in DVC's cache.
    """
    if not has_remote(project):
        return False
    recorded = str(recorded_md5(project))
    lacking = f"the DVC remote does not hold data {recorded} undamaged"
    try:
        _dvc(project, "fetch", "data.dvc")
    except DataError as fault:
        raise DataError(f"{lacking} ({fault})") from fault
    finally:
        kept = is_cached(project, recorded)
        if not kept:
            drop_damaged(project, recorded)
    if not kept:
        raise DataError(lacking)
    check_out(project)
    return True


def has_remote(project: Project) -> bool:
    """Whether DVC has a default remote here."""
    return bool(_run(project, "config", "core.remote").stdout.strip())


def push(project: Project) -> str:
    """Send the recorded data to the default DVC remote; returns DVC's own last line.

    Raises DataError with DVC's reason when that fails.
    """
    lines = _dvc(project, "push", "data.dvc").split("\n")
    return redacted(next((line.strip() for line in reversed(lines) if line.strip()), "done"))


def status_clean(project: Project) -> bool:
    """Whether ``dvc status`` says that data/ and DVC's cache are up to date."""
    return _dvc(project, "status", "--json", "data.dvc").strip() == "{}"


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
    folder = _cache(project)
    files = cache.listing(folder, md5)
    if files is None:
        return None
    names = {split: files.get(f"{split}.jsonl") for split in SPLITS}
    splits = {split: cache.object_path(folder, md5) for split, md5 in names.items() if md5}
    return splits if all(path.is_file() for path in splits.values()) else None


def fill_cache(project: Project) -> bool:
    """Put data/ into DVC's cache if it is the recorded version, so that ``dvc status`` is clean.

    Returns False when it is another version. ``data.dvc`` is not changed.
    """
    md5 = current_md5(project)
    if md5 != recorded_md5(project):
        return False
    drop_damaged(project, md5)
    if not status_clean(project):
        _dvc(project, "commit", "--force", "data.dvc")
    return True


def check_out(project: Project) -> bool:
    """Put the recorded version in place. Returns False when DVC's cache does not hold it whole."""
    recorded = recorded_md5(project)
    if recorded is None or not is_cached(project, recorded):
        return False
    project.data.mkdir(parents=True, exist_ok=True)  # a link may lead to where nothing is yet
    _dvc(project, "checkout", "--force", "data.dvc")
    return True


def is_cached(project: Project, md5: str) -> bool:
    """Whether DVC's cache holds every file of that version of data/, undamaged."""
    return cache.holds(_cache(project), md5)


def drop_damaged(project: Project, md5: str) -> None:
    """Remove from DVC's cache what it holds damaged of that version of data/."""
    cache.drop_damaged(_cache(project), md5)


def _cache(project: Project) -> Path:
    """The folder of DVC's cache, which may be shared and lie anywhere."""
    named = _run(project, "cache", "dir").stdout.strip()
    return Path(named) if named else project.root / ".dvc/cache"


def difference(project: Project, md5: str, recorded: str | None) -> str:
    """How data/, which has this md5, differs from the version ``recorded``, in a few words."""
    if recorded is None:
        return "data/ has no recorded version (no data.dvc)"
    before = cache.listing(_cache(project), recorded)
    if before is None:
        return f"data/ has md5 {md5} but data.dvc records {recorded}"
    now = file_md5s(project.data)
    changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return f"data/ differs from data.dvc in {', '.join(changed[:3])}{more}"


def require_no_droppings(project: Project) -> None:
    """Raise DataError, naming them, when data/ holds droppings that ``data.dvc`` does not record:
    neither restoring nor recording data/ is then what a person wants."""
    recorded = recorded_md5(project)
    before = cache.listing(_cache(project), recorded) if recorded is not None else None
    present = [path.relative_to(project.data).as_posix() for path in project.data.rglob("*")]
    left = sorted(set(droppings(present)) - set(before or ()))
    if left:
        more = f" and {len(left) - 3} more such files" if len(left) > 3 else ""
        raise DataError(
            f"data/ holds {', '.join(left[:3])}{more}, which a file manager or an editor leaves "
            "behind and data.dvc does not record; remove that from data/, then run this again"
        )


def _remedy(project: Project, recorded: str | None) -> str:
    if recorded is None:
        return f"record one with `dvc {' '.join(record_command(project))}`"
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
