"""The process boundary: a job file in, events while it runs, a manifest at the end.

A stage runs as ``python -m steadycode.stages.NAME JOB.json``. Its folder holds ``job.json``,
``events.jsonl``, ``stage.log``, the outputs and, last of all, ``manifest.json``. Whoever reads
outputs trusts them only when they match the manifest. A stage that writes checkpoints continues
from the newest one after a kill (``checkpoints``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from steadycode.errors import SteadycodeError
from steadycode.files import sha256_file, sha256_json
from steadycode.records import read_record, write_record

SCHEMA = 1
JOB, LOG = "job.json", "stage.log"
"""Files in a job's folder."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that a stage needs: ``inputs`` are local paths, ``settings`` is plain JSON."""

    stage: str
    folder: Path
    seed: int
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    identity: Mapping[str, str] = field(default_factory=dict)
    """Content hashes of the inputs, by which two jobs are the same although their paths differ."""

    @property
    def sha256(self) -> str:
        """The hash of what the job does; the folder and the inputs' paths are no part of it."""
        what = {"stage": self.stage, "seed": self.seed, "settings": dict(self.settings)}
        return sha256_json({**what, "identity": dict(self.identity), "schema": SCHEMA})

    @property
    def path(self) -> Path:
        return self.folder / JOB

    @property
    def events(self) -> Path:
        """What the stage tells while it runs, a line each."""
        return self.folder / "events.jsonl"

    @property
    def log(self) -> Path:
        """What the stage prints."""
        return self.folder / LOG

    @property
    def manifest(self) -> Path:
        """Written last."""
        return self.folder / "manifest.json"

    def in_folder(self, folder: Path) -> "Job":
        return replace(self, folder=folder)

    def write(self) -> None:
        write_record(self.path, self, SCHEMA)

    @classmethod
    def read(cls, path: Path) -> "Job":
        """Raises SteadycodeError when the file is no job of this version."""
        return read_record(path, cls, SCHEMA, SteadycodeError, "write the job anew")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a finished stage leaves: the sha256 of every output by its path relative to the job's
    folder, and how they were made."""

    stage: str
    job_sha256: str
    outputs: Mapping[str, str]
    versions: Mapping[str, str]
    seed: int
    wall_seconds: float
    peak_memory_mb: float


def trusted_manifest(job: Job) -> Manifest | None:
    """The manifest in the job's folder if it belongs to this job and every output matches it."""
    try:
        manifest = read_record(job.manifest, Manifest, SCHEMA, SteadycodeError, "run it again")
    except SteadycodeError:
        return None
    if manifest.job_sha256 != job.sha256:
        return None
    for name, expected in manifest.outputs.items():
        output = job.folder / name
        if not output.is_file() or sha256_file(output) != expected:
            return None
    return manifest
