import base64
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from filelock import FileLock

from steadycode.errors import SteadycodeError
from steadycode.project import Project
from steadycode.registry import store as store_module
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


@pytest.fixture
def forbidding():
    """A server that lets nobody in."""

    class Forbidding(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(401)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Forbidding) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def silent():
    """A port on which nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        yield unused.getsockname()[1]


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("http://127.0.0.1:{silent}", r"\[Errno 111\] Connection refused"),
        ("http://anna:hush@127.0.0.1:{silent}", r"\[Errno 111\] Connection refused"),
        ("http://anna:hush@127.0.0.1:{forbidding}", "error code 401"),
        ("http://anna:hu/sh@127.0.0.1:{silent}", "Invalid url"),
        ("http://anna:hush@127.0.0.1:99999", "Invalid url"),
        ("http://anna:hush@127.0.0.1:port/x", "Invalid url"),
    ],
)
def test_a_server_that_cannot_be_used_is_one_line_without_a_password(
    tmp_path, monkeypatch, forbidding, silent, address, cause
):
    address = address.format(forbidding=forbidding, silent=silent)
    monkeypatch.setattr(os, "environ", {**os.environ, "MLFLOW_TRACKING_URI": address})
    with pytest.raises(SteadycodeError, match=cause) as caught:
        open_store(Project(tmp_path))
    told = "".join(traceback.format_exception(caught.value))
    assert address.rpartition("@")[2].removeprefix("http://") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "anna" not in told
    assert "sh@" not in told
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_user_and_password_reach_the_server_and_leave_the_address(tmp_path, monkeypatch):
    asked = []

    class Asking(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers.get("Authorization"))
            self.send_error(403)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Asking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = f"127.0.0.1:{server.server_port}"
        named = f"http://anna:s3cr%40t%2F:x@{where}/"
        monkeypatch.setattr(os, "environ", {**os.environ, "MLFLOW_TRACKING_URI": named})
        for _ in range(2):  # a child finds what its parent has left
            with pytest.raises(SteadycodeError, match="error code 403"):
                open_store(Project(tmp_path))
        assert os.environ["MLFLOW_TRACKING_URI"] == f"http://{where}/"
        server.shutdown()
    encoded = base64.b64encode(b"anna:s3cr@t/:x").decode()
    assert asked == [f"Basic {encoded}"] * 2


def test_a_database_without_a_driver_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql+nodriver://anna:hush@127.0.0.1:1/db")
    with pytest.raises(SteadycodeError, match=r"cannot open .* postgresql\+nodriver://\*\*\*@"):
        open_store(Project(tmp_path))


@pytest.mark.parametrize("named", [True, False])
def test_a_store_that_is_no_database_is_one_line(tmp_path, monkeypatch, named):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    path = tmp_path / "text.db" if named else tmp_path / "mlruns" / "mlflow.db"
    path.parent.mkdir(exist_ok=True)
    path.write_text("not a database " * 100)
    address = f"sqlite:///{path}"
    if named:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(SteadycodeError) as caught:
        open_store(Project(tmp_path))
    assert str(caught.value) == (
        f"cannot open the MLflow store {address}: (sqlite3.DatabaseError) file is not a database"
    )


def test_a_deleted_experiment_is_taken_up_again(store, project):
    store.client.delete_experiment(store.experiment_id)
    again = open_store(project)
    assert again.experiment_id == store.experiment_id
    assert store.client.get_experiment(store.experiment_id).lifecycle_stage == "active"


def test_a_writer_does_not_wait_for_ever(store, monkeypatch):
    monkeypatch.setattr(store_module, "_WRITE_SECONDS", 0.05)
    other = FileLock(store.folder / ".registry.lock")
    with other, pytest.raises(SteadycodeError) as caught, store.writing():
        pass
    assert str(caught.value) == (
        f"another process has held {other.lock_file} for an hour; `steadycode runs` tells what"
        " runs, stop what hangs"
    )
    with store.writing(), store.writing():  # of one thread
        pass
