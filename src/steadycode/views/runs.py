"""Writes runs and deployments as lines of text, which an engineer looks at first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from steadycode.registry.listing import RunDetails, RunRow
from steadycode.views.console import spoken

_COLOURS = {
    "finished": "green", "completed": "green", "running": "cyan",
    "failed": "red", "crashed": "red", "killed": "red", "missed": "red", "late": "yellow",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One run of a deployment: when it was due, began and ended (in UTC), and its state."""

    due: datetime
    started: datetime | None
    ended: datetime | None
    state: str
    """The state in lower case, such as completed, failed, crashed, late or missed."""
    reason: str


def deployment_lines(
    name: str, schedules: Sequence[str], last: Timing | None, next_due: datetime | None
) -> Iterator[Text]:
    """Yield a deployment's name and schedule, its last run and when the next one is due."""
    yield _joined(Text(name, "bold"), f" {'; '.join(schedules) or 'not scheduled'}")
    yield _joined("    last:", *_last(last))
    if next_due:
        yield Text(f"    next: {_at(next_due)}")


def runs_lines(rows: Sequence[RunRow]) -> Iterator[Text]:
    """Yield a line for each run and, below it, the reason if it ended badly."""
    for row in rows:
        ending = [f"in {row.failed_stage}"] if row.failed_stage else []
        ending += [f"after {spoken(row.seconds)}"] if row.seconds else []
        ending += [f"with decision {row.decision}"] if row.decision else []
        begin = f"{_at(row.started)}  {row.run_id[:8]}  {_what(row)}:"
        yield _joined(begin, _coloured(row.status), *ending)
        if row.reason:
            yield Text(f"    {_first_line(row.reason)}")
    if rows:
        yield Text("times are UTC; `steadycode runs --run ID` tells all about one", "dim")
    else:
        yield Text("no runs yet; `steadycode retrain` makes the first")


def run_lines(details: RunDetails) -> Iterator[Text]:
    """Yield a run's stages, why it ended badly, and the last lines of the failing stage's log."""
    run = details.run
    yield _joined(Text(_what(run), "bold"), run.run_id, _coloured(run.status))
    if run.deployment:
        yield Text(f"deployment {run.deployment}")
    for stage in details.stages:
        took = [f"in {spoken(stage.seconds)}"] if stage.seconds is not None else []
        yield _joined(f"  {stage.stage}:", _coloured(stage.status), *took)
    if run.decision:
        yield Text(f"decision: {run.decision}")
    if run.reason:
        yield Text(f"reason: {run.reason}")
    if details.log:
        yield Text(f"\nthe end of {details.log_name}:", "bold")
        yield from map(Text, details.log)


def _joined(*parts: str | Text) -> Text:
    return Text(" ").join(part if isinstance(part, Text) else Text(part) for part in parts)


def _last(run: Timing | None) -> Iterable[str | Text]:
    if run is None:
        return ["never"]
    times = f"due {_at(run.due)}"
    times += f", started {_at(run.started)}" if run.started else ""
    times += f", ended {_at(run.ended)}" if run.ended else ""
    reason = [_first_line(run.reason)] if run.reason else []
    return [f"{times}:", _coloured(run.state), *reason]


def _what(row: RunRow) -> str:
    return f"{row.name} ({row.profile})" if row.profile else row.name


def _coloured(state: str) -> Text:
    return Text(state, _COLOURS.get(state, ""))


def _at(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M}" if when else "-"


def _first_line(text: str) -> str:
    first = text.splitlines()[0] if text else ""
    return first if len(first) <= 160 else f"{first[:159]}…"
