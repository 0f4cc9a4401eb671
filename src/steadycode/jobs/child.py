"""The child process of a stage: it tells events while it runs, and its manifest at the end."""

import ctypes
import importlib.metadata
import json
import math
import os
import platform
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from steadycode.errors import ConfigError, StageFailed, SteadycodeError
from steadycode.files import sha256_file
from steadycode.identity import require_unchanged
from steadycode.jobs.checkpoints import remove_checkpoints, rewind
from steadycode.jobs.disk import told_of_disk
from steadycode.jobs.folder import holding_alone, require_unedited
from steadycode.jobs.group import GroupLost, rank, run_group
from steadycode.jobs.job import SCHEMA, Job, Manifest, trusted_manifest
from steadycode.records import write_record
from steadycode.threads import keep_to_quota

UNTOLD = 74
"""The exit code of a stage that could not tell its fault, because its log can't be written."""
_CULPRIT_FIRST_SECONDS = 2.0
"""A process that ends because of another waits as long: launchers tell of the first that ended."""
_LOG_SECONDS = 10.0
_VERSIONS = ("torch", "transformers", "tokenizers", "numpy")


class Events:
    """Appends events to ``events.jsonl``, each as one whole line, so that a reader can follow.

    Messages, and progress now and then, go to the stage's log too, which is all that a person has
    after a kill. Several threads may use it at once.
    """

    def __init__(self, path: Path, log: bool = True) -> None:
        """Raises SteadycodeError when the file can't be made; so does all that tells something,
        when the disk does not take it."""
        self._logs, self._path = log, path
        with told_of_disk("the events", path.parent):
            self._out = path.open("ab", buffering=0)  # nothing is left to write at the end
        self._told = -math.inf
        self._one_line = threading.Lock()

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """Tell one value of a metric; a value that is not finite is told as null."""
        known = value if math.isfinite(value) else None
        self._write({"kind": "metric", "name": name, "value": known, "step": step})

    def progress(self, label: str, done: int, total: int) -> None:
        if time.monotonic() - self._told > _LOG_SECONDS:
            self._log(f"{label} {done}/{total}")
        self._write({"kind": "progress", "label": label, "done": done, "total": total})

    def message(self, text: str) -> None:
        self._log(text)
        self._write({"kind": "message", "text": text})

    def _log(self, text: str) -> None:
        self._told = time.monotonic()
        if self._logs:
            with told_of_disk("the log", self._path.parent):
                print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    def _write(self, event: dict[str, Any]) -> None:
        line = json.dumps({"time": time.time(), **event}, allow_nan=False) + "\n"
        left = memoryview(line.encode())
        with self._one_line, told_of_disk("the events", self._path.parent):
            while left:
                left = left[self._out.write(left) :]


Body = Callable[[Job, Events], list[Path]]
"""A function that does a stage's work: it writes outputs below ``job.folder`` and returns their
paths."""


class Sources(NamedTuple):
    """The sources that decide what a stage gives."""

    key: str
    """Where the job's identity has their hash."""
    parts: tuple[str, ...]
    """Their names, as ``identity.code_hash`` takes them."""
    read_late: bool = False
    """Whether some are read while the stage works, and not only when it begins."""

    def check(self, job: Job) -> None:
        """Raise SteadycodeError when they are no longer those that ``job`` was made with."""
        if self.key in job.identity:
            require_unchanged(job.identity[self.key], self.parts)


