"""Where a machine can't confine programs, nothing runs unless it was asked for."""

import os
import subprocess
import sys

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
    done = subprocess.run(
        [sys.executable, "-c", REFUSE.format(**fault) + code],
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
def test_root_keeps_no_privilege() -> None:
    code = "import os\nos.close(os.open('x', os.O_CREAT | os.O_WRONLY, 0))\nopen('x').read()"
    with Sandbox(workers=1) as sandbox:
        assert sandbox.run(Program(code)).status == "blocked"  # root would read it


@linux
def test_check_tells_what_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_isolation(probe())
    said = capsys.readouterr().out
    assert said.count(" yes ") == len(PROBES)
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
