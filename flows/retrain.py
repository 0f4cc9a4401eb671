"""The main job: validate → train → evaluate → register → decide.

This file holds only the order of the steps, retries, and what Prefect shows; what each step does is
in ``steadycode.retraining.steps``. Finished steps are recognised by their manifests, which check
the files too, so no task result is cached.
"""

from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from rich.console import Console

from steadycode.errors import StageKilled
from steadycode.operations.doctor import begin_flow
from steadycode.project import find_project
from steadycode.registry.promotion import ChampionChanged
from steadycode.retraining import steps
from steadycode.retraining.context import Retraining, open_retraining
from steadycode.retraining.publishing import Evaluated
from steadycode.retraining.submission import Submission


def _was_cut_short(task: Any, run: Any, state: Any) -> bool:
    """Whether the stage's process was killed. Then it gets a second try, which goes on from its
    checkpoint; after a fault of its own, or too long a time, it does not."""
    return isinstance(state.result(raise_on_failure=False), StageKilled)


AGAIN: Any = {"retries": 1, "retry_delay_seconds": 5, "retry_condition_fn": _was_cut_short}

validate = task(name="validate", cache_policy=NO_CACHE)(steps.validate)
train = task(name="train", cache_policy=NO_CACHE, **AGAIN)(steps.train)
evaluate = task(
    name="evaluate", task_run_name="evaluate the {role}", cache_policy=NO_CACHE, **AGAIN
)(steps.evaluate)
register = task(name="register", cache_policy=NO_CACHE)(steps.register)
decide = task(name="decide", cache_policy=NO_CACHE)(steps.decide)


@flow(name="retrain", flow_run_name="retrain {config.label}")
def retrain(config: Submission, allow_dirty_data: bool = False) -> str:
    """Retrain, judge, register and decide; returns the decision's outcome.

    Args:
        config: the profile, and what is to differ from it.
        allow_dirty_data: allow data that differs from data.dvc; such a run is never promoted.
    """
    project = find_project()
    origin = begin_flow(project)
    with open_retraining(project, config.resolved(), allow_dirty_data, Console(), origin) as work:
        validate(work)
        steps.champion_model(work)  # the base, before anything is spent on the first run
        candidate = train(work)
        champion_evidence, candidate_evidence = evaluate_both(work, candidate)
        register(work, candidate)
        decision = None
        while decision is None:
            try:
                decision = decide(work, candidate_evidence, champion_evidence)
            except ChampionChanged:  # another retraining was promoted meanwhile
                champion_evidence, candidate_evidence = evaluate_both(work, candidate)
        summary = steps.publish(work, decision, candidate_evidence, champion_evidence)
    create_markdown_artifact(summary, key="decision", description=decision.outcome)
    return decision.outcome


def evaluate_both(work: Retraining, candidate: Path) -> tuple[Evaluated, Evaluated]:
    """The evidence on the champion and on the candidate.

    What an earlier run has left may be of before an upgrade. Where the two were evaluated under
    different conditions, it is evaluated again, under those of today.
    """
    models = {"champion": steps.champion_model(work), "candidate": candidate}
    evidence = {role: evaluate(work, role, model) for role, model in models.items()}
    if steps.unlike(*evidence.values()):
        for role in [role for role, found in evidence.items() if found.reused]:
            evidence[role] = evaluate(work, role, models[role], afresh=True)
    return evidence["champion"], evidence["candidate"]
