"""Fine-tune one saved model on the training documents: ``python -m steadycode.stages.train JOB``.

Inputs of the job: ``model`` (a folder), ``train`` and ``heldout`` (JSON lines with ``content``).
Settings: the fields of TrainConfig, and ``max_documents``. Output: the folder ``model``, in the
dtype of the model that training started from. Continues from the job's newest checkpoint. Runs as
one process per GPU.
"""

import os
from pathlib import Path

from pydantic import ValidationError

from steadycode.config import DataConfig, TrainConfig
from steadycode.errors import ConfigError
from steadycode.jobs.checkpoints import Checkpoints
from steadycode.jobs.child import Events, Sources, stage_main
from steadycode.jobs.disk import told_of_disk
from steadycode.jobs.group import group_size, meet, rank, told_of_loss
from steadycode.jobs.job import Job
from steadycode.spelling import first_fault

SOURCES = Sources(
    "code",
    (
        *("contraclm", "measures", "models", "jobs", "stages/train"),
        *(
            "addresses",
            "config",
            "errors",
            "files",
            "hub",
            "identity",
            "json_lines",
            "locks",
            "places",
            "processes",
        ),
        *("project", "randomness", "records", "spelling", "temporaries", "threads", "wheels"),
    ),
)
"""What decides what a training gives: when one of them changes, it is another training."""
HELDOUT_DOCUMENTS = 16
"""Measured while training; the evaluation afterwards uses more."""


def body(job: Job, events: Events) -> list[Path]:
    """Writes the files of ``model/``."""
    settings, max_documents = _settings(job)
    for name in ("model", "train", "heldout"):
        if name not in job.inputs:
            raise ConfigError(f"{job.path}: inputs.{name} is missing; write the job anew")

    from steadycode.contraclm.checkpoint import save, stored_dtype
    from steadycode.contraclm.sequences import training_sequences
    from steadycode.contraclm.trainer import train
    from steadycode.measures.documents import evenly, read_documents
    from steadycode.models import load, pick_device

    _take_own_gpu()
    device = pick_device()
    meet(device)
    folder = Path(job.inputs["model"])
    documents = read_documents(Path(job.inputs["train"]), max_documents)
    heldout = evenly(read_documents(Path(job.inputs["heldout"])), HELDOUT_DOCUMENTS)
    start = load(folder, "float32", device)
    checkpoints = Checkpoints(job, settings.checkpoints_kept)
    if checkpoints.newest:  # the events before it are kept, and hold the other message
        events.message(f"continuing from step {checkpoints.step}")
    else:
        what = f"{len(documents)} documents, {settings.mode} objective, {device}"
        events.message(f"training on {what}")
    with told_of_loss():
        train(
            start.model,
            start.tokenizer,
            training_sequences(start.tokenizer, documents, settings.sequence_length, job.seed),
            settings,
            job.seed,
            heldout=heldout,
            on_metric=events.metric,
            on_progress=lambda done, total: events.progress("train", done, total),
            on_checkpoint=checkpoints.add,
            on_message=events.message,
            resume=checkpoints.newest,
        )
    if rank():  # the first process of a group saves
        return []
    with told_of_disk("the trained model", job.folder):
        return save(start.model, start.tokenizer, job.folder / "model", stored_dtype(folder))


def _settings(job: Job) -> tuple[TrainConfig, int | None]:
    given = dict(job.settings)
    try:
        data = DataConfig(max_documents=given.pop("max_documents", None))
    except ValidationError as error:
        raise ConfigError(f"{job.path}: data.{first_fault(error, DataConfig)}") from error
    try:
        return TrainConfig.model_validate(given), data.max_documents
    except ValidationError as error:
        raise ConfigError(f"{job.path}: train.{first_fault(error, TrainConfig)}") from error


def _take_own_gpu() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))


def _processes(job: Job) -> int:
    return group_size(_settings(job)[0].processes)


if __name__ == "__main__":
    stage_main("train", body, _processes, SOURCES)
