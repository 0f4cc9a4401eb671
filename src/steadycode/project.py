"""Where things are, and the environment that every library must find before it is imported."""

import os
from dataclasses import dataclass
from pathlib import Path

from steadycode.errors import ConfigError

_QUIET = {
    # no library may phone home; each of these was on by default
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # nine helper processes less
    "DVC_NO_ANALYTICS": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",  # lifted for the one call that fetches a named hub id
    # start-up of the embedded server on a busy laptop
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # the default (memory) never frees a slot after a reboot
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    # a killed machine's runs are noticed by this; 30 s is the least that Prefect takes
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # late is told of, and a worker may take half a minute to start a run
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "300",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    "TOKENIZERS_PARALLELISM": "false",
    # threads that spin while they wait made torch five times slower beside other work
    "OMP_WAIT_POLICY": "PASSIVE",
    "TRANSFORMERS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",  # progress is shown by our own events
    "GIT_PYTHON_REFRESH": "quiet",
}

STARTED_BY = "STEADYCODE_PROCESS"


@dataclass(frozen=True)
class Project:
    """The repository that is the application: every path that more than one module needs."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def data_version(self) -> Path:
        return self.root / "data.dvc"

    @property
    def configs(self) -> Path:
        return self.root / "configs"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def mlruns(self) -> Path:
        return self.root / "mlruns"

    @property
    def work(self) -> Path:
        """Everything that can be made again: attempts, caches, evidence."""
        return self.root / ".steadycode"

    def lock(self, name: str) -> Path:
        """The lock file of what is done once at a time in a whole project (see ``locks``)."""
        return self.work / f"{name}.lock"

    def prepare_environment(self) -> None:
        """Set what prefect, mlflow, dvc and transformers read at import. What the user has set
        stays.

        STEADYCODE_PROCESS names this process to all that it starts, which may outlive it;
        STEADYCODE_HOME names the project to them.
        """
        from steadycode.processes import ProcessId

        os.environ[STARTED_BY] = str(ProcessId.mine())
        os.environ["STEADYCODE_HOME"] = str(self.root)
        os.environ.setdefault("PREFECT_HOME", str(self.root / ".prefect"))
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)


def find_project(start: Path | None = None) -> Project:
    """The project at STEADYCODE_HOME, else the nearest folder upwards that holds ``data.dvc``."""
    named = os.environ.get("STEADYCODE_HOME")
    if named:
        root = Path(named).resolve()
        if not root.is_dir():
            raise ConfigError(f"STEADYCODE_HOME={named} is not a folder; unset it or correct it")
        if not (root / "configs").is_dir():
            raise ConfigError(f"STEADYCODE_HOME={named} holds no configs/; name a project's folder")
        return Project(root)
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "data.dvc").exists():
            return Project(folder)
    raise ConfigError(
        f"no data.dvc in {here} or above; run inside a steadycode repository or set STEADYCODE_HOME"
    )
