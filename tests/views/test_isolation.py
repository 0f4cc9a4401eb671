import pytest

from steadycode.sandbox import Verdict
from steadycode.sandbox.probes import Isolation, Probe
from steadycode.views.isolation import show_isolation
from tests.builders.terminal import cells

NETWORK = Probe("no network", "import socket", ("blocked",))
MEMORY = Probe("memory is bounded", "x = bytearray(1 << 30)", ("out_of_memory",))


@pytest.mark.parametrize("there", [True, False])
def test_each_promise_is_told_with_what_the_program_got(
    capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    verdicts = (
        (NETWORK, Verdict(status="blocked", detail="by [seccomp]")),
        (MEMORY, Verdict(status="out_of_memory" if there else "timeout")),
    )
    assert show_isolation(Isolation(verdicts, {})) == there
    shown = capsys.readouterr().out
    assert cells(shown) == [
        ["a generated program", "holds", "what it got"],
        ["no network", "yes", "blocked by [seccomp]"],
        ["memory is bounded", *(("yes", "out_of_memory") if there else ("NO", "timeout"))],
    ]
    end = " ".join(shown.rpartition("┘")[2].split())
    assert end == (
        "generated programs are isolated here"
        if there
        else "evaluation refuses to start here. Run the evaluation in a Linux container"
        " (docs/sandbox.md), or accept that generated code runs with your rights:"
        " evaluate.sandbox=unsafe"
    )


def test_what_the_machine_lacks_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = ((NETWORK, Verdict(status="blocked")),)
    assert not show_isolation(Isolation(verdicts, {"landlock": "Linux 5.4 has none"}))
    assert "\nlandlock: Linux 5.4 has none\n" in capsys.readouterr().out
