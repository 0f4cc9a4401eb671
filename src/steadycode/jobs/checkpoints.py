"""Checkpoints in the job's folder and their index, so that a killed stage need not begin again.

The running stage adds checkpoints. Whoever starts a stage calls ``rewind`` first, which keeps of
an earlier try only the checkpoints that can be trusted, and the events up to the newest of them.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from steadycode.errors import SteadycodeError
from steadycode.files import replacing, sha256_folder
from steadycode.jobs.disk import told_of_disk
from steadycode.jobs.job import Job
from steadycode.records import read_record, write_record
from steadycode.temporaries import temporary

SCHEMA = 1
INDEX = "checkpoints.json"
FOLDER = "checkpoints"
_STEP = re.compile(r"step-\d{6,}")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One row of the index: a folder, and how far the events had come when it was written."""

    folder: str
    """Path relative to the job's folder."""
    step: int
    events: int
    """The size of events.jsonl in bytes."""
    events_sha256: str
    files: Mapping[str, str]
    """Path relative to ``folder`` -> sha256."""


@dataclass(frozen=True)
class _Index:
    """The file ``checkpoints.json``."""

    job_sha256: str
    checkpoints: tuple[Checkpoint, ...]


class Checkpoints:
    """The newest ``kept`` checkpoints of a job, for the stage that runs it."""

    def __init__(self, job: Job, kept: int) -> None:
        self._job, self._kept = job, kept
        self._rows = list(_read_index(job)[0])

    @property
    def newest(self) -> Path | None:
        """The folder to continue from, or None; ``rewind`` has made sure that it can be trusted."""
        return self._job.folder / self._rows[0].folder if self._rows else None

    @property
    def step(self) -> int:
        """The step at which the newest checkpoint was made; 0 when there is none."""
        return self._rows[0].step if self._rows else 0

    def add(self, step: int, write: Callable[[Path], None]) -> None:
        """Make a checkpoint of what ``write`` puts into the folder it is given.

        Raises SteadycodeError when the disk does not take it; the earlier checkpoints stay.
        """
        folder = self._job.folder / FOLDER / f"step-{step:06d}"
        try:
            with told_of_disk(f"the checkpoint of step {step}", folder.parent):
                write(folder)
                self._list(step, folder)
        except (OSError, SteadycodeError):
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _remove_unlisted(self._job.folder, self._rows)

    def _list(self, step: int, folder: Path) -> None:
        events = self._job.events.read_bytes()  # each is written at once
        row = Checkpoint(
            folder=f"{FOLDER}/{folder.name}",
            step=step,
            events=len(events),
            events_sha256=hashlib.sha256(events).hexdigest(),
            files=sha256_folder(folder),
        )
        rows = [row, *self._rows][: self._kept]
        _write_index(self._job, rows)
        self._rows = rows


def rewind(job: Job) -> list[str]:
    """Remove all that the next try of ``job`` does not continue from.

    A checkpoint is trusted when it is this job's, and its files and the events before it are what
    they were when it was written. Without such a checkpoint, all events are removed too. Returns a
    line on each checkpoint that was given up and what is wrong with it.
    """
    rows, fault = _read_index(job)
    lines = [fault] if fault else []
    while rows and (fault := _fault(job, rows[0])):
        lines.append(f"the checkpoint of step {rows[0].step} is skipped: {fault}")
        rows = rows[1:]
    if not rows:
        remove_checkpoints(job.folder)
        job.events.unlink(missing_ok=True)
        return [*lines, f"the {job.stage} stage begins anew"] if lines else []
    _write_index(job, rows)
    _remove_unlisted(job.folder, rows)
    told = job.events.read_bytes()[: rows[0].events]
    with replacing(job.events) as temporary:  # a process that dies late appends to the old file
        temporary.write_bytes(told)
    return lines


def remove_checkpoints(folder: Path) -> None:
    """Remove all checkpoints of the job in ``folder``. The index goes first, so that it never names
    a checkpoint that is gone."""
    (folder / INDEX).unlink(missing_ok=True)
    _remove_unlisted(folder, [])
    with suppress(OSError):  # it isn't there, or holds what is not ours
        (folder / FOLDER).rmdir()


def of_another_job(job: Job) -> bool:
    """Whether the job's folder holds checkpoints that another job has made."""
    try:
        index = read_record(job.folder / INDEX, _Index, SCHEMA, SteadycodeError, "start anew")
    except SteadycodeError:
        return False
    return bool(index.checkpoints) and index.job_sha256 != job.sha256


def _fault(job: Job, row: Checkpoint) -> str:
    """Why the checkpoint can't be trusted; empty when it can."""
    try:
        events = job.events.read_bytes()[: row.events]
        files = sha256_folder(job.folder / row.folder)
    except OSError as error:
        return f"{error.filename} cannot be read ({error.strerror})"
    if hashlib.sha256(events).hexdigest() != row.events_sha256:
        return f"{job.events} is not as it was then"
    for name in sorted({*files, *row.files}):
        if files.get(name) != row.files.get(name):
            how = "not as it was written" if name in files else "missing"
            return f"{job.folder / row.folder / name} is {how}"
    return ""


def _read_index(job: Job) -> tuple[tuple[Checkpoint, ...], str]:
    """The checkpoints of the job, newest first, and what is wrong with their index. Both are empty
    when there is none."""
    path = job.folder / INDEX
    if not path.exists():
        return (), ""
    try:
        index = read_record(path, _Index, SCHEMA, SteadycodeError, "no checkpoint can be trusted")
    except SteadycodeError as error:
        return (), str(error)
    if index.job_sha256 == job.sha256:
        return index.checkpoints, ""
    return (), "the checkpoints of another job are removed" if index.checkpoints else ""


def _write_index(job: Job, rows: Sequence[Checkpoint]) -> None:
    write_record(job.folder / INDEX, _Index(job.sha256, tuple(rows)), SCHEMA)


def _remove_unlisted(folder: Path, rows: Sequence[Checkpoint]) -> None:
    """Remove checkpoints that are not among ``rows``, half-written ones included."""
    listed = {folder / row.folder for row in rows}
    for path in (folder / FOLDER).glob("*"):
        left = temporary(path)
        dead = left is not None and left.writer_lives is False
        if dead or (path not in listed and _STEP.fullmatch(path.name)):
            shutil.rmtree(path, ignore_errors=True)
