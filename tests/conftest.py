"""Every test sees a project of its own unless it asks for this repository."""

import os
import sqlite3
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(autouse=True)
def _home_of_this_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles are read from this repository whatever the current directory."""
    monkeypatch.setenv("STEADYCODE_HOME", str(REPOSITORY))


@pytest.fixture
def shared() -> Path:
    """The folder of shared problem sets; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("STEADYCODE_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared problem sets at {folder} (set STEADYCODE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables, made once: making them takes two seconds, copying them none."""
    from steadycode.project import Project
    from steadycode.registry.store import open_store

    root = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("STEADYCODE_HOME", str(root))  # put back behind us, as is the other
        patch.setenv("PREFECT_HOME", str(root / ".prefect"))
        open_store(Project(root), experiment="template")
    copy = root / "empty.db"
    with sqlite3.connect(root / "mlruns" / "mlflow.db") as connection:
        connection.execute("DELETE FROM experiments")  # their addresses are not the copies'
        connection.commit()
        connection.execute("VACUUM INTO ?", (str(copy),))
    return copy
