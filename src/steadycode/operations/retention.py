"""``steadycode gc``: frees what no alias, no recent version and no unfinished work needs."""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from steadycode.errors import ModelError
from steadycode.files import read_json
from steadycode.locks import is_held, lock_of
from steadycode.models import fingerprint
from steadycode.operations.interrupted import interrupted
from steadycode.processes import project_processes
from steadycode.project import Project
from steadycode.registry.retention import (
    Item,
    Needed,
    carry_out,
    disk_use,
    downloads,
    folders_in,
    registry_items,
    split_versions,
)
from steadycode.registry.store import Store, open_store
from steadycode.temporaries import temporary


@dataclass(frozen=True, kw_only=True)
class AttemptFolder:
    """What is left on this machine of one attempt at a retraining."""

    retraining: str
    number: int
    folder: Path
    finished: bool
    running: bool
    touched: float
    """When one of its JSON files, events included, was last written."""

    @property
    def lock(self) -> Path:
        return lock_of(self.folder)

    @property
    def train(self) -> Path:
        return self.folder / "train"


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What a removal freed, or what a dry run would have."""

    gone: tuple[Item, ...]
    in_use: tuple[Item, ...]
    """Left alone, since somebody works there just now."""
    left_to: str
    """The address of the server that keeps its own artifacts; empty for the embedded store."""

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.gone)


def collect_garbage(
    project: Project, keep: int, dry_run: bool, experiment: str = "steadycode"
) -> Removal:
    """Remove weights, checkpoints and completions beyond the newest ``keep``.

    A dry run touches nothing and returns what the same command without it would free.
    """
    store = open_store(project, experiment)
    with store.writing():  # no version comes and no alias moves between plan and removal
        plan = plan_removal(project, store, keep)
        gone = plan if dry_run else [item for item in plan if carry_out(store, item)]
    return Removal(
        gone=tuple(gone),
        in_use=tuple(item for item in plan if item not in gone),
        left_to="" if store.embedded else store.tracking_uri,
    )


def plan_removal(project: Project, store: Store, keep: int) -> list[Item]:
    """All that may go, by kind. Changes nothing."""
    attempts = list(attempt_folders(project))
    kept_attempts = _unfinished_kept(attempts, keep)
    needed = _needed(project, kept_attempts)
    kept, others = split_versions(store, keep, needed)
    stay = needed.fingerprints | {version.fingerprint for version in kept} - {""}
    models = stay | set(_fingerprints(project.models.glob("*")))
    return [
        *registry_items(store, kept, others, needed),
        *downloads(store, kept, needed),
        *_trainings(one for one in attempts if one not in kept_attempts),
        *_evaluations(project, models),
        *_completions(project, models),
        *_interrupted(project),
    ]


def attempt_folders(project: Project) -> Iterator[AttemptFolder]:
    for folder in sorted((project.work / "retrainings").glob("*/attempt-*")):
        number = folder.name.removeprefix("attempt-")
        if number.isdigit():
            yield AttemptFolder(
                retraining=folder.parent.name,
                number=int(number),
                folder=folder,
                finished=(folder / "decision.json").exists(),
                running=is_held(lock_of(folder)),
                touched=_touched(folder),
            )


def _touched(folder: Path) -> float:
    newest = 0.0
    for path in folder.rglob("*.json*"):
        with suppress(FileNotFoundError):  # a temporary file of a running attempt
            newest = max(newest, path.stat().st_mtime)
    return newest


def _unfinished_kept(attempts: list[AttemptFolder], keep: int) -> list[AttemptFolder]:
    """Those that run, and the newest ``keep`` of those that wait to be resumed."""
    waiting = [one for one in attempts if not one.finished and not one.running]
    waiting.sort(key=lambda one: one.touched, reverse=True)
    return [one for one in attempts if one.running] + waiting[:keep]


def _needed(project: Project, kept: list[AttemptFolder]) -> Needed:
    """A kept attempt needs what it starts from, what it has trained, and their evidence; an
    evaluation under way needs its model."""
    jobs = [one.train / "job.json" for one in kept]
    running = [job for job in (project.work / "evaluations").glob("*/job.json")
               if is_held(lock_of(job.parent))]  # fmt: skip
    models = {_model_of(job) for job in (*jobs, *running)} - {""}
    return Needed(
        attempts=frozenset((one.retraining, one.number) for one in kept),
        fingerprints=frozenset({*models, *_fingerprints(one.train / "model" for one in kept)}),
    )


def _trainings(attempts: Iterable[AttemptFolder]) -> Iterator[Item]:
    """Model and checkpoints of attempts; their events, logs, manifests and evidence stay."""
    for one in attempts:
        # the index first: it vouches for the checkpoints
        paths = [one.train / name for name in ("checkpoints.json", "checkpoints", "model")]
        # earlier versions saved models and checkpoints under a name with a dot
        paths += [path for path in one.train.glob(".*") if path.is_dir() and not temporary(path)]
        paths = [path for path in paths if path.exists()]
        if paths:
            state = "finished" if one.finished else "unfinished"
            yield Item(
                kind="models and checkpoints",
                what=f"{one.retraining} attempt {one.number}, {state}",
                paths=tuple(paths),
                bytes=disk_use(*paths),
                lock=one.lock,
            )


def _evaluations(project: Project, kept_models: AbstractSet[str]) -> Iterator[Item]:
    """Completions and evidence of models that do not stay; MLflow has a copy of the evidence."""
    for folder in folders_in(project.work / "evaluations"):
        model = _model_of(folder / "job.json")
        if model not in kept_models and not is_held(lock_of(folder)):
            yield Item(
                kind="completions",
                what=f"{folder.name}, model {model[:12] or 'unknown'}",
                paths=(folder,),
                bytes=disk_use(folder),
                lock=lock_of(folder),
            )


def _completions(project: Project, kept_models: AbstractSet[str]) -> Iterator[Item]:
    """What was kept of the words of models that do not stay, under any conditions."""
    for folder in folders_in(project.work / "completions"):
        if folder.name not in kept_models:
            yield Item(
                kind="completions",
                what=f"all kept of model {folder.name[:12]}",
                paths=(folder,),
                bytes=disk_use(folder),
            )


def _interrupted(project: Project) -> Iterator[Item]:
    """Half-written or half-removed; also by an earlier ``steadycode gc``."""
    for path in interrupted(project, project_processes(project.root)):
        if (left := temporary(path)) and left.goes_back:
            continue  # for `steadycode doctor`
        what = str(path.relative_to(project.root))
        yield Item(kind="left by a kill", what=what, paths=(path,), bytes=disk_use(path))


def _model_of(job: Path) -> str:
    """The fingerprint of the model that a job is about; empty when the file does not say."""
    try:
        return str(read_json(job)["identity"]["model"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _fingerprints(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        try:
            yield fingerprint(folder)
        except ModelError:  # not a whole model
            continue
