"""Writes the markdown that Prefect shows of a run; whatever else could be markup is escaped."""

import html
import re
from collections.abc import Sequence

from steadycode.corpus.recipe import SPLITS
from steadycode.corpus.refresh import Change
from steadycode.evidence import Evidence
from steadycode.gate.decision import Decision
from steadycode.views.tables import HEADINGS, Row, comparison_table


def decision_markdown(decision: Decision, rows: Sequence[Row], label: str) -> str:
    """A decision with its rules, and the rows of ``comparison_table`` as its figures; ``label``
    says which problems these are about."""
    lines = [f"**{_md(decision.outcome)}**: {_md(decision.reason)}", ""]
    lines += [f"| {' | '.join([_md(label), *HEADINGS[1:]])} |", "|---|---:|---:|---:|"]
    lines += [f"| {' | '.join(_md(cell) for cell in row.cells)} |" for row in rows]
    lines += ["", *(f"- to settle it: {_md(step)}" for step in decision.next_steps)]
    lines += ["", "| rule | outcome | why |", "|---|---|---|"]
    lines += [f"| {_md(r.name)} | {r.outcome} | {_md(r.reason)} |" for r in decision.rules]
    return "\n".join(lines) + "\n"


def evidence_markdown(evidence: Evidence) -> str:
    """A table of one model's figures."""
    rows = comparison_table(None, evidence)
    lines = [f"| {_md(evidence.report.label)} | |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {_md(r.label)} | {_md(r.candidate)} |" for r in rows)]) + "\n"


def refresh_markdown(change: Change, branch: str) -> str:
    """What a refresh changed in the data of ``branch``; "" means the branch that is checked out."""
    lines = [
        f"**{change.summary_line()}** ({branch or 'current branch'})",
        "",
        "| split | rows | added | removed |",
        "|---|---|---|---|",
    ]
    for split in SPLITS:
        counts = change.rows[split]
        added, removed = ("?" if n is None else n for n in (counts.added, counts.removed))
        lines.append(f"| {split} | {counts.rows} | {added} | {removed} |")
    lines += ["", f"md5 {change.md5}, before {change.before or 'none'}"]
    return "\n".join(lines)


def _md(text: str) -> str:
    escaped = re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", " ".join(text.split()))
    return html.escape(escaped, quote=False)
