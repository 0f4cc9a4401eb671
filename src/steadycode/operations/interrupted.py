"""Files and folders that a killed writer, or a killed removal, has left in a project.

They are told by a name that only ``temporaries`` gives and that names the writer. No other name
says that something may be removed.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from steadycode.project import Project
from steadycode.temporaries import Temporary, temporary


def interrupted(project: Project) -> Iterator[Temporary]:
    """What is left of writers that are dead; ``files.remove`` is the way to be rid of it."""
    return (left for left in _unfinished(project) if left.writer_lives is False)


def unjudged(project: Project) -> Iterator[Temporary]:
    """What is half-written by processes that can't be seen from here, dead or alive."""
    return (left for left in _unfinished(project) if left.writer_lives is None)


def _unfinished(project: Project) -> Iterator[Temporary]:
    for folder in {project.root, project.data.parent, project.configs, project.models}:
        for path in folder.glob(".*"):
            if left := temporary(path):
                yield left
    for top in (project.work, project.mlruns):
        for where, inside, files in os.walk(top):
            paths = [Path(where, name) for name in (*inside, *files)]
            lefts = [left for path in paths if (left := temporary(path))]
            yield from lefts
            names = {left.path.name for left in lefts}
            inside[:] = [name for name in inside if name not in names]
