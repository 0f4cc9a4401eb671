"""Where a machine can't confine programs, nothing runs unless it was asked for."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from steadycode.sandbox import Program, Sandbox
from steadycode.sandbox.probes import PROBES, probe
from steadycode.views.isolation import show_isolation

linux = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")

REFUSE = """
import errno, pyseccomp as s
filter = s.SyscallFilter(s.ALLOW)
filter.add_rule(s.ERRNO(errno.{error}), {call!r}, *{arguments})
filter.load()
"""
RUN = """
from steadycode.errors import SandboxError
from steadycode.sandbox import Program, Sandbox
try:
    with Sandbox(workers=1, unsafe={unsafe}) as sandbox:
        print(sorted(sandbox.missing), sandbox.run(Program("x = 1")).status)
        print(sandbox.run(Program("open('/etc/passwd')")).status)
except SandboxError as fault:
    print(fault)
"""
NO_LANDLOCK = {"error": "ENOSYS", "call": 444, "arguments": "[]"}
NO_SECCOMP = {"error": "EINVAL", "call": "prctl", "arguments": "[s.Arg(0, s.EQ, 22)]"}


def in_a_process(fault: dict[str, object], code: str) -> str:
    """Output of a process whose system calls are refused as an older kernel would."""
    return _output(REFUSE.format(**fault) + code)


def _output(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.stderr == ""
    return done.stdout


@linux
@pytest.mark.parametrize(("fault", "missing"), [(NO_LANDLOCK, "landlock"), (NO_SECCOMP, "seccomp")])
def test_nothing_runs_where_the_kernel_cannot_confine_it(
    fault: dict[str, object], missing: str
) -> None:
    said = in_a_process(fault, RUN.format(unsafe=False))
    assert said.startswith(f"this machine cannot confine untrusted programs: {missing} (")
    assert "Linux container" in said
    assert said.rstrip().endswith("evaluate.sandbox=unsafe")
    assert said.count("\n") == 1


@linux
def test_unsafe_runs_there_and_says_what_is_missing() -> None:
    said = in_a_process(NO_LANDLOCK, RUN.format(unsafe=True)).splitlines()
    assert said == ["['landlock'] passed", "passed"]


@linux
def test_unsafe_gives_nothing_up_where_it_need_not() -> None:
    with Sandbox(workers=1, unsafe=True) as sandbox:
        assert sandbox.missing == {}
        assert sandbox.run(Program("open('/etc/passwd')")).status == "blocked"


@linux
@pytest.mark.parametrize(
    ("kind", "hard", "name"),
    [
        ("AS", 500 << 20, "memory (ulimit -v) (to be 1073741824, but the hard limit here is 5242"),
        ("DATA", 100 << 20, "data (ulimit -d) (to be 1073741824, but the hard limit here is 1048"),
        ("FSIZE", 100 << 10, "file size (ulimit -f) (to be 16777216, but the hard limit here is"),
        ("STACK", 512 << 10, "stack (ulimit -s) (to be 8388608, but the hard limit here is 524288"),
        ("NOFILE", 40, "open files (ulimit -n) (to be 64, but the hard limit here is 40)"),
        ("CPU", 2, "CPU seconds (ulimit -t) (to be 4, but the hard limit here is 2)"),
    ],
)
def test_a_stricter_limit_of_the_machine_is_no_limit_that_was_asked_for(
    kind: str, hard: int, name: str
) -> None:
    strict = f"import resource as r\nr.setrlimit(r.RLIMIT_{kind}, ({hard}, {hard}))\n"
    said = _output(strict + RUN.format(unsafe=False))
    assert said.startswith(f"this machine cannot confine untrusted programs: limit of {name}")
    assert said.rstrip().endswith("Raise the hard limit, or lower evaluate.limits")
    assert said.count("\n") == 1


@linux
@pytest.mark.parametrize(
    ("call", "arguments", "why"),
    [
        ("clone", "[]", "(Resource temporarily unavailable)"),  # no zygote
        ("clone", "[s.Arg(0, s.EQ, 0x8011)]", "(Resource temporarily unavailable)"),  # no program
        ("clone3", "[]", "(can't start new thread)"),
    ],
)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the calls that libc makes differ")
def test_too_few_processes_are_said_in_a_line(call: str, arguments: str, why: str) -> None:
    said = in_a_process(
        {"error": "EAGAIN", "call": call, "arguments": arguments}, RUN.format(unsafe=False)
    )
    assert said.startswith("the sandbox can start no more processes or threads here (")
    assert why in said
    assert said.count("\n") == 1


@linux
def test_nothing_runs_where_it_cannot_be_watched(tmp_path: Path) -> None:
    """Without /proc nobody sees what a program holds."""
    script = tmp_path / "run.py"
    script.write_text(RUN.format(unsafe=False))
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    hide = 'mount -t tmpfs none /proc && exec "$0" "$1"'
    hidden = shutil.which("unshare") and subprocess.run([*apart, "true"], check=False)
    if not hidden or hidden.returncode:
        pytest.skip("this user can hide nothing from a process")
    done = subprocess.run(
        [*apart, "sh", "-c", hide, sys.executable, str(script)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.startswith(
        "this machine cannot confine untrusted programs: watch (/proc/self: No such file"
    )
    assert done.stdout.count("\n") == 1


@linux
def test_the_umask_of_the_evaluator_changes_nothing() -> None:
    made = "open('x', 'w').write('x'); open('x').read()"
    code = RUN.format(unsafe=False).replace("open('/etc/passwd')", made)
    assert _output(f"import os\nos.umask(0o777)\n{code}") == "[] passed\npassed\n"


@linux
def test_root_keeps_no_privilege() -> None:
    code = "import os\nos.close(os.open('x', os.O_CREAT | os.O_WRONLY, 0))\nopen('x').read()"
    with Sandbox(workers=1) as sandbox:
        assert sandbox.run(Program(code)).status == "blocked"  # root would read it


@linux
def test_check_tells_what_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_isolation(probe())
    said = capsys.readouterr().out
    assert said.count("holds yes") == len(PROBES)  # as a narrow terminal shows it
    assert "generated programs are isolated here" in said


@linux
def test_check_finds_what_does_not_hold() -> None:
    code = (
        "from steadycode.sandbox.probes import probe\n"
        "from steadycode.views.isolation import show_isolation\n"
        "print(show_isolation(probe()))"
    )
    done = in_a_process(NO_LANDLOCK, code)
    assert "no reading of other files" in done
    assert done.count(" NO ") == 3  # what Landlock alone keeps: reading, listing, writing
    assert "evaluation refuses to start here" in done
    assert done.endswith("False\n")
