"""What stands around the sandbox for the attacks to reach, and what is compared afterwards."""

import contextlib
import ctypes
import json
import os
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import steadycode
from hostile.attack import MARKER, MARKER_KEY, MEMORY_MB, Attack
from hostile.honest import Honest
from steadycode.sandbox import Limits, Program, Sandbox, Verdict


@dataclass(frozen=True)
class Outcome:
    id: str
    family: str
    fault: str
    """What got through; for an honest program why it did not pass. Empty when all is well."""
    status: str = ""
    detail: str = ""
    seconds: float = 0
    """Of wall time."""


_NEXT = Program(
    """\
import builtins, decimal, json, os, random, signal, sys, threading
SEEN = [os.listdir("."), random.random()]
def f():
    return SEEN + [
        os.listdir("."), threading.active_count(), len("ab"), json.loads("[1]"),
        sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
        signal.getitimer(signal.ITIMER_REAL), decimal.getcontext().prec, sys.getrecursionlimit(),
        str(signal.getsignal(signal.SIGINT)) == str(signal.default_int_handler),
    ]
""",
    "def check(candidate):\n"
    "    assert candidate() == [[], 0.8444218515250481, [], 1, 2, [1], [], (0.0, 0.0), 28, 1000,"
    " True], candidate()\n",
    "f",
)
"""What follows every attack in the same worker: an empty folder, and nothing changed."""
_WRONG = Program(
    "def f(x): return [x, x + 0.5]\n",
    """\
def check(candidate):
    import json
    assert isinstance(candidate(1), list) and len(candidate(1)) == 2
    assert json.loads(json.dumps(candidate(1))) == sorted(candidate(1)) == [1, 1.5]
    assert all(abs(a - b) < 1e-6 for a, b in zip(candidate(2), [3, 2.5]))
""",
    "f",
)
"""And then this one, which must not pass: the checker judges as before."""


_HEAD_START = 0.7  # seconds in which a program makes its mess before all ends
_EVALUATOR = """\
import json, sys, tempfile
from steadycode.sandbox import Limits, Program, Sandbox
limits, program = json.load(sys.stdin)
with Sandbox(Limits(**limits), workers=1) as sandbox:
    print(flush=True)
    sandbox.run(Program(**program))
"""


