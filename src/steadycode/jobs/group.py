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


def rank() -> int | None:
    """Of this process in its group; None where there is none."""
    given = os.environ.get("RANK")
    return None if given is None else int(given)


def group_size(asked: int | None) -> int:
    """How many processes to start: as asked, or one per GPU. Raises ConfigError."""
    import torch

    gpus = torch.cuda.device_count()
    if asked is not None and 0 < gpus < asked:
        raise ConfigError(
            f"train.processes is {asked}, but this machine has {gpus} GPUs; lower it, or leave it"
            " out for one process per GPU"
        )
    return asked or max(gpus, 1)


def run_group(stage: str, path: Path, processes: int) -> int:
    """Run the stage for the job file at ``path`` in so many processes; the group's exit code."""
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
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // processes, 1)))
    os.environ["STEADYCODE_PARENT"] = str(os.getpid())
    try:
        elastic_launch(config, sys.executable)("-m", f"steadycode.stages.{stage}", str(path))
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        if failure.exitcode < 0:
            os.kill(os.getpid(), -failure.exitcode)  # as if it had been this process
            signal.pause()
        return int(failure.exitcode)
    return 0
