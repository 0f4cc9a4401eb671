"""Finds out what this machine keeps a generated program from, by trying it."""

from collections.abc import Mapping
from dataclasses import dataclass

from steadycode.sandbox.contract import Limits, Program, Status, Verdict
from steadycode.sandbox.pool import Sandbox, advice

_LIMITS = Limits(seconds=0.5, memory_mb=256, files_mb=1)
_WAIT = "import time; time.sleep(0.2)"
_THREADS = """\
from concurrent.futures import ThreadPoolExecutor
def f(x):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(abs, [x]))
"""
_REMOVED = """\
import os, time
held = []
for name in "abcd":
    held.append(os.open(name, os.O_CREAT | os.O_RDWR))
    os.unlink(name)
    os.write(held[-1], bytes(1 << 20))
time.sleep(0.2)
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """A program that tries what must not work, and the verdicts which say that it did not."""

    promise: str
    code: str
    held: tuple[Status, ...] = ("blocked",)
    test: str = ""


PROBES = (
    Probe("no network", "import socket; socket.socket()"),
    Probe("no new processes", "import os; os.fork()"),
    Probe("no other program", "import os; os.execv('/bin/true', ['true'])"),
    Probe("no signals to others", "import os; os.kill(os.getppid(), 0)"),
    Probe("no look at other processes", "import os; open(f'/proc/{os.getppid()}/environ')"),
    Probe("no reading of other files", "open('/etc/passwd')"),
    Probe("no listing of other folders", "import os; os.listdir('/')"),
    Probe("no writing of other files", "open('../outside', 'w')"),
    Probe("no change of rights", "import os; os.chmod(os.getcwd(), 0o755)"),
    Probe(
        "limits stay",
        "import resource as r; r.setrlimit(r.RLIMIT_AS, (1 << 40, 1 << 40))",
        ("blocked", "failed"),
    ),
    Probe("memory is bounded", "x = bytearray(1 << 30)", ("out_of_memory",)),
    Probe("CPU time is bounded", "while True: pass", ("timeout",)),
    Probe("sleep is bounded", "import time; time.sleep(60)", ("timeout",)),
    Probe("files are bounded", "open('big', 'wb').write(bytes(4 << 20))", ("failed", "blocked")),
    Probe("removed files are bounded", _REMOVED),
    Probe(
        "an honest one passes, with threads",
        _THREADS,
        ("passed",),
        "def check(candidate):\n    assert candidate(1) == [1]",
    ),
)


@dataclass(frozen=True, slots=True)
class Isolation:
    """What each probe got, and what this machine cannot enforce, with the reason."""

    verdicts: tuple[tuple[Probe, Verdict], ...]
    missing: Mapping[str, str]

    @property
    def holds(self) -> bool:
        """Whether every promise was kept, so that an evaluation would start."""
        kept = all(verdict.status in probe.held for probe, verdict in self.verdicts)
        return kept and not self.missing

    @property
    def advice(self) -> str:
        """What to do where not everything holds."""
        return advice(self.missing)


def probe() -> Isolation:
    """Run every probe, even if the machine cannot confine it. Raises SandboxError when no program
    can be run at all."""
    with Sandbox(_LIMITS, workers=1, unsafe=True) as sandbox:
        verdicts = tuple(
            (probe, sandbox.run(Program(probe.code, probe.test, "f"))) for probe in PROBES
        )
        return Isolation(verdicts, sandbox.missing)


def rehearse(limits: Limits, unsafe: bool) -> None:
    """Run as many programs at a time as an evaluation does. Raises SandboxError where an evaluation
    under ``limits`` would refuse to start, or could not go on."""
    with Sandbox(limits, unsafe=unsafe) as sandbox:
        for _ in sandbox.run_all(Program(f"{_WAIT}  # {n}") for n in range(sandbox.size)):
            pass
