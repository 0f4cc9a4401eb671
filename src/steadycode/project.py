"""The paths of a project, and the environment that libraries read when they are imported."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from steadycode.errors import ConfigError

_QUIET = {
    # no library may phone home; each of these was on by default
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # the addresses of runs, once for each of them, with the password that the server's may hold
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
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
    # runs of a machine that died are noticed by missing heartbeats; 30 s is Prefect's minimum
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # late runs are notified, and a worker may take half a minute to start one
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "300",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    "TOKENIZERS_PARALLELISM": "false",
    # threads that spin while they wait made torch five times slower beside other work
    "OMP_WAIT_POLICY": "PASSIVE",
    "TRANSFORMERS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",  # progress is shown by our own events
    "GIT_PYTHON_REFRESH": "quiet",
}

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Project:
    """The repository that is the application: every path that more than one module needs, and
    every path below ``work``."""

    root: Path

    @property
    def data(self) -> Path:
        """data/; where that is a link, the folder that it leads to: it is that which is filled and
        replaced, and the link stays. Raises ConfigError for a link that leads back to itself."""
        data = self.root / "data"
        try:
            return data.resolve() if data.is_symlink() else data
        except (OSError, RuntimeError) as error:  # Python 3.13 has made an OSError of it
            raise ConfigError(f"the link {data} leads back to itself; mend or remove it") from error

    def shown(self, path: Path) -> str:
        """How people are told of ``path``: from the project's folder, where it lies in that."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)

    @property
    def data_version(self) -> Path:
        return self.root / "data.dvc"

    @property
    def configs(self) -> Path:
        return self.root / "configs"

    @property
    def recipe(self) -> Path:
        """The recipe that data/ is built from."""
        return self.configs / "corpus.yaml"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def mlruns(self) -> Path:
        return self.root / "mlruns"

    @property
    def prefect(self) -> Path:
        """Where Prefect keeps its database, unless PREFECT_HOME names another folder."""
        return self.root / ".prefect"

    @property
    def work(self) -> Path:
        """Everything that can be made again: attempts, caches, evidence."""
        return self.root / ".steadycode"

    @property
    def written(self) -> tuple[Path, ...]:
        """The folders that commands make, and write to."""
        return (self.mlruns, self.work, self.prefect)

    def attempt(self, retraining: str, number: int) -> Path:
        """The folder of one attempt at a retraining; it holds a folder for each stage."""
        return self._retrainings / retraining / f"attempt-{number:03d}"

    def attempts(self) -> Iterator[tuple[str, int, Path]]:
        """Retraining, number and folder of each attempt that has a folder here, in their order."""
        for folder in sorted(self._retrainings.glob("*/attempt-*")):
            number = folder.name.removeprefix("attempt-")
            if number.isdigit():
                yield folder.parent.name, int(number), folder

    @property
    def _retrainings(self) -> Path:
        return self.work / "retrainings"

    @property
    def evaluations(self) -> Path:
        """A job's folder for each evaluation, named by what the job is."""
        return self.work / "evaluations"

    @property
    def benchmarks(self) -> Path:
        """Perturbed problems, for all models that meet them, in a folder for each state of the
        sources that make them."""
        return self.work / "benchmarks"

    @property
    def completions(self) -> Path:
        """The completions of models, in a folder for each engine, and there for each model's
        fingerprint."""
        return self.work / "completions"

    @property
    def downloads(self) -> Path:
        """Pinned wheels."""
        return self.work / "downloads"

    @property
    def refresh_state(self) -> Path:
        """The file in which a refresh keeps what cannot be seen elsewhere."""
        return self.work / "refresh.json"

    @property
    def services(self) -> Path:
        """The record of what ``steadycode up`` has started."""
        return self.work / "services.json"

    @property
    def service_logs(self) -> Path:
        return self.work / "services"

    def service_log(self, name: str) -> Path:
        return self.service_logs / f"{name.replace(' ', '-')}.log"

    def lock(self, name: str) -> Path:
        """The lock file of what is done once at a time in a whole project (see ``locks``)."""
        return self.work / f"{name}.lock"

    def prepare_environment(self) -> None:
        """Set the variables that prefect, mlflow, dvc and transformers read at import. What the
        user has set stays.

        STEADYCODE_PROCESS tells the processes that this one starts, and which may outlive it, who
        started them; STEADYCODE_HOME tells them the project.
        """
        from steadycode.processes import STARTED_BY, ProcessId

        os.environ[STARTED_BY] = str(ProcessId.mine())
        os.environ["STEADYCODE_HOME"] = str(self.root)
        os.environ.setdefault("PREFECT_HOME", str(self.prefect))
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        _reach_this_machine_directly()


def _reach_this_machine_directly() -> None:
    """Where proxies are set, except this machine from them: the servers that we start here are not
    to be had by way of another. What the user has excepted stays so.

    Without a proxy nothing is set, since that would hide the ones that a system's settings name.
    """
    kinds = ("http_proxy", "https_proxy", "all_proxy")
    if not any(os.environ.get(name) for kind in kinds for name in (kind, kind.upper())):
        return
    # libraries prefer the one in small letters
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    excepted = [host for part in named.split(",") if (host := part.strip())]
    if "*" not in excepted:
        excepted += [host for host in _THIS_MACHINE if host not in excepted]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(excepted)


def find_project(start: Path | None = None) -> Project:
    """The project at STEADYCODE_HOME, else the nearest folder upwards that holds ``data.dvc``.

    Raises ConfigError when there is none.
    """
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
