"""An evaluation by itself: any model, no training."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from steadycode.config import Config
from steadycode.corpus.versions import check_data
from steadycode.evidence import Evidence
from steadycode.models import fingerprint
from steadycode.project import Project
from steadycode.registry.attempts import open_evaluation_run
from steadycode.registry.runs import Lineage, MetricBuffer, way_to
from steadycode.registry.store import open_store
from steadycode.retraining.context import StageLog
from steadycode.retraining.preflight import resolve_model
from steadycode.stages.evaluate import evaluation_job
from steadycode.views.console import StageView, aside
from steadycode.views.markdown import evidence_markdown
from steadycode.views.tables import evidence_table


def evaluate_alone(
    project: Project, model: str, config: Config, origin: Mapping[str, str] | None = None
) -> tuple[Path, str]:
    """Evidence on any model, as an MLflow run of its own.

    ``origin`` are tags that say what started it. Returns the evidence file and the figures as
    markdown.
    """
    project.prepare_environment()
    console = Console()
    store = open_store(project, config.experiment)
    folder = resolve_model(project, model, lambda: store, aside(console))
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
    run = open_evaluation_run(store, lineage, config, model)
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
