"""``steadycode gc``: frees what no alias, no recent version and no unfinished work needs."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from steadycode.addresses import redacted
from steadycode.errors import ModelError
from steadycode.files import read_json
from steadycode.jobs.job import JOB
from steadycode.locks import is_held, lock_of
from steadycode.models import fingerprint
from steadycode.operations.interrupted import interrupted
from steadycode.project import Project
from steadycode.registry.guard import Guard
from steadycode.registry.retention import (
    Item,
    Needed,
    carry_out,
    disk_use,
    downloads,
    folders_in,
    folders_of_fingerprints,
    is_free,
    registry_items,
    split_versions,
)
from steadycode.registry.store import Store, open_store
from steadycode.retraining.attempt import DECISION
from steadycode.retraining.evaluation import (
    benchmarks_of_today,
    completions_of_today,
    is_of_today,
)

_BENCHMARK = "manifest.json"  # of what `recode.release` writes


@dataclass(frozen=True, kw_only=True)
class AttemptFolder:
    """What is left on this machine of one attempt at a retraining."""

    retraining: str
    number: int
    folder: Path
    finished: bool
    running: bool
    touched: float
    """The time, in seconds since the epoch, at which one of its JSON files was last written."""

    @property
    def lock(self) -> Path:
        return lock_of(self.folder)

    @property
    def train(self) -> Path:
        return self.folder / "train"


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What a removal has freed, or what it would free after a dry run."""

    gone: tuple[Item, ...]
    in_use: tuple[Item, ...]
    """Items that were left alone because somebody was working there."""
    left_to: str
    """The address of the server that keeps its own artifacts; empty for the embedded store."""

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.gone)


def collect_garbage(
    project: Project, keep: int, dry_run: bool, experiment: str = "steadycode"
) -> Removal:
    """Remove weights, checkpoints and completions beyond the newest ``keep``, and what an older
    engine or older sources of ours have left, which no run would find again.

    A dry run touches nothing and returns what the same command without it would free.
    """
    store = open_store(project, experiment)
    with store.writing():  # no version comes and no alias moves between plan and removal
        plan = plan_removal(project, store, keep)
        guard = Guard(store)
        go = is_free if dry_run else partial(carry_out, store)
        gone = [item for item in plan if go(item, guard)]
    return Removal(
        gone=tuple(gone),
        in_use=tuple(item for item in plan if item not in gone),
        left_to="" if store.embedded else redacted(store.tracking_uri),
    )


def plan_removal(project: Project, store: Store, keep: int) -> list[Item]:
    """Everything that may be removed, grouped by kind. Changes nothing."""
    attempts = list(attempt_folders(project))
    kept_attempts = _unfinished_kept(attempts, keep)
    needed = _needed(project, kept_attempts)
    kept, others = split_versions(store, keep, needed)
    stay = needed.fingerprints | {version.fingerprint for version in kept} - {""}
    models = stay | set(_fingerprints(project.models.glob("*")))
    return [
        *registry_items(store, kept, others, needed),
        *downloads(store, kept, needed),
        *_trainings(attempt for attempt in attempts if attempt not in kept_attempts),
        *_evaluations(project, models, needed),
        *_completions(project, models, needed),
        *_benchmarks(project),
        *_interrupted(project),
    ]


def attempt_folders(project: Project) -> Iterator[AttemptFolder]:
    for retraining, number, folder in project.attempts():
        yield AttemptFolder(
            retraining=retraining,
            number=number,
            folder=folder,
            finished=(folder / DECISION).exists(),
            running=is_held(lock_of(folder)),
            touched=_touched(folder),
        )


def _touched(folder: Path) -> float:
    newest = 0.0
    for path in folder.rglob("*.json*"):
        with suppress(FileNotFoundError):  # the temporary files of a running attempt come and go
            newest = max(newest, path.stat().st_mtime)
    return newest


def _unfinished_kept(attempts: list[AttemptFolder], keep: int) -> list[AttemptFolder]:
    """The attempts that run, and the newest ``keep`` of those that wait to be resumed."""
    waiting = [attempt for attempt in attempts if not attempt.finished and not attempt.running]
    waiting.sort(key=lambda attempt: attempt.touched, reverse=True)
    return [attempt for attempt in attempts if attempt.running] + waiting[:keep]


