"""The steps of a retraining in the parent process: make the job, run it, record its results."""

from pathlib import Path

from steadycode.corpus.lock import Lock, lock_of_data, lock_path
from steadycode.corpus.validation import validate as validate_folder
from steadycode.corpus.validation_result import require_valid
from steadycode.corpus.versions import current_md5
from steadycode.errors import DataError, EvidenceError
from steadycode.evidence import EVIDENCE, Evidence
from steadycode.files import write_text
from steadycode.gate.decide import Facts
from steadycode.gate.decide import decide as gate
from steadycode.gate.decision import Decision
from steadycode.jobs.job import trusted_manifest
from steadycode.models import fingerprint
from steadycode.registry import promotion, versions
from steadycode.registry.versions import RegisteredVersion
from steadycode.retraining import publishing
from steadycode.retraining.context import Retraining
from steadycode.retraining.evaluation import evaluation_job
from steadycode.retraining.publishing import Evaluated
from steadycode.retraining.training import training_job
from steadycode.views.markdown import decision_markdown
from steadycode.views.tables import comparison_table
from steadycode.views.validation import validation_page


def validate(work: Retraining) -> None:
    """Validate the data, without changing it.

    Raises DataError, naming check and rows, when it is not fit to train on.
    """
    with work.stage("validate", "validate the data") as log:
        result = validate_folder(work.project.data, work.config.data)
        folder = work.attempt.folder / "validate"
        result.write(folder / "validation.json")
        lock = lock_of_data(work.project, result.data_md5)
        write_text(folder / "validation.html", validation_page(result, lock))
        log.run.file(folder / "validation.json")
        log.run.file(folder / "validation.html")
        if lock is not None:
            log.run.file(lock_path(work.project))
            log.run.values(_left_out(lock))
        log.say(result.summary_line())
        require_valid(result)
        _same_data(work, result.data_md5)
    work.run.file(folder / "validation.html")


def _left_out(lock: Lock) -> dict[str, float]:
    """How many files the sources hold, how many are in data/, and how many files, or parts of
    them, are left out for each reason."""
    counts = {name: left.files + left.parts for name, left in lock.left_out.items()}
    figures = {f"data/left_out/{name}": float(count) for name, count in counts.items()}
    if lock.files is not None:
        figures |= {"data/files_seen": lock.files.seen, "data/files_taken": lock.files.taken}
    return figures


def train(work: Retraining) -> Path:
    """Fine-tune the start model; returns the candidate's folder."""
    job = training_job(
        work.project,
        work.config,
        work.start,
        work.data.md5,
        work.attempt.folder / "train",
        work.attempt.seed,
    )
    title = f"train {work.config.train.steps} steps from {work.config.model.start}"
    with work.stage("train", title) as log:
        manifest = log.run_stage(job)
        _same_data(work, current_md5(work.project))
        log.run.file(job.manifest)
        log.run.values(
            {
                "cost/wall_seconds": manifest.wall_seconds,
                "cost/peak_memory_mb": manifest.peak_memory_mb,
            }
        )
    return job.folder / "model"


def _same_data(work: Retraining, md5: str) -> None:
    if md5 != work.data.md5:
        raise DataError(
            f"data/ changed while the run was under way ({work.data.md5} is now {md5}); "
            "leave it alone and run again"
        )


def evaluate(work: Retraining, role: str, model: Path, *, afresh: bool = False) -> Evaluated:
    """Evaluate ``model``, or find the evidence of an earlier evaluation unless it is to be done
    ``afresh``; ``role`` names the run."""
    job = evaluation_job(work.project, work.config, model)
    with work.stage(f"evaluate-{role}", f"evaluate the {role}") as log:
        if afresh:
            job.manifest.unlink(missing_ok=True)
        reused = trusted_manifest(job) is not None
        manifest = log.run_stage(job)
        path = job.folder / EVIDENCE
        evidence = Evidence.read(path)
        log.say(f"{'found again' if reused else 'made'}: {evidence.report.label}")
        log.run.evidence(evidence)
        log.run.tags({"evidence.reused": str(reused).lower()})
        log.run.file(path)
        log.run.values({"cost/wall_seconds": manifest.wall_seconds})
    return Evaluated(evidence, path, reused)


def unlike(one: Evaluated, other: Evaluated) -> bool:
    """Whether the two were evaluated under conditions that differ."""
    return bool(one.evidence.conditions.differences(other.evidence.conditions))


def champion_model(work: Retraining) -> Path:
    """The champion's folder; on the first run the base model becomes version 1 and champion."""
    name = work.config.model.registered_name
    tags = {"git.commit": work.run.lineage.git_commit, "base": work.config.model.base}
    champion = promotion.bootstrap(work.store, name, work.base, tags)
    if (champion.retraining, champion.attempt) == (work.attempt.retraining, work.attempt.number):
        # this attempt was promoted, then interrupted: it was compared with the one before it
        champion = versions.resolve(work.store, f"models:/{name}@{versions.PREVIOUS}")
    return versions.fetch(work.store, champion.spec)


def register(work: Retraining, model: Path) -> RegisteredVersion:
    """Store the candidate's weights, once, as the next version."""
    with work.stage("register", "register the candidate") as log:
        version = versions.register(
            work.store,
            work.config.model.registered_name,
            model,
            work.run.run_id,
            {**work.run.lineage.tags(), versions.START: fingerprint(work.start)},
        )
        log.say(f"version {version.version} of {version.name}")
    return version


def decide(work: Retraining, candidate: Evaluated, champion: Evaluated) -> Decision:
    """Judge the candidate by the policy, record the decision, then move the aliases.

    When an interrupted try has recorded a decision, that one stands, and its aliases are moved.
    """
    name = work.config.model.registered_name
    attempt = work.attempt
    with work.stage("decide", "decide on promotion") as log:
        version = versions.version_of_attempt(work.store, name, attempt.retraining, attempt.number)
        earlier = promotion.recorded_decision(version) if version else None
        decision = earlier or gate(
            candidate.evidence,
            champion.evidence,
            work.policy,
            Facts(
                retraining=attempt.retraining,
                attempt=attempt.number,
                data_valid=True,  # validate() has stopped the run otherwise
                data_dirty=work.run.lineage.data_dirty,
            ),
        )
        try:
            (promotion.apply_again if earlier else promotion.apply)(work.store, name, decision)
        except EvidenceError as fault:
            if earlier is None:
                raise
            log.say(f"the recorded decision was overtaken: {fault}")
        log.say(decision.outcome)
    return decision


def publish(work: Retraining, decision: Decision, candidate: Evaluated, champion: Evaluated) -> str:
    """Publish the decision, which ends the attempt; returns comparison and decision as markdown."""
    publishing.publish(
        work.run,
        work.attempt.folder,
        work.config.model.registered_name,
        work.console,
        decision,
        candidate,
        champion,
    )
    rows = comparison_table(champion.evidence, candidate.evidence)
    return decision_markdown(decision, rows, candidate.evidence.report.label)
