"""Makes the rows about a retraining or a model that the terminal, Prefect and the pages share."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from steadycode.evidence import Evidence
from steadycode.gate.decision import Decision
from steadycode.recode.report import Figure

if TYPE_CHECKING:
    from steadycode.views.readable import Readable

HEADINGS = ("", "champion", "candidate", "difference")
_NONE = "—"
_GROUP = re.compile(r"recode/([^/]+)/robust_pass_at_1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric of both models, as text. The rules say whether a difference is more than noise,
    so no cell is coloured."""

    name: str
    label: str
    champion: str
    candidate: str
    difference: str

    @property
    def cells(self) -> tuple[str, str, str, str]:
        return self.label, self.champion, self.candidate, self.difference


def comparison_table(champion: Evidence | None, candidate: Evidence) -> list[Row]:
    """Rows of pass@1, each group's robust pass@1, held-out loss and isotropy for both models."""
    names = [n for n in ("recode/full/pass_at_1", "recode/partial/pass_at_1")
             if n in candidate.report.figures]  # fmt: skip
    names += sorted(name for name in candidate.report.figures if _GROUP.fullmatch(name))
    missing = Figure(value=math.nan, low=math.nan, high=math.nan, n=0)
    rows = [
        _row(
            name,
            champion.report.figures.get(name, missing) if champion else missing,
            candidate.report.figures[name],
            _percent,
        )
        for name in names
    ]
    mine, theirs = _scalars(candidate), _scalars(champion) if champion else {}
    rows += [_row(name, theirs.get(name, missing), mine[name], _decimal) for name in mine]
    if champion and champion.tokenizer != candidate.tokenizer:  # other tokens, other losses
        return [replace(r, difference=_NONE) if r.name == "heldout/loss" else r for r in rows]
    return rows


def terminal_table(rows: Sequence[Row], title: str = "") -> "Readable":
    """The rows of ``comparison_table`` as a table for the terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from steadycode.views.readable import Readable, figure, name

    table = Table(
        name(HEADINGS[0]),
        *map(figure, HEADINGS[1:]),
        title=Text(title) if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.cells))  # Text: no markup is read
    return Readable(table)


def rules_table(decision: Decision) -> "Readable":
    """A table for the terminal with each rule's outcome and reason."""
    from rich.table import Column, Table
    from rich.text import Text

    from steadycode.views.readable import Readable

    styles = {"pass": "green", "fail": "red", "undecided": "yellow"}
    table = Table.grid(Column(no_wrap=True), Column(no_wrap=True), Column(), padding=(0, 2, 0, 0))
    for rule in decision.rules:
        table.add_row(
            Text(f"  {rule.outcome}", styles[rule.outcome]), Text(rule.name), Text(rule.reason)
        )
    if not any(rule.outcome != "pass" for rule in decision.rules):
        table.add_row("", "", Text(decision.reason))
    return Readable(table)


def evidence_table(evidence: Evidence, title: str) -> "Readable":
    """A table for the terminal with one model's figures, their 95 % intervals and counts.

    Undefined figures stand below it, by reason: a column would be too narrow for reasons.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from steadycode.views.readable import Readable, figure, name

    table = Table(
        name("figure"),
        *map(figure, ("value", "95 %", "n", "left out")),
        title=Text(title),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    undefined: dict[str, list[str]] = {}
    for key, value in evidence.report.figures.items():
        if value.reason:
            undefined.setdefault(value.reason, []).append(key)
        elif key == "recode/some_variants":  # a count, not a rate
            table.add_row(key, f"{value.value:g}", "", "", "")
        else:
            low, high = (f"{100 * end:.1f}" for end in (value.low, value.high))
            cells = (f"{100 * value.value:.1f} %", f"{low}–{high}", str(value.n))
            table.add_row(key, *cells, str(value.left_out))
    for key, value in _scalars(evidence).items():
        if not math.isnan(value.value):
            table.add_row(key, _decimal(value.value), "", str(value.n), "")
    reasons = [f"undefined ({why}): {', '.join(names)}" for why, names in undefined.items()]
    table.caption = Text("\n".join(reasons)) if reasons else None
    return Readable(table)


def _scalars(evidence: Evidence) -> dict[str, Figure]:
    def bare(value: float) -> Figure:
        return Figure(value=value, low=math.nan, high=math.nan, n=len(evidence.heldout))

    isotropy = evidence.representation.get("isotropy", math.nan)
    return {
        "heldout/loss": bare(evidence.heldout_loss),
        "representation/isotropy": bare(isotropy),
    }


def _row(name: str, champion: Figure, candidate: Figure, show: Callable[[float], str]) -> Row:
    gap = candidate.value - champion.value
    rate = show is _percent
    change = _NONE if math.isnan(gap) else f"{gap * 100:+.1f} points" if rate else f"{gap:+.4f}"
    return Row(
        name=name,
        label=_label(name),
        champion=_cell(champion, show),
        candidate=_cell(candidate, show),
        difference=change,
    )


def _label(name: str) -> str:
    known = {
        "recode/full/pass_at_1": "pass@1, full prompt",
        "recode/partial/pass_at_1": "pass@1, partial prompt",
        "recode/full/robust_pass_at_1": "robust pass, full prompt",
        "recode/partial/robust_pass_at_1": "robust pass, partial prompt",
        "heldout/loss": "held-out loss, nats/token",
        "representation/isotropy": "isotropy",
    }
    group = _GROUP.fullmatch(name)
    if name in known or group is None:
        return known.get(name, name)
    return f"robust pass, {group[1].replace('_', ' ')}"


def _cell(figure: Figure, show: Callable[[float], str]) -> str:
    if math.isnan(figure.value):
        return f"{_NONE} ({figure.reason})" if figure.reason else _NONE
    if math.isnan(figure.low) or math.isnan(figure.high):
        return show(figure.value)
    low, high = (show(end).removesuffix(" %") for end in (figure.low, figure.high))
    return f"{show(figure.value)} ({low}–{high})"


def _percent(value: float) -> str:
    return f"{value * 100:.1f} %"


def _decimal(value: float) -> str:
    return f"{value:.4f}"
