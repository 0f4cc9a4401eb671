import shutil
import sqlite3

import pytest

from steadycode.project import Project
from steadycode.registry.store import open_store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow's tables, made once: making them takes two seconds, copying them none."""
    root = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        open_store(Project(root), experiment="template")
    copy = root / "empty.db"
    with sqlite3.connect(root / "mlruns" / "mlflow.db") as connection:
        connection.execute("DELETE FROM experiments")  # their addresses are not the copies'
        connection.commit()
        connection.execute("VACUUM INTO ?", (str(copy),))
    return copy


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
