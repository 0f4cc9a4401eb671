"""A folder that a user names for a job: what lies there already is never replaced by mistake."""

from contextlib import AbstractContextManager
from pathlib import Path

from steadycode.errors import ConfigError, SteadycodeError
from steadycode.files import to_json
from steadycode.jobs.checkpoints import Checkpoints, of_another_job
from steadycode.jobs.job import SCHEMA, Job, Manifest, trusted_manifest
from steadycode.locks import lock_of, locked
from steadycode.records import read_record
from steadycode.temporaries import temporary

_SHOWN = 4
_NAMES = {"train": "training", "evaluate": "evaluation"}


def require_own(job: Job, *, replace: bool = False) -> str:
    """Raises ConfigError when the job's folder holds anything but earlier work of the same job, as
    that has left it. The error tells what differs: settings with their old and new values.

    With ``replace``, work of another job of the same stage may be there too; the line that tells
    what is given up is returned (otherwise ""). Call it while the folder's lock is held, before
    anything in there is touched.
    """
    if job.folder.exists() and not job.folder.is_dir():
        raise ConfigError(f"{job.folder} is a file; name a new folder")
    names = names_in(job.folder)
    if not names:
        return ""
    name = _NAMES.get(job.stage, job.stage)
    earlier = _earlier(job) if job.path.name in names else None
    if earlier is None or earlier.stage != job.stage:
        raise ConfigError(f"{job.folder} is not empty and holds no {name}; name a new folder")
    if earlier.sha256 == job.sha256:
        if not job.manifest.exists() or trusted_manifest(job) is not None:
            return ""
        there = f"what this {name} left in {job.folder} was changed since"
        remedy = "give --force to do it again"
    else:
        other = _state(earlier).format(name)
        there = f"{job.folder} holds another{other} ({_differences(job, earlier)})"
        remedy = "give --force to replace it"
    if not replace:
        raise ConfigError(f"{there}; name a new folder, or {remedy}")
    return f"{there}; it is replaced"


def holding_alone(job: Job) -> AbstractContextManager[None]:
    """A context that holds the job's lock. Raises ConfigError when somebody else works on the job
    or may not write in its folder."""
    busy = ConfigError(f"another process works in {job.folder}; wait until it has ended")
    return locked(lock_of(job.folder), busy)


def names_in(folder: Path) -> set[str]:
    """What lies in a folder but for its lock and what is half-written there, which is all that a
    kill leaves of a job that had not begun."""
    lock = lock_of(folder)
    return {path.name for path in folder.glob("*") if path != lock and temporary(path) is None}


def require_unedited(job: Job) -> None:
    """Raises ConfigError when the folder of ``job``, which is run by hand, holds the results or the
    checkpoints of another job: the job's file was edited since."""
    try:
        finished = read_record(job.manifest, Manifest, SCHEMA, SteadycodeError, "run it again")
        other = finished.job_sha256 != job.sha256
    except SteadycodeError:
        finished, other = None, of_another_job(job)
    if finished and not other and trusted_manifest(job) is None:
        raise ConfigError(
            f"what this job left in {job.folder} was changed since; copy {job.path.name} to a new "
            f"folder, with its folder changed, or remove {job.manifest} to do it again"
        )
    if other:
        raise ConfigError(
            f"{job.folder} holds the work of another job than {job.path.name}; copy that file to a "
            "new folder, with its folder changed"
        )


def _earlier(job: Job) -> Job | None:
    try:
        return Job.read(job.path)
    except SteadycodeError:
        return None


def _state(earlier: Job) -> str:
    """How far an earlier job has come, around the place of its name."""
    if trusted_manifest(earlier) is not None:
        return ", finished {}"
    step = Checkpoints(earlier, kept=1).step
    return f", unfinished {{}} of step {step}" if step else " {}"


def _differences(job: Job, earlier: Job) -> str:
    """What the two jobs do not share: ``steps was 4, is now 5; the data has changed``."""
    pairs = ({"seed": earlier.seed}, {"seed": job.seed}), (earlier.settings, job.settings)
    changes = [
        f"{name} was {_shown(before.get(name))}, is now {_shown(now.get(name))}"
        for before, now in pairs
        for name in sorted({*now, *before})
        if now.get(name) != before.get(name)
    ]
    changes += [
        f"the {name} has changed"
        for name in sorted({*job.identity, *earlier.identity})
        if job.identity.get(name) != earlier.identity.get(name)
    ]
    more = len(changes) - _SHOWN
    return "; ".join(changes[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _shown(value: object) -> str:
    return to_json(value, indent=None)
