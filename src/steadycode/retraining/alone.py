"""Stages run by hand from the command line, with what they found on the terminal."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from steadycode.config import Config
from steadycode.corpus.versions import check_data
from steadycode.errors import ConfigError
from steadycode.project import Project
from steadycode.views.console import StageView


def train_alone(project: Project, config: Config, output: Path, allow_dirty_data: bool) -> None:
    """``steadycode train``: the training stage in ``output``, finished work there is kept."""
    from steadycode.jobs.parent import run_stage
    from steadycode.retraining.context import resolve_model, resolve_start
    from steadycode.retraining.steps import training_job

    if output.exists() and any(output.iterdir()) and not (output / "job.json").exists():
        raise ConfigError(f"{output} is not empty and holds no training; name a new folder")
    console = Console()
    data = check_data(project, allow_dirty_data)
    base = resolve_model(project, config, config.model.base, console)
    start = resolve_start(project, config, base, console)
    job = training_job(project, config, start, data.md5, output.resolve(), config.seed)
    with StageView(console, 1).stage(f"train {config.train.steps} steps") as view:
        manifest = run_stage(job, view)
    console.print(
        f"model in {output / 'model'} ({manifest.wall_seconds:.0f} s, "
        f"{manifest.peak_memory_mb:.0f} MiB); metrics in {output / 'events.jsonl'}",
        markup=False,
    )


def evaluate_alone(
    project: Project, model: str, config: Config, origin: Mapping[str, str] | None = None
) -> tuple[Path, str]:
    """``steadycode evaluate``: evidence on any model, as an MLflow run of its own.

    ``origin`` are tags that say what started it. Returns the evidence file and the figures as
    markdown.
    """
    from steadycode.evidence import Evidence
    from steadycode.models import fingerprint
    from steadycode.registry.runs import Lineage, MetricBuffer, open_evaluation_run, way_to
    from steadycode.registry.store import open_store
    from steadycode.retraining.context import StageLog, resolve_model
    from steadycode.stages.evaluate import evaluation_job
    from steadycode.views.markdown import evidence_markdown
    from steadycode.views.tables import evidence_table

    project.prepare_environment()
    console = Console()
    folder = resolve_model(project, config, model, console)
    data = check_data(project, allow_dirty=True)  # only read for held-out documents; tagged
    job = evaluation_job(project, config, folder, fingerprint(folder))
    lineage = Lineage(
        retraining=f"evaluation-{job.sha256[:12]}",
        attempt=0,
        profile=config.profile,
        data_md5=data.md5,
        data_dirty=data.dirty,
        git_commit=data.git_commit or "none",
    )
    run = open_evaluation_run(open_store(project, config.experiment), lineage, config, model)
    title = f"evaluate {model}"
    with run.ended(), StageView(console, 1).stage(title) as view, MetricBuffer(run) as metrics:
        run.came_from(origin or {})
        StageLog(run, metrics, view, config.max_stage_hours * 3600).run_stage(job)
        path = job.folder / "evidence.json"
        evidence = Evidence.read(path)
        run.evidence(evidence)
        run.file(path)
    console.print(evidence_table(evidence, f"{model} ({evidence.report.label})"))
    console.print(f"evidence: {path}\nopen this run: {way_to(run)}", markup=False)
    return path, evidence_markdown(evidence)
