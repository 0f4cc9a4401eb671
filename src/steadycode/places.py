"""Where a process runs: on which machine, since which start of it, in which pid namespace.

A pid says something only there. A process that ran elsewhere can't be seen from here, so it can't
be called dead either, with one exception: an earlier start of this same machine, which ended all
that ran then.
"""

import hashlib
import os
import socket
import sys
import uuid
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_OUTERMOST = str(0xEFFFFFFC)
"""The number that Linux gives to the pid namespace which no container is in."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is empty is not known."""

    boot: str
    """Linux's id of the machine's present start. Other systems give none; there a process's start
    is told as a time of day, which does as well."""
    namespace: str
    """The pid namespace, on Linux: each container has its own."""
    machine: str
    """A hash of what stays when the machine is started again, and what no two machines on one
    network share: machine id, host name and network cards. Empty in a container, which may have
    all of it from its image."""

    @classmethod
    def here(cls) -> "Place":
        return _here()

    @property
    def is_here(self) -> bool:
        """Whether a pid of that place is one of this process's own."""
        here = _here()
        if (self.boot, self.namespace) != (here.boot, here.namespace):
            return False
        return bool(self.boot) or bool(self.machine and self.machine == here.machine)

    def is_over(self, began: int) -> bool:
        """Whether that was an earlier start of this machine, for a process that ``began`` then (in
        seconds since the epoch): it must have begun before the machine's present start."""
        here = _here()
        same = bool(self.machine) and self.machine == here.machine
        return same and self.boot != here.boot and 0 < began < psutil.boot_time()

    @property
    def name(self) -> str:
        """A short name for the start and the namespace, fit for a file's name."""
        return _short(f"{self.boot}:{self.namespace}:{'' if self.boot else self.machine}")


@cache
def _here() -> Place:
    boot = _read(Path("/proc/sys/kernel/random/boot_id"))
    try:
        namespace = str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:  # no Linux
        namespace = ""
    alone = namespace == _OUTERMOST or sys.platform != "linux"
    return Place(boot, namespace, _machine() if alone else "")


def _machine() -> str:
    """Empty when something of what tells machines apart is missing."""
    if sys.platform == "linux":
        named = _read(Path("/etc/machine-id")).removeprefix("uninitialized")
        cards = sorted(
            _read(card / "address")
            for card in Path("/sys/class/net").glob("*")
            if (card / "device").exists()  # a card, and nothing that was made up
        )
    else:
        node = uuid.getnode()
        made_up = node >> 40 & 1
        named, cards = sys.platform, [] if made_up else [f"{node:012x}"]
    return _short(" ".join([named, socket.gethostname(), *cards])) if named and cards else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
