"""A project of its own with real DVC, git, MLflow and Prefect, and a corpus of local files."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("steadycode")


@dataclass(frozen=True)
class Workplace:
    root: Path

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A ``steadycode`` command as a user types it, inside the project."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("STEADYCODE_")}
        environment |= {"COLUMNS": "160"}
        if not (self.root / "data.dvc").exists():  # the first build cannot find its project by it
            environment["STEADYCODE_HOME"] = str(self.root)
        return subprocess.run(
            [str(COMMAND), *arguments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def dvc_add(self) -> None:
        self._quiet(sys.executable, "-m", "dvc", "add", "data")

    def git(self, *arguments: str) -> None:
        self._quiet("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments)

    def _quiet(self, *command: str) -> None:
        environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
        subprocess.run(
            command, cwd=self.root, env=environment, check=True, capture_output=True, timeout=120
        )


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A fresh project whose data/ is built, recorded and committed."""
    place = Workplace(tmp_path_factory.mktemp("project"))
    for name in ("flows", "configs"):
        shutil.copytree(
            REPOSITORY / name, place.root / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(REPOSITORY / ".gitignore", place.root)
    shutil.copytree(
        REPOSITORY / "src" / "steadycode",
        place.root / "sources",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    recipe = {
        "split": {"train": 60, "valid": 20, "test": 20},
        "folders": [{"name": "ours", "path": "sources", "licence": "Apache-2.0"}],
    }
    (place.root / "configs" / "corpus.yaml").write_text(yaml.safe_dump(recipe))
    place.git("init", "-q")
    place._quiet(sys.executable, "-m", "dvc", "init", "-q")
    return place
