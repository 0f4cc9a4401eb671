import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from steadycode.errors import ConfigError, SteadycodeError
from steadycode.jobs.child import run_body
from steadycode.jobs.job import Job, trusted_manifest
from steadycode.operations.relocation import relocate
from steadycode.processes import STARTED_BY
from steadycode.project import Project
from steadycode.registry.store import open_store
from steadycode.registry.versions import fetch, register
from tests.builders.evidence import lineage, model_folder

SPEC = "models:/steadycode/1"


@pytest.fixture
def used(store, project, tmp_path):
    """A project with a run, an artifact, a version, a trace, and a run whose files are in s3."""
    import mlflow

    client = store.client
    run = client.create_run(store.experiment_id).info.run_id
    client.log_text(run, "because", "notes/why.txt")
    register(store, "steadycode", model_folder(tmp_path / "m", 1), run, lineage().tags())
    by_address = client.get_model_version_download_uri("steadycode", "1")
    client.create_registered_model("by address")
    client.create_model_version("by address", source=by_address)
    mlflow.set_tracking_uri(store.tracking_uri)
    try:
        mlflow.set_experiment(experiment_id=store.experiment_id)
        with mlflow.start_span("traced"):
            pass
        mlflow.flush_trace_async_logging()
    finally:
        mlflow.set_tracking_uri(None)
    theirs = client.create_experiment("theirs", artifact_location="s3://bucket/mlruns/artifacts")
    client.create_run(theirs)
    return project, run


def moved(project, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(project.root, target)
    return Project(target)


def works(project, run):
    store = open_store(project)
    (file,) = store.client.list_artifacts(run, "notes")
    assert file.path == "notes/why.txt"
    assert fetch(store, SPEC).is_relative_to(project.root)
    theirs = store.client.get_experiment_by_name("theirs")
    assert theirs.artifact_location == "s3://bucket/mlruns/artifacts"
    (run_in_s3,) = store.client.search_runs([theirs.experiment_id])
    assert run_in_s3.info.artifact_uri.startswith("s3://bucket/mlruns/artifacts/")


def texts(project):
    """Every text in the database."""
    with sqlite3.connect(project.mlruns / "mlflow.db") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in connection.execute(f"SELECT * FROM {table}"):
                yield from (value for value in row if isinstance(value, str))


def test_a_moved_project_is_refused_in_one_line_and_repaired(used, tmp_path):
    project, run = used
    old = project.root
    there = moved(project, tmp_path / "else where" / "a project")
    with pytest.raises(SteadycodeError) as caught:
        open_store(there)
    assert str(caught.value) == f"this project was moved from {old}; run `steadycode relocate`"
    relocation = relocate(there)
    assert relocation.former == (old,)
    assert relocation.rewritten == {
        **{"experiments": 1, "runs": 1, "logged models": 1},
        **{"sources of versions": 1, "weights of versions": 2, "traces": 1},
    }
    works(there, run)
    leftover = [text for text in texts(there) if str(old) in text or old.as_uri() in text]
    assert leftover == []
    assert relocate(there).former == ()


def test_a_project_that_was_moved_twice_is_repaired(used, tmp_path):
    project, run = used
    there = moved(moved(project, tmp_path / "first"), tmp_path / "second")
    relocate(there)
    works(there, run)
    again = moved(there, tmp_path / "a project")
    relocate(again)
    works(again, run)


def test_a_copy_gets_addresses_of_its_own_and_the_original_keeps_its(used, tmp_path):
    project, run = used
    copy = Project(tmp_path / "copy")
    shutil.copytree(project.root, copy.root)
    with pytest.raises(SteadycodeError, match="run `steadycode relocate`"):
        open_store(copy)
    relocate(copy)
    works(copy, run)
    works(project, run)


def test_experiments_of_several_places_are_all_brought_here(used, tmp_path):
    project, run = used
    there = moved(project, tmp_path / "there")
    with sqlite3.connect(there.mlruns / "mlflow.db") as connection:
        connection.execute(
            "INSERT INTO experiments (name, artifact_location, lifecycle_stage, workspace)"
            " VALUES ('new', ?, 'active', 'default')",
            ((there.mlruns / "artifacts").as_uri(),),
        )
    with pytest.raises(SteadycodeError, match="was moved from"):
        open_store(there, experiment="new")
    relocate(there)
    works(there, run)


def test_a_project_behind_a_link_is_where_it_was(used, tmp_path):
    project, run = used
    (tmp_path / "link").symlink_to(project.root)
    open_store(Project(tmp_path / "link"))
    there = moved(project, tmp_path / "there")
    project.root.symlink_to(there.root)  # the old name leads to the new place
    assert open_store(there).client.list_artifacts(run, "notes")
    relocate(there)
    project.root.unlink()
    works(there, run)


def test_a_fault_half_way_changes_nothing(used, tmp_path, monkeypatch):
    project, _ = used
    there = moved(project, tmp_path / "there")
    before = list(texts(there))
    with monkeypatch.context() as broken:
        broken.setattr("steadycode.registry.relocation._ADDRESSES",
                       (("runs", "runs", "artifact_uri"), ("none", "no_table", "x")))  # fmt: skip
        with pytest.raises(sqlite3.OperationalError):
            relocate(there)
    assert list(texts(there)) == before


def test_a_store_that_the_user_names_is_not_relocated(project, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://example.org")
    with pytest.raises(ConfigError, match=r"MLFLOW_TRACKING_URI names http://example.org"):
        relocate(project)


def test_there_may_be_no_store_yet(tmp_path):
    assert relocate(Project(tmp_path)).former == ()


@pytest.mark.parametrize("home", ["before", "after"])
def test_nothing_is_rewritten_under_a_running_process(used, tmp_path, home):
    project, run = used
    there = moved(project, tmp_path / "there")
    root = {"before": project.root, "after": there.root}[home]
    child = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()"],
        env={**os.environ, "STEADYCODE_HOME": str(root), STARTED_BY: "it"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        child.stdout.readline()
        with pytest.raises(ConfigError, match=rf"running \(pid {child.pid}\); stop them"):
            relocate(there)
    finally:
        child.communicate(b"\n")
    relocate(there)
    works(there, run)


def test_a_moved_project_finds_finished_work_again(project, tmp_path):
    def job(root):
        folder = root / ".steadycode" / "evaluations" / "0123"
        return Job(stage="any", folder=folder, seed=1, settings={}, identity={"model": "f" * 64},
                   inputs={"model": str(root / "models" / "base")})  # fmt: skip

    def body(job, events):
        (job.folder / "evidence.json").write_text("{}")
        return [job.folder / "evidence.json"]

    here = job(project.root)
    here.write()
    run_body("any", body, here.path)
    there = moved(project, tmp_path / "there")
    assert trusted_manifest(job(there.root)) is not None
