"""Projects of their own with real DVC, git, MLflow and Prefect, and a corpus of local files."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("steadycode")
MODEL = "steadycode-smoke"


@dataclass(frozen=True)
class Workplace:
    root: Path

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A ``steadycode`` command as a user types it, inside the project."""
        return subprocess.run(
            [str(COMMAND), *arguments],
            cwd=self.root,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """The same without waiting for its end; it prints to ``output.txt``."""
        with (self.root / "output.txt").open("wb") as output:
            return subprocess.Popen(
                [str(COMMAND), *arguments],
                cwd=self.root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(f"sqlite:///{self.root}/mlruns/mlflow.db")

    def runs(self, **tags: str) -> list[Any]:
        """Runs with these tags (dots written as two underscores), oldest first."""
        client = self.client()
        experiment = client.get_experiment_by_name(MODEL)
        wanted = [f"tags.`{name.replace('__', '.')}` = '{tags[name]}'" for name in tags]
        return list(
            client.search_runs(
                [experiment.experiment_id],
                " AND ".join(wanted),
                order_by=["attributes.start_time ASC"],
            )
        )

    def attempts(self) -> list[Any]:
        """The runs of attempts at a retraining, oldest first."""
        return [
            run
            for run in self.runs()
            if run.data.tags.get("steadycode.retraining", "base") != "base"
            and "steadycode.stage" not in run.data.tags
        ]

    def registry(self) -> dict[str, Any]:
        """Every version with its tags and every alias, to be compared with a later look."""
        client = self.client()
        models = {
            model.name: {alias: int(version) for alias, version in model.aliases.items()}
            for model in client.search_registered_models()
        }
        versions = {
            (found.name, int(found.version)): (found.source, found.run_id, dict(found.tags))
            for name in models
            for found in client.search_model_versions(f"name = '{name}'")
        }
        return {"aliases": models, "versions": versions}

    def dvc_add(self) -> None:
        self._quiet(sys.executable, "-m", "dvc", "add", "data")

    def git(self, *arguments: str) -> None:
        self._quiet("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments)

    def processes(self) -> dict[int, str]:
        """The command lines of live processes that were started for this project."""
        named = str(self.root).encode()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                if named in (folder / "environ").read_bytes() or named in command:
                    found[int(folder.name)] = command.replace(b"\0", b" ").decode()
        found.pop(os.getpid(), None)
        return found

    def stop(self) -> None:
        """End what a killed run has left: Prefect's own server outlives it."""
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _environment(self) -> dict[str, str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STEADYCODE_")}
        environment |= {"COLUMNS": "160"}
        if not (self.root / "data.dvc").exists():  # the first build cannot find its project by it
            environment["STEADYCODE_HOME"] = str(self.root)
        return environment

    def _quiet(self, *command: str) -> None:
        environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
        subprocess.run(
            command, cwd=self.root, env=environment, check=True, capture_output=True, timeout=120
        )


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh project whose data/ is built, recorded and committed: only ever copied."""
    place = Workplace(tmp_path_factory.mktemp("built"))
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copy(REPOSITORY / "prefect.yaml", place.root)
    for name in ("flows", "configs"):
        shutil.copytree(REPOSITORY / name, place.root / name, ignore=unwanted)
    shutil.copy(REPOSITORY / ".gitignore", place.root)
    shutil.copytree(REPOSITORY / "src" / "steadycode", place.root / "sources", ignore=unwanted)
    recipe = {
        "split": {"train": 60, "valid": 20, "test": 20},
        "folders": [{"name": "ours", "path": "sources", "licence": "Apache-2.0"}],
    }
    (place.root / "configs" / "corpus.yaml").write_text(yaml.safe_dump(recipe))
    place.git("init", "-q")
    place._quiet(sys.executable, "-m", "dvc", "init", "-q")
    done = place.run("data", "build", "--force")
    assert done.returncode == 0, done.stderr
    place.dvc_add()
    place.git("add", "-A")
    place.git("commit", "-qm", "start")
    return place.root


@pytest.fixture(scope="module")
def new_workplace(
    built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Workplace]]:
    """Makes projects with the same data, in which nothing has been run yet."""
    made: list[Workplace] = []

    def make() -> Workplace:
        root = tmp_path_factory.mktemp("project")
        shutil.copytree(built, root, dirs_exist_ok=True)
        made.append(Workplace(root))
        return made[-1]

    yield make
    for place in made:
        place.stop()


@pytest.fixture(scope="module")
def workplace(new_workplace: Callable[[], Workplace]) -> Workplace:
    """One project for all the tests of a file."""
    return new_workplace()
