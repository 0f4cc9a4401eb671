"""The parent process of a stage: it starts the stage, follows its events and checks its manifest.

A stage whose manifest already matches the job is not run again. Its events are told again, so that
whatever a kill kept from being logged is logged now. The same holds for the events before the
checkpoint that an unfinished stage continues from.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from steadycode.errors import StageFailed, StageKilled, SteadycodeError
from steadycode.jobs.checkpoints import remove_checkpoints, rewind
from steadycode.jobs.child import UNTOLD
from steadycode.jobs.disk import told_of_disk
from steadycode.jobs.job import Job, Manifest, trusted_manifest
from steadycode.json_lines import decoded, json_object
from steadycode.locks import lock_of, locked

Event = dict[str, Any]
OnEvent = Callable[[Event], None]
_POLL_SECONDS = 0.2
_TAIL_LINES = 15
_TAIL_BYTES = 1 << 20


def run_stage(
    job: Job,
    on_event: OnEvent,
    timeout: float | None = None,
    launcher: Sequence[str] = (sys.executable, "-m"),
    check: Callable[[Job], object] = lambda job: None,
) -> Manifest:
    """Run ``job`` in a child process (or reuse its finished work) and return its manifest.

    ``launcher`` is what the stage's module name and job file are appended to. ``check`` is called
    while the folder's lock is held and nothing in there is touched yet; what it raises ends it.

    Raises SteadycodeError with the child's own line when the user can mend it, StageFailed with
    the end of the child's log otherwise. The child dies with us, and is killed after ``timeout``
    seconds: Prefect's own timeout cannot stop one long call into C.
    """
    with _held(job):  # whoever comes second finds the work done
        check(job)
        return _replayed(job, on_event) or _run(job, on_event, timeout, launcher)


@contextlib.contextmanager
def _held(job: Job) -> Iterator[None]:
    """Hold the job's lock, as long as it takes to have it."""
    with contextlib.ExitStack() as held:
        with told_of_disk("the job", job.folder):
            held.enter_context(locked(lock_of(job.folder)))
        yield


def prepare(job: Job, check: Callable[[Job], object] = lambda job: None) -> list[str]:
    """Write the job's file for somebody else to run, and return what ``rewind`` tells.

    Finished work of this job is kept, that of another one removed (``check`` may raise before).
    """
    with _held(job), told_of_disk("the job", job.folder):
        check(job)
        if trusted_manifest(job) is not None:
            return []
        lines = rewind(job)
        job.manifest.unlink(missing_ok=True)
        job.write()
    return lines


def _run(job: Job, on_event: OnEvent, timeout: float | None, launcher: Sequence[str]) -> Manifest:
    with told_of_disk("the job", job.folder):
        for line in rewind(job):
            on_event({"kind": "message", "text": line})
        job.write()
        log = job.log.open("wb")
    with log as output:
        child = subprocess.Popen(
            [*launcher, f"steadycode.stages.{job.stage}", str(job.path)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "STEADYCODE_PARENT": str(os.getpid())},
        )
        with _killed_on_exit(child):
            _follow(child, on_event, timeout, job)
    if child.returncode != 0:
        raise _failure(job.stage, child.returncode, job.log)
    manifest = trusted_manifest(job)
    if manifest is None:
        fault = "its outputs do not match a manifest"
        raise StageFailed(f"{job.stage} ended, but {fault}; see {job.log}")
    return manifest


def _replayed(job: Job, on_event: OnEvent) -> Manifest | None:
    """The manifest of finished work, after its events have been told again; None without one."""
    manifest = trusted_manifest(job)
    if manifest is not None:
        remove_checkpoints(job.folder)  # they are left by a kill right after the manifest
        for event in _complete_lines(job.events, 0)[0]:
            on_event(event)
    return manifest


def _follow(
    child: subprocess.Popen[bytes],
    on_event: OnEvent,
    timeout: float | None,
    job: Job,
) -> None:
    deadline = time.monotonic() + timeout if timeout else None
    position = 0
    while True:
        ended = child.poll() is not None
        lines, position = _complete_lines(job.events, position)
        for event in lines:
            on_event(event)
        if ended:
            return
        if deadline and time.monotonic() > deadline:
            raise StageFailed(f"{job.stage} took longer than {timeout:.0f} s and was stopped")
        time.sleep(_POLL_SECONDS)


def _complete_lines(path: Path, position: int) -> tuple[list[Event], int]:
    """The events after byte ``position`` whose line is complete, and where the next one begins."""
    if not path.exists():
        return [], position
    with path.open("rb") as stream:
        stream.seek(position)
        chunk = stream.read()
    whole = chunk[: chunk.rfind(b"\n") + 1]
    place = f"{path} behind byte {position}"
    rows = [json_object(decoded(line, place), place) for line in whole.split(b"\n") if line]
    return rows, position + len(whole)


@contextlib.contextmanager
def _killed_on_exit(child: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        for sign, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            if child.poll() is not None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(patience)


def _failure(stage: str, code: int, log: Path) -> SteadycodeError:
    if code == UNTOLD:  # what the log is on may not even be fit to be read
        return SteadycodeError(
            f"the {stage} stage could not write its log in {log.parent}, as on a full disk; free"
            " some space and run this again; it goes on from the newest checkpoint"
        )
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        lines = file.read(_TAIL_BYTES).decode(errors="replace").rstrip().splitlines()
    told = [line for line in lines if line.startswith("error: ")]
    if code == SteadycodeError.exit_code and told:
        # in a group, lines of torchrun and of processes that miss this one may follow it
        return SteadycodeError(told[0].removeprefix("error: "))
    tail = "\n  ".join(lines[-_TAIL_LINES:])
    if code < 0:
        how = f"signal {signal.Signals(-code).name}"
        return StageKilled(f"{stage} ended with {how}; the end of {log}:\n  {tail}")
    return StageFailed(f"{stage} ended with exit code {code}; the end of {log}:\n  {tail}")
