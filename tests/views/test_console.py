import re
from io import StringIO

import pytest
from rich.console import Console

from steadycode.views import console
from steadycode.views.console import StageView, aside, plain_printer, spoken


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(console, "time", made)
    return made


@pytest.fixture
def output() -> StringIO:
    return StringIO()


@pytest.fixture
def view(output: StringIO) -> StageView:
    return StageView(Console(file=output, width=80, _environ={}), 6)


def test_stages_are_counted_and_a_second_try_is_the_same(
    view: StageView, output: StringIO, clock: Clock
) -> None:
    for title, seconds in (("validate", 1), ("evaluate [a]", 75), ("validate", 2)):
        with view.stage(title) as shown:
            clock.now += seconds
            shown({"kind": "message", "text": f"about [red]{title}"})
            shown({"kind": "metric", "name": "loss", "value": 1.0})
    assert output.getvalue().splitlines() == [
        "[1/6] validate",
        "      about [red]validate",
        "      done in 1 s",
        "[2/6] evaluate [a]",
        "      about [red]evaluate [a]",
        "      done in 1 min 15 s",
        "[1/6] validate",
        "      about [red]validate",
        "      done in 2 s",
    ]


def test_without_a_terminal_progress_is_a_line_every_quarter_of_a_minute(
    view: StageView, output: StringIO, clock: Clock
) -> None:
    with view.stage("train") as shown:
        for done in range(0, 101, 10):
            clock.now += 5
            shown({"kind": "progress", "label": "steps", "done": done, "total": 100})
    assert output.getvalue().splitlines() == [
        "[1/6] train",
        "      steps 20/100, about 40 s left",
        "      steps 50/100, about 25 s left",
        "      steps 80/100, about 10 s left",
        "      done in 55 s",
    ]


def test_on_a_terminal_progress_is_a_bar_that_goes_away(output: StringIO, clock: Clock) -> None:
    terminal = Console(file=output, width=100, force_terminal=True, _environ={"TERM": "xterm"})
    view = StageView(terminal, 1)
    with view.stage("train") as shown:
        for done in (1, 4):
            shown.progress("steps", done, 4)
        assert shown._bars is not None
        (task,) = shown._bars.tasks  # one bar, however often it is told of
        assert (task.description, task.completed, task.total) == ("steps", 4, 4)
    shown_at_last = output.getvalue().rpartition("\x1b[2K")[2]  # behind what was wiped out
    assert "4/4" in output.getvalue()
    assert re.sub(r"\x1b\[[\d;]*m", "", shown_at_last) == "      done in 0 s\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (7.4, "7 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (75, "1 min 15 s"),
        (3600, "1 h 0 min"),
        (4000, "1 h 6 min"),
    ],
)
def test_durations_are_spoken(seconds: float, text: str) -> None:
    assert spoken(seconds) == text


def test_names_that_look_like_markup_are_printed_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain_printer()("[red]a[/] " + "x" * 200)
    aside(Console())("[red]b[/]")
    assert capsys.readouterr().out == "[red]a[/] " + "x" * 200 + "\n[red]b[/]\n"
