"""What is not whole yet lies beside its place, under a name that says whose it is.

``.NAME.steadycode-PLACE-PID-STARTED-RANDOM.tmp`` is written, or removed, for NAME by the process
with that ``ProcessId.mark``. Under ``….old`` lies what NAME was, where a file system can't swap two
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
    r"\.(?P<name>.+)\.steadycode-(?P<writer>[0-9a-f]{8}-\d+-\d+)-[0-9a-f]{8}\.(?P<kind>tmp|old)"
)


@dataclass(frozen=True, slots=True)
class Temporary:
    """A file or folder with a temporary name of ours."""

    path: Path
    place: Path
    """What it is written for, or was."""
    kind: str
    writer: str
    """``ProcessId.mark``"""

    @property
    def goes_back(self) -> bool:
        """It was moved away, and nothing has taken its place."""
        return self.kind == "old" and not os.path.lexists(self.place)

    @property
    def writer_lives(self) -> bool | None:
        """None when that can't be judged from here."""
        from steadycode.processes import marked_lives

        return marked_lives(self.writer)


def temporary_name(place: Path, kind: Kind = "tmp") -> Path:
    """A name of this process beside ``place`` that nothing has."""
    from steadycode.processes import ProcessId

    writer = ProcessId.mine().mark
    name = f".{place.name}.steadycode-{writer}-{os.urandom(4).hex()}.{kind}"
    return place.with_name(name)


def temporary(path: Path) -> Temporary | None:
    """What the name of ``path`` says; None when it is not one of ours."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    return Temporary(path, path.with_name(match["name"]), match["kind"], match["writer"])


def leftovers(place: Path) -> Iterator[Temporary]:
    """What a writer of ``place`` has left that is known to be dead."""
    for path in place.parent.glob(".*"):
        found = temporary(path)
        if found is not None and found.place == place and found.writer_lives is False:
            yield found