class Outside:
    """What stands around the sandbox for the attacks to reach: canaries, listeners, itself."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._sandboxes: dict[float, Sandbox] = {}
        self._secret = _new_secret()
        self._listeners: dict[str, socket.socket] = {}
        self._places: list[Path] = []
        self.name_set: dict[str, str] = {}

    def __enter__(self) -> Self:
        base = Path(tempfile.mkdtemp(prefix=f"{MARKER}-")).resolve()
        self._stack.callback(_remove, base)
        self._stack.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
        tempfile.tempdir = str(base)
        self._set("TMPDIR", str(base))
        parents = {"TMP": base, "HOME": Path.home(), "PROJECT": Path(__file__).parents[3]}
        for name, parent in parents.items():
            place = self._make_place(parent, base)
            self._places.append(place)
            self.name_set[name] = str(place)
        self.name_set["PACKAGE"] = str(Path(steadycode.__file__).parent)
        self.name_set["MARKER"], self.name_set["KEY"] = MARKER, str(MARKER_KEY)
        self._listen(self._places[0])
        self._set("STEADYCODE_CANARY", self._secret)
        self._adopt_orphans(True)
        self._stack.callback(self._adopt_orphans, False)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for sandbox in self._sandboxes.values():
            sandbox.close()
        self._sandboxes.clear()
        self._stack.close()

    def run(self, attack: Attack) -> Outcome:
        return self._run_to_an_end(attack) if attack.end else self._run(attack)

    def _run(self, attack: Attack) -> Outcome:
        own = {**self.name_set, "SECRET": _new_secret()}
        limits = Limits(seconds=attack.seconds, memory_mb=MEMORY_MB)
        with contextlib.ExitStack() as stack:
            if attack.before or attack.beside:  # nobody else's traces
                stack.callback(_await_the_end, _family(os.getpid())[0])
                sandbox = stack.enter_context(Sandbox(limits, workers=2 if attack.beside else 1))
            else:
                sandbox = self._sandbox(limits)
            before = self._look()
            if attack.before:
                sandbox.run(_fill(attack.before, own))
            if attack.beside:
                pool = stack.enter_context(ThreadPoolExecutor(1))
                beside = pool.submit(sandbox.run, _fill(attack.beside, own))
            started = time.monotonic()
            program = Program(attack.code, attack.test, attack.entry_point)
            verdict = sandbox.run(_fill(program, own))
            seconds = time.monotonic() - started
            if attack.beside:
                beside.result()
            following, wrong = sandbox.run(_NEXT), sandbox.run(_WRONG)
            after = self._look()
        faults = list(self._judge(attack, verdict, seconds))
        faults += [f"changed outside: {name}" for name in before if before[name] != after[name]]
        if wrong.status != "failed":
            faults.append(f"the next wrong program: {wrong.status} {wrong.detail}")
        if following.status != "passed":
            faults.append(f"the next program: {following.status} {following.detail}")
        if before != after:
            self._restore()
        return Outcome(
            attack.id, attack.family, "; ".join(faults), verdict.status, verdict.detail, seconds
        )

    def _run_to_an_end(self, attack: Attack) -> Outcome:
        """What is left when the sandbox, or the evaluator, ends in the middle of a program."""
        before = self._look()
        fault = ""
        before_family, before_entries = _family(os.getpid())[0], set(_entries())
        program = _fill(Program(attack.code, attack.test, attack.entry_point), self.name_set)
        limits = Limits(seconds=attack.seconds, memory_mb=MEMORY_MB)
        if attack.end == "close":
            with ThreadPoolExecutor(1) as pool:
                sandbox = Sandbox(limits, workers=1).__enter__()
                running = pool.submit(sandbox.run, program)
                time.sleep(_HEAD_START)
                started = time.monotonic()
                try:
                    sandbox.close()
                except BaseException as error:
                    fault = f"close raises {type(error).__name__}"
                running.exception()
        else:
            evaluator = subprocess.Popen(
                [sys.executable, "-c", _EVALUATOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert evaluator.stdin
            assert evaluator.stdout
            with evaluator.stdin as stdin:
                stdin.write(json.dumps([asdict(limits), asdict(program)]).encode())
            with evaluator.stdout as stdout:
                stdout.readline()
            time.sleep(_HEAD_START)
            started = time.monotonic()
            evaluator.kill()
            evaluator.wait()
        seconds = time.monotonic() - started
        deadline = time.monotonic() + 5
        while (after := self._look()) != before and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)  # it was the evaluator's child, and now is ours
            time.sleep(0.02)
        faults = [fault] if fault else []
        faults += [f"left: {name}" for name in before if before[name] != after[name]]
        if seconds > 5:
            faults.append(f"took {seconds:.1f} s")
        for pid in _family(os.getpid())[0] - before_family:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for name in set(_entries()) - before_entries:
            _remove(Path(tempfile.gettempdir(), name))
        return Outcome(attack.id, attack.family, "; ".join(faults), seconds=seconds)

    def run_honest(self, honest: Honest) -> Outcome:
        started = time.monotonic()
        verdict = self._sandbox(Limits(memory_mb=MEMORY_MB)).run(honest.program)
        fault = "" if verdict.status == "passed" else f"{verdict.status}: {verdict.detail}"
        seconds = time.monotonic() - started
        return Outcome(honest.id, "honest", fault, verdict.status, verdict.detail, seconds)

    def run_bare(self, attack: Attack) -> bool:
        """Whether the attack succeeds where nothing contains it."""
        program = _fill(Program(attack.code), {**self.name_set, "SECRET": _new_secret()})
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-c", program.code],
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=60,
            )
        self._restore()
        return "BREACH" in done.stderr

    @staticmethod
    def _judge(attack: Attack, verdict: Verdict, seconds: float) -> Iterator[str]:
        if verdict.status == "passed":
            yield "passed"
        if "BREACH" in verdict.detail or _A_SECRET.search(verdict.detail):
            yield f"says {verdict.detail}"
        if attack.statuses and verdict.status not in attack.statuses:
            yield f"{verdict.status}: {verdict.detail}"
        if seconds > (attack.wall or 6 * attack.seconds + 2):
            yield f"took {seconds:.1f} s"
        if verdict.peak_memory > MEMORY_MB + 32:
            yield f"took {verdict.peak_memory:.0f} MiB"
        if "worker died" in verdict.detail:
            yield verdict.detail
        if not verdict.detail.isprintable():
            yield f"a detail that acts on a terminal: {verdict.detail!a}"

    def _sandbox(self, limits: Limits) -> Sandbox:
        if limits.seconds not in self._sandboxes:
            self._sandboxes[limits.seconds] = Sandbox(limits, workers=1).__enter__()
        return self._sandboxes[limits.seconds]

    def _look(self) -> dict[str, object]:
        found: dict[str, object] = {
            "processes": _family(os.getpid()),
            "heard": [name for name, socket in self._listeners.items() if _heard(socket)],
            "temporary folder": _entries(),
            "shared memory": _marked("/dev/shm"),
            "other temporary folders": _marked("/var/tmp") + _marked("/dev/mqueue"),
            "System V": [
                line
                for path in Path("/proc/sysvipc").glob("*")
                for line in path.read_text().splitlines()
                if str(MARKER_KEY) in line.split()
            ],
        }
        for place in self._places:
            for path in sorted([place, *place.rglob("*")]):
                state = path.lstat()
                content = path.read_bytes() if path.is_file() else b""
                times = (state.st_mtime_ns, state.st_ctime_ns)
                found[str(path)] = (content, state.st_mode, state.st_uid, state.st_nlink, times)
        return found

    def _make_place(self, parent: Path, base: Path) -> Path:
        try:
            place = Path(tempfile.mkdtemp(prefix="canary-", dir=parent))
        except OSError:  # not this user's to write
            place = Path(tempfile.mkdtemp(prefix="canary-", dir=base))
        self._stack.callback(_remove, place)
        self._furnish(place)
        return place

    def _furnish(self, place: Path) -> None:
        (place / "secret").write_text(self._secret)
        (place / "secret_module.py").write_text(f"SECRET = {self._secret!r}\n")
        (place / "folder").mkdir()
        with contextlib.closing(sqlite3.connect(place / "data.db")) as database, database:
            database.execute("create table secret (secret)")

    def _restore(self) -> None:
        """After an attack that got through: the others are to find all as it was."""
        for place in self._places:
            for path in place.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif not path.is_socket() or path.name == "new":
                    path.unlink()
            self._furnish(place)
        for folder in ("/dev/shm", "/var/tmp"):
            for name in _marked(folder):
                Path(folder, name).unlink(missing_ok=True)

    def _listen(self, place: Path) -> None:
        abstract = f"{MARKER}-{os.getpid()}"
        for name, family, kind, address in (
            ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("stream", socket.AF_UNIX, socket.SOCK_STREAM, str(place / "stream")),
            ("datagram", socket.AF_UNIX, socket.SOCK_DGRAM, str(place / "datagram")),
            ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}"),
        ):
            listener = self._stack.enter_context(socket.socket(family, kind))
            listener.bind(address)
            listener.setblocking(False)
            if kind == socket.SOCK_STREAM:
                listener.listen()
            self._listeners[name] = listener
        tcp = self._listeners["tcp"].getsockname()[1]
        udp = self._listeners["udp"].getsockname()[1]
        self.name_set |= {"TCP": str(tcp), "UDP": str(udp), "TCPN": str(socket.htons(tcp))}
        self.name_set["ABSTRACT"] = abstract

    def _set(self, name: str, value: str) -> None:
        """An environment variable, until the end."""
        old = os.environ.get(name)
        os.environ[name] = value
        if old is None:
            self._stack.callback(os.environ.pop, name)
        else:
            self._stack.callback(os.environ.__setitem__, name, old)

    @staticmethod
    def _adopt_orphans(on: bool) -> None:
        """Whatever escapes from its parent becomes a child of this process, and is seen."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(36, int(on), 0, 0, 0)


