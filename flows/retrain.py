"""The main job: validate → train → evaluate → register → decide.

Order, and what Prefect shows, only: what each step does is in ``steadycode.stages``. Finished
steps are found again by their manifests, which check the files too, so no task result is cached.
"""

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from rich.console import Console

from steadycode.config import Config
from steadycode.project import find_project
from steadycode.stages import steps
from steadycode.stages.context import open_retraining

validate = task(name="validate", cache_policy=NO_CACHE)(steps.validate)
train = task(name="train", cache_policy=NO_CACHE)(steps.train)
evaluate = task(name="evaluate", cache_policy=NO_CACHE)(steps.evaluate)
register = task(name="register", cache_policy=NO_CACHE)(steps.register)
decide = task(name="decide", cache_policy=NO_CACHE)(steps.decide)


@flow(name="retrain", flow_run_name="retrain {config.profile}")
def retrain(config: Config = Config(), allow_dirty_data: bool = False) -> str:  # noqa: B008
    """Retrain, judge, register and decide; returns the decision's outcome.

    Args:
        config: every setting; an omitted one comes from the profile.
        allow_dirty_data: use data that differs from data.dvc; such a run is never promoted.
    """
    with open_retraining(find_project(), config, allow_dirty_data, Console()) as work:
        validate(work)
        champion = steps.champion_model(work)
        candidate = train(work)
        champion_evidence = evaluate(work, "champion", champion)
        candidate_evidence = evaluate(work, "candidate", candidate)
        register(work, candidate)
        decision = decide(work, candidate_evidence, champion_evidence)
        summary = steps.publish(work, decision, candidate_evidence, champion_evidence)
    create_markdown_artifact(summary, key="decision", description=decision.outcome)
    return decision.outcome
