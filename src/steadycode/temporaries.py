"""What is not whole yet lies beside its place, under a name that says whose it is.

``.NAME.steadycode-MARK-RANDOM.tmp`` is written, or removed, for NAME by the process with that
``ProcessId.mark``. Under ``….old`` lies what NAME was, where a file system can't swap two
folders in one step: it goes back if nothing has taken its place.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["tmp", "old"]
_NAME = re.compile(
    r"\.(?P<name>.+)\.steadycode-(?P<writer>[0-9a-f]{8}-\d+-\d+(-(0|[0-9a-f]{8})-\d+)?)"
    r"-[0-9a-f]{8}\.(?P<kind>tmp|old)"
)


@dataclass(frozen=True, slots=True)
class Temporary:
    """A file or folder with a temporary name of ours."""

    path: Path
    place: Path
    """The path that it is to become, or that it was moved away from."""
    kind: str
    writer: str
    """The ``ProcessId.mark`` of the process that made it."""

    @property
    def goes_back(self) -> bool:
        """Whether it was moved away and nothing has taken its place."""
        return self.kind == "old" and not os.path.lexists(self.place)

    @property
    def writer_lives(self) -> bool | None:
        """Whether its writer still lives; None when that can't be judged from here."""
        from steadycode.processes import marked_lives

        return marked_lives(self.writer)


def temporary_name(place: Path, kind: Kind = "tmp") -> Path:
    """A path beside ``place`` that nothing has yet, named as this process's."""
    from steadycode.processes import ProcessId

    writer = ProcessId.mine().mark
    name = f".{place.name}.steadycode-{writer}-{os.urandom(4).hex()}.{kind}"
    return place.with_name(name)


def temporary(path: Path) -> Temporary | None:
    """The temporary that ``path`` is by its name; None when the name is not one of ours."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    return Temporary(path, path.with_name(match["name"]), match["kind"], match["writer"])


def leftovers(place: Path) -> Iterator[Temporary]:
    """The temporaries of ``place`` whose writers are known to be dead."""
    for path in place.parent.glob(".*"):
        left = temporary(path)
        if left is not None and left.place == place and left.writer_lives is False:
            yield left
