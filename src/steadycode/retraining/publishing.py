"""Publishes a decision: figures and page in the attempt's run, and the mark of a finished attempt.

A run that was killed after its decision had been recorded did not come to that. Where the attempt
is not resumed, since the champion, the data or the code are others by now, the next run publishes
what stands in the registry.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from steadycode.errors import EvidenceError, SteadycodeError
from steadycode.evidence import EVIDENCE, Evidence
from steadycode.files import read_json, to_json, write_text
from steadycode.gate.decision import Decision, EvidenceRef
from steadycode.locks import holding, lock_of
from steadycode.project import Project
from steadycode.registry.attempts import reopen_attempt_run
from steadycode.registry.promotion import apply_again, recorded_decision
from steadycode.registry.runs import RetrainingRun, way_to
from steadycode.registry.store import open_store
from steadycode.registry.versions import version_of_attempt
from steadycode.retraining.attempt import DECISION, Attempt, is_unfinished
from steadycode.views.report_page import report_page
from steadycode.views.tables import comparison_table, rules_table, terminal_table


class Evaluated:
    """One model's evidence, its file, and whether an earlier evaluation had left it; no dataclass,
    for the reason that ``Retraining`` gives."""

    def __init__(self, evidence: Evidence, path: Path, reused: bool) -> None:
        self.evidence = evidence
        self.path = path
        self.reused = reused


def publish(
    run: RetrainingRun,
    folder: Path,
    name: str,
    console: Console,
    decision: Decision,
    candidate: Evaluated | None,
    champion: Evaluated | None,
) -> None:
    """Log the figures and a report page to the attempt's ``run``, print the decision, and mark the
    attempt in ``folder`` as finished. Without evidence on the candidate there is no page."""
    run.tags({"decision": decision.outcome, "decision.reason": decision.reason})
    if candidate:
        mine, theirs = candidate.evidence, champion.evidence if champion else None
        lineage = run.lineage
        run.evidence(mine)
        page = folder / "report.html"
        facts = {"data md5": lineage.data_md5, "git commit": lineage.git_commit}
        model = f"{name}, {lineage.retraining} attempt {lineage.attempt}"
        write_text(page, report_page(decision, mine, theirs, model=model, facts=facts))
        run.file(page)
        run.file(candidate.path)
        rows = comparison_table(theirs, mine)
        console.print(terminal_table(rows, f"{model} ({mine.report.label})"))
    _tell(console, run, decision)
    run.text(DECISION, to_json(decision.to_json()) + "\n")
    decision.write(folder / DECISION)  # the mark of a finished attempt
    # the registry has its own copy of the candidate's weights
    shutil.rmtree(folder / "train" / "model", ignore_errors=True)


def publish_recorded(project: Project, current: Attempt, console: Console) -> None:
    """Publish the decisions that were recorded and not published, but for the ``current`` attempt,
    which is resumed, and those that somebody works on. What cannot be published is told."""
    for retraining, number, folder in project.attempts():
        if folder == current.folder or not is_unfinished(project, retraining, number):
            continue
        with holding(lock_of(folder)) as free:
            if not free:
                continue
            try:
                _publish_recorded(project, retraining, number, folder, console)
            except (SteadycodeError, OSError, LookupError, TypeError, ValueError) as fault:
                console.print(f"{folder}: its decision cannot be published ({fault})", markup=False)


def _publish_recorded(
    project: Project, retraining: str, number: int, folder: Path, console: Console
) -> None:
    settings = read_json(folder / "config.json")
    name = settings["model"]["registered_name"]
    store = open_store(project, settings["experiment"])
    version = version_of_attempt(store, name, retraining, number)
    decision = recorded_decision(version) if version else None
    if version is None or decision is None:
        return
    run = reopen_attempt_run(store, version.run_id)
    console.print(f"publishing what was decided in attempt {number} of retraining {retraining}")
    with run.ended():
        try:
            apply_again(store, name, decision)
        except EvidenceError as fault:
            console.print(f"the recorded decision was overtaken: {fault}", markup=False)
        compared = decision.evidence
        evidence = _evidence_left(project)
        publish(
            run,
            folder,
            name,
            console,
            decision,
            evidence.get(compared.candidate),
            evidence.get(compared.champion) if compared.champion else None,
        )


def _evidence_left(project: Project) -> Mapping[EvidenceRef, Evaluated]:
    """All evidence of this project that can still be read, by what decisions call it."""
    left = {}
    for path in project.evaluations.glob(f"*/{EVIDENCE}"):
        try:
            evidence = Evidence.read(path)
        except EvidenceError:  # of another version
            continue
        left[EvidenceRef.of(evidence)] = Evaluated(evidence, path, reused=True)
    return left


def _tell(console: Console, run: RetrainingRun, decision: Decision) -> None:
    """Print the decision with its reasons, and how to open the run."""
    say = console.print
    say(f"\n[bold]decision: {decision.outcome}[/bold]")
    say(rules_table(decision))
    if decision.next_steps:
        say(f"to settle it: {' '.join(decision.next_steps)}", markup=False, highlight=False)
    say(f"\nopen this run: {way_to(run)}", markup=False, highlight=False)