def run_body(stage: str, body: Body, path: Path, sources: Sources | None = None) -> Manifest:
    """Run ``body`` for the job file at ``path``, and write the manifest when it has ended.

    Raises SteadycodeError, and writes none, when the job was made with other ``sources``.
    """
    job = Job.read(path)
    if job.stage != stage:
        raise StageFailed(f"{path} is a job for {job.stage!r}, not for {stage!r}")
    if sources:
        sources.check(job)
    started = time.monotonic()
    with told_of_disk(f"what the {stage} stage leaves", job.folder):
        job.manifest.unlink(missing_ok=True)
        outputs = body(job, Events(job.events))
    if sources and sources.read_late:
        sources.check(job)
    unit = 1024 if sys.platform != "darwin" else 1024**2  # ru_maxrss: KiB, on macOS bytes
    manifest = Manifest(
        stage=stage,
        job_sha256=job.sha256,
        outputs={
            output.relative_to(job.folder).as_posix(): sha256_file(output)
            for output in sorted(outputs)
        },
        versions=versions(),
        seed=job.seed,
        wall_seconds=round(time.monotonic() - started, 3),
        peak_memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1),
    )
    with told_of_disk("the manifest", job.folder):
        write_record(job.manifest, manifest, SCHEMA)
    remove_checkpoints(job.folder)
    return manifest


def stage_main(
    stage: str,
    body: Body,
    processes: Callable[[Job], int] = lambda job: 1,
    sources: Sources | None = None,
) -> None:
    """Run a stage module as a command; an expected error is one line on stderr and exit code 2.

    When ``processes`` gives more than one, this process only starts and watches them. All of them
    run ``body``, but only the first one's events and outputs count. A job that was made with other
    ``sources`` than those of today is refused. Run by hand, it holds the job's lock, which a
    parent holds otherwise.
    """
    if len(sys.argv) != 2:
        sys.exit(f"usage: python -m steadycode.stages.{stage} JOB.json")
    _die_with_parent()
    path = Path(sys.argv[1])
    try:
        with ExitStack() as held:
            job = Job.read(path)
            if "STEADYCODE_PARENT" not in os.environ and _by_hand(job, path, sources, held):
                print(f"{job.folder} holds what this job gives; nothing is left to do")
                return
            _run(stage, body, path, processes, sources)
    except SteadycodeError as error:
        _end(error)


def _run(
    stage: str,
    body: Body,
    path: Path,
    processes: Callable[[Job], int],
    sources: Sources | None,
) -> None:
    job, here = Job.read(path), rank()
    if here:
        if sources:
            sources.check(job)
        body(job, Events(Path(os.devnull), log=False))
        return
    with told_of_disk("the log", job.folder):
        print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {stage} for {path}", flush=True)
    count = processes(job) if here is None else 1
    if count > 1:
        sys.exit(run_group(stage, path, count))
    if here is None:
        keep_to_quota()
    run_body(stage, body, path, sources)


def _by_hand(job: Job, path: Path, sources: Sources | None, held: ExitStack) -> bool:
    """Do what a parent does before it starts a stage, and return whether the work is done already.

    In a group that something else has started, the first process does so for all, and what it
    refuses the others refuse too, so that nobody waits for it.
    """
    try:
        if sources:
            sources.check(job)
    except SteadycodeError as error:
        raise ConfigError(
            f"the code of the {job.stage} stage has changed since {path} was written, and would"
            " give something else; write the job anew"
        ) from error
    if rank():
        require_unedited(job)
        return trusted_manifest(job) is not None
    held.enter_context(holding_alone(job))
    require_unedited(job)
    if trusted_manifest(job) is not None:
        return True
    with told_of_disk("the checkpoints", job.folder):
        for line in rewind(job):
            print(line, flush=True)
    return False


def _end(error: SteadycodeError) -> NoReturn:
    """Tell the fault and end; where the log can't be written, the exit code says so."""
    try:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.stdout.flush()
    except OSError:
        os._exit(UNTOLD)  # flushing once more would end with another code
    if isinstance(error, GroupLost):
        time.sleep(_CULPRIT_FIRST_SECONDS)
    sys.exit(error.exit_code)


def _die_with_parent() -> None:
    """Let Linux kill this stage when its parent dies, so that it never outlives a killed flow."""
    parent = os.environ.get("STEADYCODE_PARENT")
    if parent and sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != int(parent):  # the parent died before we asked
            sys.exit(1)


def versions() -> dict[str, str]:
    libraries = {name: importlib.metadata.version(name) for name in _VERSIONS}
    return {**libraries, "steadycode": importlib.metadata.version("steadycode"),
            "python": platform.python_version()}  # fmt: skip
