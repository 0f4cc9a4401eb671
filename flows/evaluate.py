"""Evaluate any model without training: ReCode, held-out loss, isotropy."""

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from steadycode.config import Config
from steadycode.operations.doctor import begin_flow
from steadycode.project import find_project
from steadycode.retraining.evaluation import evaluate_alone


@flow(name="evaluate", flow_run_name="evaluate {model}")
def evaluate(model: str, config: Config = Config()) -> str:  # noqa: B008
    """Returns the path of the evidence file.

    Args:
        model: a name of configs/base-models.yaml, a folder, models:/NAME@ALIAS, or a hub id.
        config: every setting; an omitted one comes from the profile.
    """
    project = find_project()
    origin = begin_flow(project)
    path, summary = evaluate_alone(project, model, config, origin)
    create_markdown_artifact(summary, key="evaluation", description=model)
    return str(path)
