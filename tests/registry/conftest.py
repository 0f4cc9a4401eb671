import shutil

import pytest

from steadycode.project import Project
from steadycode.registry.store import open_store


@pytest.fixture
def project(tmp_path, monkeypatch, empty_database):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made = Project(tmp_path / "a project")  # a space: paths become URIs on the way
    made.mlruns.mkdir(parents=True)
    shutil.copyfile(empty_database, made.mlruns / "mlflow.db")
    return made


@pytest.fixture
def store(project):
    return open_store(project)
