"""An empty project with MLflow's tables."""

import shutil
from pathlib import Path

import pytest

from steadycode.project import Project
from steadycode.registry.store import Store, open_store


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: Path) -> Project:
    for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / ".prefect"))
    made = Project(tmp_path)
    for folder in (made.mlruns, made.configs, made.work, made.models):
        folder.mkdir()
    shutil.copyfile(empty_database, made.mlruns / "mlflow.db")
    return made


@pytest.fixture
def store(project: Project) -> Store:
    return open_store(project)
