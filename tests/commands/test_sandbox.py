import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import Result

from steadycode.project import Project
from steadycode.sandbox import probes
from steadycode.sandbox.probes import PROBES, Isolation
from tests.builders.terminal import cells

Steadycode = Callable[..., Result]


@pytest.mark.skipif(sys.platform != "linux", reason="programs are confined on Linux only")
def test_what_programs_can_do_here_is_tried(steadycode: Steadycode) -> None:
    result = steadycode("sandbox", "check")
    assert result.exit_code == 0, result.output
    _, *rows = cells(result.output)
    assert [row[:2] for row in rows if row[0]] == [[probe.promise, "yes"] for probe in PROBES]
    assert result.output.splitlines()[-1] == "generated programs are isolated here"


def test_a_machine_that_confines_nothing_ends_it_with_1(
    steadycode: Steadycode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "probe", lambda: Isolation((), {"seccomp": "not there"}))
    result = steadycode("sandbox", "check")
    assert result.exit_code == 1
    assert "\nseccomp: not there\n" in result.output


@pytest.mark.skipif(sys.platform != "linux", reason="programs are confined on Linux only")
def test_where_an_evaluation_refuses_to_start_it_ends_with_2(project: Project) -> None:
    code = (
        "import resource as r\n"
        "from steadycode.commands.app import app\n"
        "r.setrlimit(r.RLIMIT_FSIZE, (8 << 20, 8 << 20))\n"  # the probes do with less
        "app(['sandbox', 'check', '--set', 'evaluate.limits.files_mb=9'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "STEADYCODE_HOME": str(project.root), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: this machine cannot confine untrusted programs: limit of file size (ulimit -f)"
        " (to be 9437184, but the hard limit here is 8388608). Raise the hard limit, or lower"
        " evaluate.limits\n"
    )
