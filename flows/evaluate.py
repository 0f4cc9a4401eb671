"""Evaluates any model without training it: ReCode, held-out loss, isotropy."""

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from steadycode.errors import ConfigError
from steadycode.operations.doctor import begin_flow
from steadycode.project import find_project
from steadycode.retraining.evaluation import Recorded, evaluate_alone
from steadycode.retraining.submission import Submission


@flow(name="evaluate", flow_run_name="evaluate {model}")
def evaluate(
    model: str,
    config: Submission,
    completions: str = "",
    benchmark: str = "",
) -> str:
    """Evaluate a model, or completions of another engine; returns the evidence file's path.

    Args:
        model: a name of configs/base-models.yaml, a folder, models:/NAME@ALIAS, or a hub id; with
            completions, the name by which they are shown.
        config: the profile, and what is to differ from it.
        completions: a file that another engine has written, JSON lines of prompt and completion.
        benchmark: the folder from `steadycode perturb build` whose prompts were completed.
    """
    project = find_project()
    origin = begin_flow(project)
    if bool(completions) != bool(benchmark):
        raise ConfigError("completions and the benchmark that they answer go together; name both")
    recorded = Recorded(Path(completions), Path(benchmark)) if completions else None
    path, summary = evaluate_alone(project, model, config.resolved(), recorded, origin)
    create_markdown_artifact(summary, key="evaluation", description=model)
    return str(path)
