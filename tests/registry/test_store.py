import os
import shutil
import socket
import sqlite3
import subprocess
import sys

import pytest

from steadycode.errors import SteadycodeError
from steadycode.project import Project
from steadycode.registry.store import open_store

OPEN = """
import sys
from pathlib import Path
from steadycode.project import Project
from steadycode.registry.store import open_store
store = open_store(Project(Path(sys.argv[1])))
print(store.client.create_run(store.experiment_id).info.run_id)
"""


def test_processes_that_open_an_empty_store_at_once_all_succeed(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-c", OPEN, str(tmp_path)]
    children = [
        subprocess.Popen(command, env=environment, text=True, cwd=tmp_path,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]  # fmt: skip
    ended = [(child.communicate(timeout=120), child.returncode) for child in children]
    assert [code for _, code in ended] == [0, 0], ended
    store = open_store(Project(tmp_path))
    runs = {run.info.run_id for run in store.client.search_runs([store.experiment_id])}
    assert runs == {out.strip() for (out, _), _ in ended}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mlruns"]  # nothing in the current folder


def test_the_store_is_absolute_inside_mlruns_and_writes_ahead(store, project):
    folder = project.root / "mlruns"
    assert store.tracking_uri == f"sqlite:///{folder}/mlflow.db"
    experiment = store.client.get_experiment(store.experiment_id)
    assert experiment.artifact_location == (folder / "artifacts").as_uri()
    with sqlite3.connect(folder / "mlflow.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_opening_sets_no_global_tracking_address(store):
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert store.embedded


def test_a_store_that_the_user_names_is_used(tmp_path, monkeypatch, empty_database):
    shutil.copyfile(empty_database, tmp_path / "elsewhere.db")
    elsewhere = f"sqlite:///{tmp_path}/elsewhere.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    assert open_store(Project(tmp_path)).tracking_uri == elsewhere


def test_a_server_that_does_not_answer_is_one_line(tmp_path, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with pytest.raises(SteadycodeError, match="no answer from the MLflow server") as caught:
            open_store(Project(tmp_path))
    assert "\n" not in str(caught.value)
