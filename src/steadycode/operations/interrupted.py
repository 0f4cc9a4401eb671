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
"""The names that earlier versions gave, below .steadycode/ and mlruns/, to folders that were being
written or removed."""
_DATA_OF_EARLIER_VERSIONS = (".data.new", ".data.refresh")


def interrupted(project: Project, processes: Iterable[psutil.Process]) -> Iterator[Path]:
    """The files and folders left in the project; ``files.remove`` is the way to be rid of them.

    ``processes`` are the live ones of the project. A temporary name tells whether its writer is
    dead. A name of an earlier version, or of another machine or container, does not: then a file
    counts as left when it is older than this process and all of ``processes`` but the services of
    ``steadycode up``, which write no files.
    """
    idle = {service.pid for service in services.running(project)}
    writers = [psutil.Process(), *(process for process in processes if process.pid not in idle)]
    began = min(writer.create_time() for writer in writers if writer.is_running())
    for path in _unfinished(project):
        name = temporary(path)
        lives = name.writer_lives if name else None
        if lives is False or (lives is None and _is_older(path, began)):
            yield path


def _is_older(path: Path, began: float) -> bool:
    try:
        return path.lstat().st_mtime < began
    except OSError:  # it has been removed in the meantime
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
