"""``steadycode sandbox check``: what this machine keeps a generated program from, by trying it."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from steadycode.sandbox import Limits, Program, Sandbox, Status

_LIMITS = Limits(seconds=0.5, memory_mb=256, files_mb=1)


@dataclass(frozen=True, slots=True)
class Probe:
    """A program that does what must not work, and the verdicts that say that it did not."""

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
    Probe(
        "an honest one passes",
        "def f(x):\n    return [x]",
        ("passed",),
        "def check(candidate):\n    assert candidate(1) == [1]",
    ),
)


def show_isolation() -> bool:
    """Print what each probe got; whether everything holds and an evaluation would start.

    Raises SandboxError where no program can be run at all.
    """
    table = Table("a generated program", "holds", "what it got")
    held = True
    with Sandbox(_LIMITS, workers=1, unsafe=True) as sandbox:
        missing = sandbox.missing
        for one in PROBES:
            verdict = sandbox.run(Program(one.code, one.test, "f"))
            holds = verdict.status in one.held
            held &= holds
            sign = Text("yes", "green") if holds else Text("NO", "bold red")
            table.add_row(one.promise, sign, Text(f"{verdict.status} {verdict.detail}".strip()))
    console = Console()
    console.print(table)
    for what, why in missing.items():
        console.print(Text(f"{what}: {why}"))
    if held and not missing:
        console.print("generated programs are isolated here")
        return True
    console.print(
        "evaluation refuses to start here: run it in a Linux container (docs/sandbox.md),"
        " or set evaluate.sandbox=unsafe"
    )
    return False
