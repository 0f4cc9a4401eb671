import sys
from collections.abc import Callable

import pytest
from click.testing import Result

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
