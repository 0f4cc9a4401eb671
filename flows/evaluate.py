"""Evaluate any model without training: ReCode, held-out loss, isotropy."""

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
    """Returns the path of the evidence file.

    Args:
        model: a name of configs/base-models.yaml, a folder, models:/NAME@ALIAS, or a hub id; with
            completions, the name by which they are shown.
        config: every setting; an omitted one comes from the profile.
        completions: a file of JSON lines of prompt and completion that another engine has written.
        benchmark: the folder from `steadycode perturb build` whose prompts they complete.
    """
    project = find_project()
    origin = begin_flow(project)
    if bool(completions) != bool(benchmark):
        raise ConfigError("completions and the benchmark that they answer go together; name both")
    recorded = Recorded(Path(completions), Path(benchmark)) if completions else None
    path, summary = evaluate_alone(project, model, config, recorded, origin)
    create_markdown_artifact(summary, key="evaluation", description=model)
    return str(path)
