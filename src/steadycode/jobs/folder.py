"""A folder that a user names for a job: what lies there already is never replaced by mistake."""

from pathlib import Path

from steadycode.errors import ConfigError, SteadycodeError
from steadycode.jobs.checkpoints import of_another_job
from steadycode.jobs.job import SCHEMA, Job, Manifest, trusted_manifest
from steadycode.locks import lock_of
from steadycode.records import read_record
from steadycode.temporaries import temporary

_SHOWN = 4
_NAMES = {"train": "training", "evaluate": "evaluation"}


def require_own(job: Job, *, replace: bool = False) -> None:
    """Raises ConfigError when the job's folder holds anything but earlier work of the same job, as
    that has left it.

    With ``replace``, work of another job of the same stage may be there too. Call it while the
    folder's lock is held, before anything in there is touched.
    """
    if job.folder.exists() and not job.folder.is_dir():
        raise ConfigError(f"{job.folder} is a file; name a new folder")
    names = names_in(job.folder)
    if not names:
        return
    earlier = _earlier(job) if job.path.name in names else None
    if earlier is not None and earlier.sha256 == job.sha256:
        if job.manifest.exists() and trusted_manifest(job) is None and not replace:
            raise ConfigError(
                f"what this {_NAMES[job.stage]} left in {job.folder} was changed since; name a new "
                "folder, or give --force to do it again"
            )
        return
    if earlier is None or earlier.stage != job.stage:
        raise ConfigError(
            f"{job.folder} is not empty and holds no {_NAMES[job.stage]}; name a new folder"
        )
    if not replace:
        raise ConfigError(
            f"{job.folder} holds another {_NAMES[job.stage]} (other "
            f"{_differences(job, earlier)}); name a new folder, or give --force to replace it"
        )


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
        other = of_another_job(job)
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


def _differences(job: Job, earlier: Job) -> str:
    """What the two jobs do not share, by name: ``steps, data``."""
    pairs = (
        ({"seed": job.seed}, {"seed": earlier.seed}),
        (job.settings, earlier.settings),
        (job.identity, earlier.identity),
    )
    names = [
        name
        for now, before in pairs
        for name in sorted({*now, *before})
        if now.get(name) != before.get(name)
    ]
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
