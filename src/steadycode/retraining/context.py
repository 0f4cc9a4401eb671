"""One attempt at a retraining, in the parent process: what every stage is given."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from rich.console import Console

from steadycode.config import Config
from steadycode.corpus.versions import DataVersion, check_data
from steadycode.errors import ConfigError, SteadycodeError
from steadycode.gate.policy import Policy
from steadycode.jobs.job import Job, Manifest
from steadycode.jobs.parent import Event, run_stage
from steadycode.locks import lock_of, locked
from steadycode.models import fingerprint
from steadycode.project import Project
from steadycode.registry import versions
from steadycode.registry.attempts import find_attempt_run, open_attempt_run, open_stage_run
from steadycode.registry.runs import Lineage, MetricBuffer, RetrainingRun
from steadycode.registry.store import Store, open_store
from steadycode.registry.tags import FAILED_STAGE
from steadycode.registry.versions import START, RegisteredVersion
from steadycode.retraining.attempt import Attempt, is_unfinished, open_attempt, retraining_id
from steadycode.retraining.fit import check_documents
from steadycode.retraining.preflight import check_retraining
from steadycode.retraining.publishing import publish_recorded
from steadycode.views.console import EventView, StageView, aside

STAGES = 6


class Retraining:
    """Everything about the attempt under way.

    This is deliberately no dataclass: Prefect walks into the fields of one when it looks for
    futures among a task's arguments.
    """

    def __init__(
        self,
        *,
        project: Project,
        config: Config,
        policy: Policy,
        data: DataVersion,
        base: Path,
        start: Path,
        attempt: Attempt,
        store: Store,
        run: RetrainingRun,
        console: Console,
    ) -> None:
        self.project = project
        self.config = config
        self.policy = policy
        self.data = data
        self.base = base
        self.start = start
        self.attempt = attempt
        self.store = store
        self.run = run
        self.console = console
        self.failed_stage = ""
        self._view = StageView(console, STAGES)

    @contextmanager
    def stage(self, name: str, title: str) -> Iterator["StageLog"]:
        """Open a nested MLflow run and a place on the terminal for a stage.

        An error in the block ends the run with its reason.
        """
        run = open_stage_run(self.run, name)
        try:
            with self._view.stage(title) as view, MetricBuffer(run) as metrics, run.ended():
                yield StageLog(run, metrics, view, self.config.max_stage_hours * 3600)
        except BaseException:
            self.failed_stage = name
            raise
        if self.failed_stage == name:  # an earlier try failed, this one did not
            self.failed_stage = ""


class StageLog:
    """Receives a stage's events: metrics go to MLflow, progress and messages to the terminal."""

    def __init__(
        self, run: RetrainingRun, metrics: MetricBuffer, view: EventView, timeout: float
    ) -> None:
        self.run = run
        self._metrics = metrics
        self._view = view
        self._timeout = timeout

    def run_stage(self, job: Job) -> Manifest:
        """Run a stage as ``jobs.parent.run_stage`` does; when it fails, its log goes to MLflow."""
        try:
            return run_stage(job, self, self._timeout)
        except SteadycodeError:
            self.run.file(job.log)
            raise

    def __call__(self, event: Event) -> None:
        if event["kind"] == "metric" and event["value"] is not None:
            at = round(event["time"] * 1000)
            self._metrics.add(event["name"], event["value"], event["step"], at)
        self._view(event)

    def say(self, text: str) -> None:
        self._view({"kind": "message", "text": text})


@contextmanager
def open_retraining(
    project: Project,
    config: Config,
    allow_dirty_data: bool,
    console: Console,
    origin: Mapping[str, str],
) -> Iterator[Retraining]:
    """Find the data, the models and the attempt that comes next, and begin or re-open its run.

    ``origin`` holds tags that say what started the retraining. Raises DataError, ModelError or
    ConfigError before anything is written to the registry.
    """
    project.prepare_environment()
    data = check_data(project, allow_dirty_data)
    check_documents(project, "valid", "test")
    store = open_store(project, config.experiment)

    def unfinished(made: RegisteredVersion) -> bool:
        same = retraining_id(config, data.md5, made.tags.get(START, "")) == made.retraining
        return same and is_unfinished(project, made.retraining, made.attempt)

    ready = check_retraining(project, config, store, aside(console), unfinished)
    attempt = open_attempt(
        project,
        config,
        retraining_id(config, data.md5, fingerprint(ready.start)),
        lambda retraining, number: find_attempt_run(store, retraining, number) is not None,
    )
    lineage = _lineage(store, config, data, attempt)
    publish_recorded(project, attempt, console)
    with _only_one(attempt):
        run = open_attempt_run(store, lineage, config)
        console.print(
            f"retraining [bold]{attempt.retraining}[/bold], attempt {attempt.number}, profile "
            f"{config.profile}, data {data.md5[:8]}{' (dirty)' if lineage.data_dirty else ''}"
        )
        for line in ready.shortfalls:
            aside(console)(line)
        with run.ended():
            run.came_from(origin)
            run.dataset("data/train.jsonl", data.md5)
            run.file(attempt.folder / "config.json")
            work = Retraining(
                project=project,
                config=config,
                policy=ready.policy,
                data=data,
                base=ready.base,
                start=ready.start,
                attempt=attempt,
                store=store,
                run=run,
                console=console,
            )
            try:
                yield work
            except BaseException:
                run.tags({FAILED_STAGE: work.failed_stage} if work.failed_stage else {})
                raise


def _lineage(store: Store, config: Config, data: DataVersion, attempt: Attempt) -> Lineage:
    return Lineage(
        retraining=attempt.retraining,
        attempt=attempt.number,
        profile=config.profile,
        data_md5=data.md5,
        data_dirty=data.dirty or _made_from_dirty_data(store, config.model.base),
        git_commit=data.git_commit or "none",
    )


def _only_one(attempt: Attempt) -> AbstractContextManager[None]:
    running = ConfigError(
        f"attempt {attempt.number} of retraining {attempt.retraining} is already running; "
        "wait for it, or stop it and run this again to go on from there"
    )
    # whoever only looks whether the lock is held takes it for less than these two seconds
    return locked(lock_of(attempt.folder), running, wait=2)


def _made_from_dirty_data(store: Store, base: str) -> bool:
    """Whether the base is a registered version that was trained on data without a version, so that
    neither it nor a model made from it could be made again."""
    if not base.startswith("models:/"):
        return False
    return versions.resolve(store, base).tags.get("data.dirty") == "true"
