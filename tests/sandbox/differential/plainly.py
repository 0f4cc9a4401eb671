"""Runs pairs in ordinary Python: program and test in one namespace.

    python -m differential.plainly < PROGRAMS.jsonl > VERDICTS.jsonl

Each pair runs in a process of its own, forked from one that has imported nothing of them, and in
an empty folder; one that is about recursion, which depends on what is beneath, as a script. A line
of the output is ``""`` for a pass, else the error.
"""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from types import ModuleType

SECONDS = 8
"""Of CPU time, for each pair."""


def run_plainly(programs: Iterable[tuple[str, str, str]]) -> list[str]:
    """What plain Python says of (code, test, entry point): "" for a pass, else the error."""
    lines = "".join(f"{json.dumps(program)}\n" for program in programs)
    done = subprocess.run(
        [sys.executable, "-s", "-P", __file__],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "LANG": "C.UTF-8"},
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _run(code: str, test: str, entry: str) -> str:
    module = ModuleType("solution")
    sys.modules["__main__"] = sys.modules["solution"] = module
    sys.argv = ["solution"]
    random.seed(0)
    try:
        exec(compile(code, "<program>", "exec"), module.__dict__)
        candidate = module.__dict__[entry]  # which may be named "check" too
        exec(compile(test, "<test>", "exec"), module.__dict__)
        module.__dict__["check"](candidate)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _run_as_script(code: str, test: str, entry: str) -> str:
    """As ``_run``, with nothing of ours beneath."""
    script = f"{code}\n{test}\ncheck({entry})\nimport sys\nsys.stderr.write('{_ENDED}')\n"
    done = subprocess.run(
        [sys.executable, "-s", "-P", "-c", script], stderr=subprocess.PIPE, text=True, check=False
    )
    last = done.stderr.strip().rpartition("\n")[2]
    return "" if last == _ENDED else last or "left before its end"


_ENDED = "ended"


def _in_a_fork(program: list[str]) -> str:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(10 * SECONDS)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            os.environ.update(HOME=folder, TMPDIR=folder)
            nothing = os.open(os.devnull, os.O_RDWR)
            for standard in range(3):
                os.dup2(nothing, standard)
            recurses = "recurs" in "".join(program).casefold()
            said = (_run_as_script if recurses else _run)(*program)
            os.write(write, b"=" + said.encode("utf-8", "replace")[:4000])
            os.chdir("/")
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    os.waitpid(pid, 0)
    return said[1:] if said.startswith("=") else "left before its end"


if __name__ == "__main__":
    for line in sys.stdin.read().splitlines():
        print(json.dumps(_in_a_fork(json.loads(line))), flush=True)
