"""Which processes of this machine belong to a project, and whether a recorded one still lives."""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from steadycode.errors import ConfigError

FLOWS = ("retrain", "evaluate", "refresh")
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process of one machine, for ever: a pid alone is given to others in time."""

    host: str
    pid: int
    started: float
    """Seconds since the epoch."""

    @classmethod
    def of(cls, process: psutil.Process) -> "ProcessId":
        return cls(socket.gethostname(), process.pid, round(process.create_time(), 2))

    @classmethod
    def mine(cls) -> "ProcessId":
        return cls.of(psutil.Process())

    @classmethod
    def parse(cls, text: str) -> "ProcessId | None":
        """What ``str`` gave; None for anything else."""
        try:
            host, pid, started = text.rsplit("/", 2)
            return cls(host, int(pid), float(started))
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.host}/{self.pid}/{self.started:.2f}"

    @property
    def began(self) -> datetime:
        return datetime.fromtimestamp(self.started, UTC)

    @property
    def is_here(self) -> bool:
        return self.host == socket.gethostname()

    def process(self) -> psutil.Process | None:
        """The process, if it is one of this machine and still running."""
        if not self.is_here:
            return None
        try:
            found = psutil.Process(self.pid)
            # the clock that start times are told by may be set while we run
            same = abs(found.create_time() - self.started) < 1.0
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except _GONE:
            return None


def project_processes(root: Path) -> Iterator[psutil.Process]:
    """Live processes that were started for the project at ``root``, this one left out."""
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            if _is_of(process, root) and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (*_GONE, OSError):
            continue


def _is_of(process: psutil.Process, root: Path) -> bool:
    """Every command hands STEADYCODE_HOME to what it starts, but not to itself: that one is told
    by its name and by where it was started."""
    home = process.environ().get("STEADYCODE_HOME")
    if home:
        return Path(home) == root
    command = [Path(word).name for word in process.cmdline()[:3]]
    return "steadycode" in command and Path(process.cwd()).is_relative_to(root)


def flow_commands(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that run a flow from the command line: ``steadycode retrain`` and its like."""
    found = []
    for process in processes:
        try:
            words = process.cmdline()
        except _GONE:
            continue
        if len(words) > 2 and Path(words[1]).name == "steadycode" and words[2] in FLOWS:
            found.append(process)
    return found


def end(processes: list[psutil.Process], patience: float = 10.0) -> None:
    """Ask them to stop, and stop those that do not within ``patience`` seconds."""
    for process in processes:
        try:
            process.terminate()
        except _GONE:
            continue
    _, stubborn = psutil.wait_procs(processes, timeout=patience)
    for process in stubborn:
        try:
            process.kill()
        except _GONE:
            continue
    psutil.wait_procs(stubborn, timeout=patience)


def family(process: psutil.Process) -> list[psutil.Process]:
    """``process`` and all its descendants."""
    try:
        return [process, *process.children(recursive=True)]
    except _GONE:
        return []


def require_free_port(host: str, port: int, option: str) -> None:
    """Raises ConfigError, naming ``option``, when something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigError(f"{host}:{port} is not free; name another with {option}") from error
