"""What a kill leaves outside Prefect; what it leaves there is seen in tests/end_to_end."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from steadycode.operations import doctor
from steadycode.operations.doctor import examine, repair
from steadycode.processes import ProcessId
from steadycode.project import STARTED_BY, Project
from steadycode.registry.runs import PROCESS, REASON
from steadycode.registry.store import Store

DEAD = str(ProcessId(ProcessId.mine().host, 2**22 + 1, 1.0))
LONG_AGO = 1_000_000_000


def whats(project: Project) -> list[str]:
    return [one.what for one in examine(project)]


def test_a_tidy_project_shows_nothing(project: Project, store: Store) -> None:
    assert examine(project) == []
    assert repair(project) == []


def test_runs_of_dead_processes_are_closed_and_no_others(project: Project, store: Store) -> None:
    owners = {
        "dead": DEAD,
        "alive": str(ProcessId.mine()),
        "elsewhere": str(ProcessId("another-machine", 1, 1.0)),
    }
    runs = {
        name: store.client.create_run(
            store.experiment_id, run_name=name, tags={PROCESS: owner}
        ).info.run_id
        for name, owner in owners.items()
    }
    runs["not ours"] = store.client.create_run(store.experiment_id).info.run_id
    (found,) = examine(project)
    assert "'dead'" in found.what
    assert [one.what for one in repair(project)] == [found.what]
    status = {name: store.client.get_run(run).info.status for name, run in runs.items()}
    assert status == {
        "dead": "KILLED", "alive": "RUNNING", "elsewhere": "RUNNING", "not ours": "RUNNING",
    }  # fmt: skip
    assert "killed" in store.client.get_run(runs["dead"]).data.tags[REASON]
    assert examine(project) == []


def test_half_written_files_go_and_whole_ones_stay(project: Project, store: Store) -> None:
    old = [
        project.work / "evaluations" / "a" / ".evidence.json.abcd1234",
        project.models / ".tiny-abcd1234" / "config.json",
        project.configs / ".corpus.lock.json.abcd1234",
        project.root / ".data.new" / "train.jsonl",
        project.mlruns / "fetched" / ".abc.partial" / "config.json",
    ]
    whole = [
        project.work / "evaluations" / "a" / "evidence.json",
        project.work / "evaluations" / "a" / ".lock",
        project.models / "tiny" / "config.json",
        project.root / ".gitignore",
        project.root / ".dvc" / "config",
    ]
    for path in [*old, *whole]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert whats(project) == []  # they may be this process's own
    for path in project.root.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert len(whats(project)) == len(old)
    repair(project)
    assert not [path for path in old if path.exists()]
    assert all(path.exists() for path in whole)
    assert (project.mlruns / ".registry.lock").exists() or not examine(project)


@pytest.mark.parametrize(
    ("name", "starter", "found"),
    [
        ("prefect.server.api.server:create_app", DEAD, True),
        ("steadycode.stages.train", DEAD, True),
        ("prefect.server.api.server:create_app", str(ProcessId.mine()), False),
        ("something.else", DEAD, False),
    ],
)
def test_processes_whose_starter_is_dead_are_ended(
    project: Project, store: Store, name: str, starter: str, found: bool
) -> None:
    environment = {**os.environ, "STEADYCODE_HOME": str(project.root), STARTED_BY: starter}
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)", name], env=environment
    )
    try:
        deadline = time.monotonic() + 10
        while found and not whats(project) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert bool(whats(project)) == found
        repair(project)
        assert (process.poll() is not None) == found
    finally:
        process.kill()
        process.wait()


def test_what_only_a_person_can_mend_is_told_and_left(project: Project, store: Store) -> None:
    (project.work / "services.json").write_text(
        f'{{"prefect_port": 1, "mlflow_port": 2, "processes": {{"prefect": "{DEAD}"}}}}'
    )
    (found,) = examine(project)
    assert "the prefect of `steadycode up` is not running" in found.what
    assert found.repair is None
    assert repair(project) == []


def test_damaged_notes_on_services_are_no_services(project: Project, store: Store) -> None:
    for text in ("", "[]", '{"prefect_port": 1}', '{"processes": 3}'):
        (project.work / "services.json").write_text(text)
        assert examine(project) == []


def test_prefect_is_not_started_where_it_was_never_used(project: Project, store: Store) -> None:
    assert not doctor._prefect_is_used(project)
    home = Path(os.environ["PREFECT_HOME"])
    home.mkdir()
    (home / "prefect.db").touch()
    assert doctor._prefect_is_used(project)
