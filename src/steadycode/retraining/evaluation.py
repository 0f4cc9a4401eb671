"""The evaluation stage in the parent process: its jobs, and an evaluation by itself."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from steadycode.config import Config
from steadycode.corpus.repository import head_commit
from steadycode.corpus.versions import check_data
from steadycode.errors import EvidenceError
from steadycode.evidence import EVIDENCE, Evidence
from steadycode.files import sha256_json, to_json
from steadycode.generation.builtin import BUILTIN
from steadycode.generation.recorded import RecordedEngine
from steadycode.identity import code_hash
from steadycode.jobs.job import Job
from steadycode.models import (
    device_class,
    pick_device,
    pick_dtype,
)
from steadycode.problems import load_problems, problem_file, select_problems
from steadycode.project import Project
from steadycode.recode import read_benchmark
from steadycode.recode.budget import choose, told
from steadycode.recode.perturbations import libraries
from steadycode.recode.report import Report
from steadycode.registry.attempts import open_evaluation_run
from steadycode.registry.runs import Lineage, MetricBuffer, way_to
from steadycode.registry.store import open_store
from steadycode.retraining.context import StageLog
from steadycode.retraining.preflight import find_model
from steadycode.stages.evaluate import SOURCES, input_hash
from steadycode.views.console import StageView, aside
from steadycode.views.markdown import evidence_markdown
from steadycode.views.tables import evidence_table


@dataclass(frozen=True, slots=True)
class Recorded:
    """Completions that another engine has written, as JSON lines of prompt and completion, and the
    benchmark that they answer."""

    completions: Path
    benchmark: Path


def benchmarks_of_today(project: Project) -> Path:
    """The folder of the benchmarks that our sources, as they are now, make and find again."""
    return project.benchmarks / code_hash(*SOURCES.parts)[:16]


def completions_of_today(project: Project) -> Path:
    """The folder of what the built-in engine, as it is now, has written and finds again."""
    return project.completions / sha256_json([BUILTIN, code_hash("generation")])[:16]


def is_of_today(identity: Mapping[str, str]) -> bool:
    """Whether an evaluation by our sources and engine as they are now could have that ``identity``
    of a job, and so find its evidence."""
    made_by = (identity.get(SOURCES.key), identity.get("engine"))
    return made_by == (code_hash(*SOURCES.parts), BUILTIN)


def evaluation_job(project: Project, config: Config, model: Path) -> Job:
    """The job that evaluates the model in a folder.

    Its seed is the configuration's, so that every attempt at a retraining, and the champion, meet
    the same problems and variants. The job's folder is named by the job's hash, so that the
    evidence on an unchanged model under unchanged conditions is found again there.
    """
    device = pick_device()
    problems = problem_file(config.evaluate.problems)
    heldout = project.data / "test.jsonl"
    return _job(
        project,
        config,
        inputs={
            "model": str(model),
            "heldout": str(heldout),
            "completions": str(completions_of_today(project)),
            "problems": str(problems),
            "benchmarks": str(benchmarks_of_today(project)),
        },
        identity={
            "model": input_hash("model", model),
            "problems": input_hash("problems", problems),
            "heldout": input_hash("heldout", heldout),
            "device": device,
            "dtype": str(pick_dtype(config.evaluate.precision, device)).removeprefix("torch."),
            "device_class": device_class(device),
            "engine": BUILTIN,
            "libraries": to_json(libraries(config.evaluate.style), indent=None),
        },
    )


def recorded_job(project: Project, config: Config, recorded: Recorded) -> Job:
    """The job that judges completions which were made elsewhere.

    Where they answer the problems' own prompts and no other, these are all that is judged. Raises
    DataError, with file and line, when the completions do not answer the benchmark.
    """
    benchmark = read_benchmark(recorded.benchmark)
    style, tasks = config.evaluate.decoding.style, benchmark.tasks
    engine = RecordedEngine(recorded.completions, style, tasks)
    prompts = dict.fromkeys(problem.prompt for _, problem in benchmark.cases())
    own = set(tasks.values())
    if not any(engine.answers(prompt, prompts) for prompt in prompts if prompt not in own):
        benchmark = benchmark.unperturbed
        prompts = dict.fromkeys(tasks.values())
    engine.require(list(prompts))
    return _job(
        project,
        config,
        inputs={
            "answers": str(recorded.completions.resolve()),
            "benchmark": str(recorded.benchmark.resolve()),
        },
        identity={
            "model": input_hash("answers", recorded.completions),
            "benchmark": benchmark.content_hash,
            "engine": f"{engine.conditions.engine}, python {platform.python_version()}",
        },
    )


def _job(
    project: Project, config: Config, inputs: Mapping[str, str], identity: Mapping[str, str]
) -> Job:
    job = Job(
        stage="evaluate",
        folder=project.evaluations,
        seed=config.seed,
        settings=config.evaluate.model_dump(mode="json"),
        inputs=inputs,
        identity={**identity, SOURCES.key: code_hash(*SOURCES.parts)},
    )
    return job.in_folder(job.folder / job.sha256[:16])


def evaluate_alone(
    project: Project,
    model: str,
    config: Config,
    recorded: Recorded | None = None,
    origin: Mapping[str, str] | None = None,
) -> tuple[Path, str]:
    """Evaluate any model, in an MLflow run of its own.

    With ``recorded`` completions, ``model`` is only the name by which they are shown. ``origin``
    holds tags that say what started the evaluation. Returns the evidence file and the figures as
    markdown.
    """
    project.prepare_environment()
    console = Console()
    store = open_store(project, config.experiment)
    if recorded:
        job = recorded_job(project, config, recorded)
        md5, dirty, commit = "none", False, head_commit(project)
    else:
        folder = find_model(project, model, config, store, aside(console))
        data = check_data(project, allow_dirty=True)  # only read for held-out documents; tagged
        job = evaluation_job(project, config, folder)
        md5, dirty, commit = data.md5, data.dirty, data.git_commit
    lineage = Lineage(
        retraining=f"evaluation-{job.sha256[:12]}",
        attempt=0,
        profile=config.profile,
        data_md5=md5,
        data_dirty=dirty,
        git_commit=commit or "none",
    )
    run = open_evaluation_run(store, lineage, config, model)
    title = f"evaluate {model}"
    with run.ended(), StageView(console, 1).stage(title) as view, MetricBuffer(run) as metrics:
        run.came_from(origin or {})
        StageLog(run, metrics, view, config.max_stage_hours * 3600).run_stage(job)
        path = job.folder / EVIDENCE
        evidence = Evidence.read(path)
        run.evidence(evidence)
        run.file(path)
    console.print(evidence_table(evidence, f"{model} ({evidence.report.label})"))
    console.print(f"evidence: {path}\nopen this run: {way_to(run)}", markup=False)
    return path, evidence_markdown(evidence)


def earlier_reports(project: Project) -> list[Report]:
    """The reports of all evaluations of this project that can still be read, oldest first."""
    files = project.evaluations.glob(f"*/{EVIDENCE}")
    reports = []
    for path in sorted(files, key=lambda path: path.stat().st_mtime):
        try:
            reports.append(Evidence.read(path).report)
        except EvidenceError:  # of another version
            continue
    return reports


def perturbations_within(project: Project, problems: int, seeds: int, budget: int) -> list[str]:
    """The perturbations that told most in earlier evaluations, for ``budget`` prompts at most.

    Raises ConfigError when none fits, or nothing was evaluated before.
    """
    return choose(told(earlier_reports(project)), problems, seeds, budget)


def within_budget(project: Project, config: Config, budget: int) -> list[str]:
    """The perturbations that told most earlier, for ``budget`` prompts of ``config`` at most.

    Raises ConfigError when none fits.
    """
    settings = config.evaluate
    usable = load_problems(settings.problems, lambda fault: None)  # the evaluation tells of them
    problems = select_problems(usable, settings.max_problems, config.seed)
    return perturbations_within(project, len(problems), settings.seeds, budget)
