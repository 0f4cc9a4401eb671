"""Files and folders that a killed writer, or a killed removal, has left in a project."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from steadycode.operations import services
from steadycode.project import Project
from steadycode.temporaries import temporary

_OF_EARLIER_VERSIONS = re.compile(r"\..+\.(partial|removed)")
"""Names below .steadycode/ and mlruns/ of folders that were not whole yet, or no longer."""
_DATA_OF_EARLIER_VERSIONS = (".data.new", ".data.refresh")


def interrupted(project: Project, processes: Iterable[psutil.Process]) -> Iterator[Path]:
    """All that goes with ``files.remove``. ``processes``: the project's that live.

    A temporary name tells whether its writer is dead. Where it can't (a name of an earlier
    version, or of another machine or container), what is older than this process and every one of
    ``processes`` was left; those of ``steadycode up`` write no files.
    """
    idle = {one.pid for one in services.running(project)}
    writers = [psutil.Process(), *(one for one in processes if one.pid not in idle)]
    began = min(one.create_time() for one in writers if one.is_running())
    for path in _unfinished(project):
        name = temporary(path)
        lives = name.writer_lives if name else None
        if lives is False or (lives is None and _is_older(path, began)):
            yield path


def _is_older(path: Path, began: float) -> bool:
    try:
        return path.lstat().st_mtime < began
    except OSError:  # gone by now
        return False


def _unfinished(project: Project) -> Iterator[Path]:
    for folder in (project.root, project.configs, project.models):
        yield from (path for path in folder.glob(".*") if temporary(path))
    earlier = (project.root / name for name in _DATA_OF_EARLIER_VERSIONS)
    yield from (path for path in earlier if path.is_dir())
    for top in (project.work, project.mlruns):
        for where, inside, files in os.walk(top):
            names = [name for name in (*inside, *files) if _is_unfinished(name)]
            yield from (Path(where, name) for name in names)
            inside[:] = [name for name in inside if name not in names]


def _is_unfinished(name: str) -> bool:
    return name.startswith(".") and bool(
        temporary(Path(name)) or _OF_EARLIER_VERSIONS.fullmatch(name)
    )
