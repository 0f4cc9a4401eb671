"""Finds the processes that belong to a project, and tells whether a recorded one still lives."""

import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil

from steadycode.errors import ConfigError, SteadycodeError
from steadycode.places import Place

STARTED_BY = "STEADYCODE_PROCESS"
"""The variable that tells every process that we start who has started it."""
FLOWS = ("retrain", "evaluate", "refresh")
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


@dataclass(frozen=True, slots=True)
class ProcessId:
    """The identity of one process on one machine; a pid alone is given to another process later.

    ``started`` is, on Linux, the time from the machine's start to the process's own, so that the
    identity stays the same when the clock is set or the host gets another name. ``host`` is for
    people, and ``began``, in seconds since the epoch, tells a process from one of an earlier start
    of the machine; it is 0 in what earlier versions have written.
    """

    host: str
    place: Place
    pid: int
    started: str
    began: int

    @classmethod
    def of(cls, process: psutil.Process) -> "ProcessId":
        began = int(process.create_time())
        return cls(socket.gethostname(), Place.here(), process.pid, _started(process), began)

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
        """The inverse of ``str``, which also reads what earlier versions have written; None when
        ``text`` is anything else."""
        try:
            host, place, pid, started = text.rsplit("/", 3)
            boot, namespace, machine, began = [*place.split(":"), "", "0"][:4]
            return cls(host, Place(boot, namespace, machine), int(pid), started, int(began))
        except ValueError:
            return None

    def __str__(self) -> str:
        place = f"{self.place.boot}:{self.place.namespace}:{self.place.machine}:{self.began}"
        return f"{self.host}/{place}/{self.pid}/{self.started}"

    @property
    def mark(self) -> str:
        """``PLACE-PID-STARTED-MACHINE-BEGAN``, short enough for a file's name."""
        machine = self.place.machine or "0"
        return f"{self.place.name}-{self.pid}-{self.started}-{machine}-{self.began}"

    @property
    def lives(self) -> bool | None:
        """Whether the process lives; None when that can't be told from here: it ran on another
        machine or in another pid namespace, or the system hides it."""
        if not self.place.is_here:
            return False if self.place.is_over(self.began) else None
        try:
            process = psutil.Process(self.pid)
            return _started(process) == self.started and process.status() != psutil.STATUS_ZOMBIE
        except psutil.ZombieProcess:
            return False
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return None if psutil.pid_exists(self.pid) else False  # somebody else's may be hidden

    @property
    def is_mine(self) -> bool:
        """Whether it is this process."""
        return self.pid == os.getpid() and self.lives is True

    def process(self) -> psutil.Process | None:
        """The process, if it is one of this machine and namespace, and still running."""
        try:
            return psutil.Process(self.pid) if self.lives else None
        except psutil.NoSuchProcess:  # it has ended in the meantime
            return None


def marked_lives(mark: str) -> bool | None:
    """Whether the process with that ``ProcessId.mark`` lives; None as in ``ProcessId.lives``.

    Earlier versions have written only the first three parts.
    """
    name, pid, started, machine, began = (*mark.split("-"), "0", "0")[:5]
    here = Place.here()
    place = here if name == here.name else Place("", "", "" if machine == "0" else machine)
    return ProcessId("", place, int(pid), started, int(began)).lives


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


def is_neighbour(process: psutil.Process) -> bool:
    """Whether ``process`` is in the pid namespace of this one, not in another container."""
    try:
        namespace = str(os.stat(f"/proc/{process.pid}/ns/pid").st_ino)
    except OSError:  # no Linux, or the process is gone or somebody else's
        namespace = ""
    return namespace == Place.here().namespace


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

    Every command hands STEADYCODE_HOME and its own identity to the processes that it starts. The
    command itself was started without, and is known by its name and the folder in which it runs.
    Whoever has exported STEADYCODE_HOME hands it to everything that he starts, so that it alone
    says nothing.
    """
    environment, name = process.environ(), _program(process.cmdline())
    home = environment.get("STEADYCODE_HOME")
    if home:
        ours = STARTED_BY in environment or name in ("steadycode", "prefect", "mlflow")
        return ours and Path(process.cwd(), home).resolve() == root
    return name == "steadycode" and Path(process.cwd()).is_relative_to(root)


def _program(words: list[str]) -> str:
    """What a command runs: for Python the script's name, or the package of ``-m``."""
    program, *rest = [*words, ""]
    if not Path(program).name.startswith("python"):
        return Path(program).name
    for word, following in pairwise(rest):
        if word == "-m":
            return following.partition(".")[0]
        if not word.startswith("-"):
            return Path(word).name
    return ""


def _started(process: psutil.Process) -> str:
    try:
        behind_the_name = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2]
        return behind_the_name.split()[19]  # clock ticks since the machine's start
    except OSError:
        return f"{process.create_time():.0f}"
