"""Finds the processes that belong to a project, and tells whether a recorded one still lives."""

import hashlib
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import psutil

from steadycode.errors import ConfigError, SteadycodeError

FLOWS = ("retrain", "evaluate", "refresh")
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


@dataclass(frozen=True, slots=True)
class ProcessId:
    """The identity of one process on one machine; a pid alone is given to another process later.

    ``boot`` names the machine's start and, on Linux, the container. ``started`` is there the time
    from that start to the process's own, so that the identity stays the same when the
    clock is set or the host gets another name.
    """

    machine: str
    boot: str
    pid: int
    started: str

    @classmethod
    def of(cls, process: psutil.Process) -> "ProcessId":
        return cls(socket.gethostname(), _boot(), process.pid, _started(process))

    @classmethod
    def mine(cls) -> "ProcessId":
        """The calling process's. Raises SteadycodeError where the system does not tell."""
        try:
            return cls.of(psutil.Process())
        except (*_GONE, OSError) as error:
            raise SteadycodeError(
                f"this machine does not tell which processes run ({error}): mount /proc"
            ) from error

    @classmethod
    def parse(cls, text: str) -> "ProcessId | None":
        """The inverse of ``str``; None when ``text`` is anything else."""
        try:
            machine, boot, pid, started = text.rsplit("/", 3)
            return cls(machine, boot, int(pid), started)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.machine}/{self.boot}/{self.pid}/{self.started}"

    @property
    def mark(self) -> str:
        """``PLACE-PID-STARTED``, short enough for a file's name; see ``marked_lives``."""
        return f"{_place()}-{self.pid}-{self.started}"

    @property
    def is_here(self) -> bool:
        """Whether this process can tell if that one lives, which takes the same machine and
        container."""
        boot, _, container = self.boot.partition(":")
        my_boot, _, my_container = _boot().partition(":")
        if boot == my_boot:
            return container == my_container
        return self.machine == socket.gethostname()

    def process(self) -> psutil.Process | None:
        """The process, if it is one of this machine and still running."""
        if self.boot != _boot():
            return None
        try:
            process = psutil.Process(self.pid)
            same = _started(process) == self.started
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except _GONE:
            return None


def marked_lives(mark: str) -> bool | None:
    """Whether the process with that ``ProcessId.mark`` lives.

    None when that cannot be judged from here: the process ran on another machine, in another
    container, or before this machine was started.
    """
    place, pid, started = mark.split("-")
    if place != _place():
        return None
    return replace(ProcessId.mine(), pid=int(pid), started=started).process() is not None


def project_processes(root: Path) -> Iterator[psutil.Process]:
    """The live processes, except this one, that were started for the project at ``root``."""
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            if _is_of(process, root) and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (*_GONE, OSError):
            continue


def flow_commands(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """The processes that run a flow from the command line, say ``steadycode retrain``."""
    commands = []
    for process in processes:
        words = command_line(process)
        if len(words) > 2 and Path(words[1]).name == "steadycode" and words[2] in FLOWS:
            commands.append(process)
    return commands


def command_line(process: psutil.Process) -> list[str]:
    """The words of the command that the process runs; empty when the process is gone."""
    try:
        return list(process.cmdline())
    except _GONE:
        return []


def environment_of(process: psutil.Process) -> dict[str, str]:
    """The environment that the process was started with; empty when the process is gone."""
    try:
        return dict(process.environ())
    except (*_GONE, OSError):
        return {}


def end(processes: list[psutil.Process], patience: float = 10.0) -> None:
    """Ask ``processes`` to stop, and kill those that do not stop within ``patience`` seconds."""
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
    """``process`` and all its descendants; empty when it is gone."""
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


def _is_of(process: psutil.Process, root: Path) -> bool:
    """Whether ``process`` was started for the project at ``root``.

    Every command hands STEADYCODE_HOME to the processes that it starts. The command itself was
    started without it, and is known by its name and the folder in which it runs.
    """
    home = process.environ().get("STEADYCODE_HOME")
    if home:
        return Path(process.cwd(), home).resolve() == root
    command = [Path(word).name for word in process.cmdline()[:3]]
    return "steadycode" in command and Path(process.cwd()).is_relative_to(root)


@cache
def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:  # no Linux
        return f"{socket.gethostname()}:"


@cache
def _place() -> str:
    """A short name for this start of this machine, and for the container."""
    return hashlib.sha256(_boot().encode()).hexdigest()[:8]


def _started(process: psutil.Process) -> str:
    try:
        behind_the_name = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2]
        return behind_the_name.split()[19]  # clock ticks since the machine's start
    except OSError:
        return f"{process.create_time():.0f}"