def _needed(project: Project, kept: list[AttemptFolder]) -> Needed:
    """What the kept attempts and the evaluations under way may still ask for.

    An attempt needs the model that it starts from, the one that it has trained, and the evidence on
    both; an evaluation needs its model.
    """
    jobs = [attempt.train / JOB for attempt in kept]
    running = [job for job in project.evaluations.glob(f"*/{JOB}")
               if is_held(lock_of(job.parent))]  # fmt: skip
    models = {_identity_of(job).get("model", "") for job in (*jobs, *running)} - {""}
    return Needed(
        attempts=frozenset((attempt.retraining, attempt.number) for attempt in kept),
        fingerprints=frozenset(
            {*models, *_fingerprints(attempt.train / "model" for attempt in kept)}
        ),
    )


def _trainings(attempts: Iterable[AttemptFolder]) -> Iterator[Item]:
    """The model and checkpoints of attempts; their events, logs, manifests and evidence stay."""
    for attempt in attempts:
        train = attempt.train
        # the index goes first, so that it never names a checkpoint that is gone
        paths = [train / name for name in ("checkpoints.json", "checkpoints", "model")]
        paths = [path for path in paths if path.exists()]
        if paths:
            state = "finished" if attempt.finished else "unfinished"
            yield Item(
                kind="models and checkpoints",
                what=f"{attempt.retraining} attempt {attempt.number}, {state}",
                paths=tuple(paths),
                bytes=disk_use(*paths),
                lock=attempt.lock,
            )


def _evaluations(project: Project, kept_models: AbstractSet[str], needed: Needed) -> Iterator[Item]:
    """Completions and evidence of models that do not stay, and of others what newer evidence on
    the same model has replaced; MLflow has a copy of the evidence.

    What was judged for another engine stays: its completions may be nowhere else.
    """
    evaluations = [
        (folder, _identity_of(folder / JOB)) for folder in folders_in(project.evaluations)
    ]
    evaluations.sort(key=lambda known: (not is_of_today(known[1]), -_touched(known[0])))
    newer: set[str] = set()  # the models on which newer evidence was met already
    for folder, identity in evaluations:
        model = identity.get("model", "")  # a folder without a job is not ours
        replaced = model in newer and not is_of_today(identity)
        stays = model in kept_models and (not replaced or model in needed.fingerprints)
        newer.add(model)
        if model and not stays and not is_held(lock_of(folder)):
            older = ", by older sources" if model in kept_models else ""
            yield Item(
                kind="completions",
                what=f"{folder.name}, model {model[:12]}{older}",
                paths=(folder,),
                bytes=disk_use(folder),
                lock=lock_of(folder),
            )


def _completions(project: Project, kept_models: AbstractSet[str], needed: Needed) -> Iterator[Item]:
    """The completions of models that do not stay, whatever the settings they were made with, and
    those of older engines, but for models of which unfinished work is kept."""
    today = completions_of_today(project)
    for parent in (project.completions, *folders_in(project.completions)):
        stay = kept_models if parent == today else needed.fingerprints
        for folder in folders_of_fingerprints(parent):
            if folder.name not in stay:
                older = "" if parent == today else " by an older engine"
                yield Item(
                    kind="completions",
                    what=f"all kept of model {folder.name[:12]}{older}",
                    paths=(folder,),
                    bytes=disk_use(folder),
                )


def _benchmarks(project: Project) -> Iterator[Item]:
    """Benchmarks that older sources of ours have made, unless an evaluation is under way, which may
    have been started with those sources."""
    if any(is_held(lock_of(folder)) for folder in folders_in(project.evaluations)):
        return
    today = benchmarks_of_today(project)
    for folder in folders_in(project.benchmarks):
        ours = (folder / _BENCHMARK).is_file() or any(folder.glob(f"*/{_BENCHMARK}"))
        if folder != today and ours:
            yield Item(
                kind="benchmarks",
                what=f"{folder.name}, made by older sources",
                paths=(folder,),
                bytes=disk_use(folder),
            )


def _interrupted(project: Project) -> Iterator[Item]:
    """What a kill left half-written, or half-removed by an earlier ``steadycode gc``."""
    for left in interrupted(project):
        if not left.goes_back:  # `steadycode doctor` puts such a one back
            what = project.shown(left.path)
            paths = (left.path,)
            yield Item(kind="left by a kill", what=what, paths=paths, bytes=disk_use(left.path))


def _identity_of(job: Path) -> Mapping[str, str]:
    """The identity in a job's file; empty when that does not say, and for what was judged for
    another engine."""
    try:
        content = read_json(job)
        ours = "answers" not in content.get("inputs", {})
        return {key: str(value) for key, value in content["identity"].items()} if ours else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _fingerprints(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        try:
            yield fingerprint(folder)
        except ModelError:  # not a whole model
            continue
