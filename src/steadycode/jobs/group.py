"""One stage as a group of processes on this machine, usually one per GPU.

torchrun's own agent starts them and watches them: when one fails, the others are stopped. A group
that something else starts (``accelerate launch -m steadycode.stages.train JOB.json``, on one
machine or on several that share the job's folder) runs the same code.
"""

import os
import signal
import sys
from pathlib import Path

from steadycode.errors import ConfigError
from steadycode.threads import cpus


def rank() -> int | None:
    """The number of this process in its group, from 0; None when it is in no group."""
    own_rank = os.environ.get("RANK")
    return None if own_rank is None else int(own_rank)


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
