"""One stage as a group of processes on this machine, usually one per GPU.

torchrun's own agent starts them and watches them: when one fails, the others are stopped. A group
that something else starts (``accelerate launch -m steadycode.stages.train JOB.json``, on one
machine or on several that share the job's folder) runs the same code. Nobody waits for ever, be it
for a process that was never started or for one that has died.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from steadycode.errors import ConfigError, StageFailed
from steadycode.threads import cpus

_PATIENCE = timedelta(minutes=5)
"""How long the processes of a group wait for one another when they begin."""


class GroupLost(StageFailed):
    """Another process of the group has ended or cannot be reached; its own fault is what counts."""


def rank() -> int | None:
    """The number of this process in its group, from 0; None when it is in no group."""
    own_rank = os.environ.get("RANK")
    return None if own_rank is None else int(own_rank)


def meet(device: str) -> None:
    """Wait for the other processes of this one's group, if it is in one, and connect with them.

    ``device`` is the type of device that they compute on ("cuda" or "cpu"). Raises GroupLost when
    they have not all come within five minutes.
    """
    if not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys():
        return
    from torch import distributed
    from torch.distributed.rendezvous import rendezvous

    own, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if size == 1 or distributed.is_initialized():
        return
    try:
        store, _, _ = next(rendezvous("env://", timeout=_PATIENCE))
        store.set(f"steadycode/{own}", "here")
        store.wait([f"steadycode/{other}" for other in range(size)], _PATIENCE)
        backend = "nccl" if device == "cuda" else "gloo"
        distributed.init_process_group(backend, store=store, rank=own, world_size=size)
    except distributed.DistError as error:
        master = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
        reason = str(error).splitlines()[0]
        raise GroupLost(
            f"process {own} of {size} did not meet the others at {master} within"
            f" {_PATIENCE.total_seconds():g} s ({reason}); see what they say, then start all of"
            " them again"
        ) from error


@contextmanager
def told_of_loss() -> Iterator[None]:
    """Turn what torch raises in the block when another process is lost into GroupLost.

    One that has ended is noticed at once; one whose machine no longer answers after torch's own
    patience (10 minutes between GPUs, 30 between CPUs).
    """
    from torch import distributed

    try:
        yield
    except RuntimeError as error:
        lost = isinstance(error, distributed.DistError) or "gloo/" in str(error)
        if not lost or not distributed.is_initialized():
            raise
        own, size = distributed.get_rank(), distributed.get_world_size()
        raise GroupLost(
            f"process {own} of {size} has lost another, which has ended or no longer answers; see"
            " what that one said, then start all of them again: they go on from the newest"
            " checkpoint"
        ) from error


def group_size(asked: int | None) -> int:
    """How many processes to start: as many as asked, else one per GPU, at least one.

    Raises ConfigError when more are asked than there are GPUs.
    """
    import torch

    gpus = torch.cuda.device_count()
    if asked is not None and 0 < gpus < asked:
        raise ConfigError(
            f"train.processes is {asked}, but this machine has {gpus} GPUs; lower it, or leave it"
            " out for one process per GPU"
        )
    return asked or max(gpus, 1)


def run_group(stage: str, path: Path, processes: int) -> int:
    """Run the stage for the job file at ``path`` in ``processes`` processes.

    Returns the exit code of the group. When a process was killed by a signal, this one ends by the
    same signal.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.2,
    )
    os.environ.setdefault("OMP_NUM_THREADS", str(max(cpus() // processes, 1)))
    os.environ["STEADYCODE_PARENT"] = str(os.getpid())
    try:
        elastic_launch(config, sys.executable)("-m", f"steadycode.stages.{stage}", str(path))
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        if failure.exitcode < 0:
            os.kill(os.getpid(), -failure.exitcode)  # the parent then sees how the stage ended
            signal.pause()
        return int(failure.exitcode)
    return 0
