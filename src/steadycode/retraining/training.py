"""The training stage in the parent process: its job, and a training by itself."""

import shlex
from pathlib import Path

from rich.console import Console

from steadycode.config import Config
from steadycode.corpus.versions import check_data
from steadycode.errors import ConfigError
from steadycode.identity import code_hash
from steadycode.jobs.disk import told_of_disk
from steadycode.jobs.folder import names_in, require_own
from steadycode.jobs.job import JOB, Job
from steadycode.jobs.parent import prepare, run_stage
from steadycode.models import fingerprint
from steadycode.project import Project
from steadycode.registry.store import open_store
from steadycode.retraining.fit import check_documents, check_machine, check_training
from steadycode.retraining.preflight import resolve_model, start_of
from steadycode.stages.train import SOURCES
from steadycode.views.console import StageView, aside


def training_job(
    project: Project, config: Config, start: Path, data_md5: str, folder: Path, seed: int
) -> Job:
    return Job(
        stage="train",
        folder=folder,
        seed=seed,
        settings={
            **config.train.model_dump(mode="json"),
            "max_documents": config.data.max_documents,
        },
        inputs={
            "model": str(start),
            "train": str(project.data / "train.jsonl"),
            "heldout": str(project.data / "valid.jsonl"),
        },
        identity={
            "model": fingerprint(start),
            "data": data_md5,
            SOURCES.key: code_hash(*SOURCES.parts),
        },
    )


def train_alone(
    project: Project,
    config: Config,
    output: Path,
    allow_dirty_data: bool,
    force: bool = False,
    job_only: bool = False,
) -> None:
    """Run the training stage by itself in the folder ``output``; finished work there is kept.

    With ``job_only`` nothing is trained: the job's file is written, and the command told that runs
    it. Raises ConfigError when the folder holds anything but this training; with ``force``, another
    training there is replaced, and told.
    """
    with told_of_disk("the training", output):
        if names_in(output) and not (output / JOB).exists():
            raise ConfigError(f"{output} is not empty and holds no training; name a new folder")
    console = Console()
    check_machine(config.train)
    data = check_data(project, allow_dirty_data)
    check_documents(project, "valid")
    store = open_store(project, config.experiment)
    start = resolve_model(project, start_of(config, store), lambda: store, aside(console))
    check_training(project, config.train, start)
    job = training_job(project, config, start, data.md5, output.resolve(), config.seed)
    require_own(job, replace=force)  # before a stage is announced; once more under the lock

    def take(job: Job) -> None:
        if replaced := require_own(job, replace=force):
            console.print(replaced, markup=False)

    if job_only:
        for line in prepare(job, take):
            console.print(line, markup=False)
        console.print(f"{job.path} is written; run it by", markup=False)
        command = shlex.join(["python", "-m", "steadycode.stages.train", str(job.path)])
        console.print(command, markup=False, soft_wrap=True)
        return
    with StageView(console, 1).stage(f"train {config.train.steps} steps") as view:
        manifest = run_stage(job, view, check=take)
    console.print(
        f"model in {output / 'model'} ({manifest.wall_seconds:.0f} s, "
        f"{manifest.peak_memory_mb:.0f} MiB); metrics in {job.events}",
        markup=False,
    )
