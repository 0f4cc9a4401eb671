"""Evaluates any model without training it: ReCode, held-out loss, isotropy."""

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from steadycode.config import Config
from steadycode.errors import ConfigError
from steadycode.operations.doctor import begin_flow
from steadycode.project import find_project
from steadycode.retraining.evaluation import Recorded, evaluate_alone


@flow(name="evaluate", flow_run_name="evaluate {model}")
def evaluate(
    model: str,
    config: Config = Config(),  # noqa: B008
    completions: str = "",
    benchmark: str = "",
) -> str:
    """Evaluate a model, or completions of another engine; returns the evidence file's path.

    Args:
        model: a name of configs/base-models.yaml, a folder, models:/NAME@ALIAS, or a hub id; with
            completions, the name by which they are shown.
        config: every setting; one that is left out comes from the profile.
        completions: a file that another engine has written, JSON lines of prompt and completion.
        benchmark: the folder from `steadycode perturb build` whose prompts were completed.
    """
    project = find_project()
    origin = begin_flow(project)
    if bool(completions) != bool(benchmark):
        raise ConfigError("completions and the benchmark that they answer go together; name both")
    recorded = Recorded(Path(completions), Path(benchmark)) if completions else None
    path, summary = evaluate_alone(project, model, config, recorded, origin)
    create_markdown_artifact(summary, key="evaluation", description=model)
    return str(path)