_A_SECRET = re.compile("canary-[0-9a-f]{32}")  # any of them: an older one is a secret too


def _new_secret() -> str:
    return f"canary-{secrets.token_hex(16)}"


def _fill(program: Program, names: dict[str, str]) -> Program:
    code, test = program.code, program.test
    for name, value in names.items():
        code, test = code.replace(f"@{name}@", value), test.replace(f"@{name}@", value)
    return Program(code, test, program.entry_point)


def _heard(listener: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        if listener.type == socket.SOCK_STREAM:
            listener.accept()[0].close()
        else:
            listener.recv(100)
        return True
    return False


def _marked(folder: str) -> list[str]:
    with contextlib.suppress(OSError):
        return sorted(name for name in os.listdir(folder) if MARKER in name)
    return []


def _entries() -> list[str]:
    return sorted(os.listdir(tempfile.gettempdir()))


def _remove(folder: Path) -> None:
    """However deep it is, and whatever its modes."""
    for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        subprocess.run([*command, str(folder)], check=False, capture_output=True)


def _await_the_end(others: set[int]) -> None:
    """Wait for what a sandbox has started: on a busy machine it takes its time to die, and would
    seem to be the next attack's."""
    deadline = time.monotonic() + 5
    while _family(os.getpid())[0] - others and time.monotonic() < deadline:
        time.sleep(0.01)


def _family(pid: int) -> tuple[set[int], bool]:
    """The children, and whether anything is there but workers with a zygote and a checker each."""
    children: dict[int, set[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] != "Z":  # has ended; it is only for its parent to notice
                children.setdefault(int(fields[1]), set()).add(int(path.parent.name))
    own = children.get(pid, set())
    helpers = [children.get(child, set()) for child in own]
    odd = any(len(some) > 2 or any(children.get(one) for one in some) for some in helpers)
    return own, odd
