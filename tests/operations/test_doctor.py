"""What a kill leaves outside Prefect; what it leaves there is seen in tests/end_to_end."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from steadycode.files import to_json, write_json
from steadycode.operations import doctor, services
from steadycode.operations.doctor import examine, repair
from steadycode.processes import ProcessId
from steadycode.project import STARTED_BY, Project
from steadycode.registry.store import Store
from steadycode.registry.tags import PROCESS, REASON
from steadycode.temporaries import temporary_name

DEAD = str(replace(ProcessId.mine(), pid=2**22 + 1))
LONG_AGO = 1_000_000_000


def whats(project: Project) -> list[str]:
    return [one.what for one in examine(project)]


def test_a_tidy_project_shows_nothing(project: Project, store: Store) -> None:
    assert examine(project) == []
    assert repair(project, print) == []


def test_runs_of_dead_processes_are_closed_and_no_others(project: Project, store: Store) -> None:
    owners = {
        "dead": DEAD,
        "alive": str(ProcessId.mine()),
        "elsewhere": str(replace(ProcessId.mine(), machine="another", boot="other:1")),
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
    assert [one.what for one in repair(project, print)] == [found.what]
    status = {name: store.client.get_run(run).info.status for name, run in runs.items()}
    assert status == {
        "dead": "KILLED", "alive": "RUNNING", "elsewhere": "RUNNING", "not ours": "RUNNING",
    }  # fmt: skip
    assert "killed" in store.client.get_run(runs["dead"]).data.tags[REASON]
    assert examine(project) == []


def test_half_written_files_go_and_whole_ones_stay(
    project: Project, store: Store, left_by_a_kill: Callable[..., Path]
) -> None:
    weights = project.mlruns / "artifacts" / "1" / "models" / "m-1" / "artifacts"
    left = [
        left_by_a_kill(project.work / "evaluations" / "a" / "evidence.json"),
        left_by_a_kill(project.models / "tiny") / "config.json",
        left_by_a_kill(project.configs / "corpus.lock.json"),
        left_by_a_kill(project.data) / "train.jsonl",
        left_by_a_kill(project.mlruns / "fetched" / "abc") / "config.json",
        left_by_a_kill(weights) / "config.json",
        left_by_a_kill(project.models / "quick", "old") / "config.json",
    ]
    whole = [
        temporary_name(project.work / "evaluations" / "a" / "evidence.json"),  # of this process
        project.models / "quick" / "config.json",
        project.work / ".archived" / "x",
        project.work / "retrainings" / ".previous",
        project.models / ".x.partial" / "config.json",
        project.root / ".notes.removed",
        project.root / f"tiny.steadycode-{ProcessId.mine().mark}-01234567.tmp",
        project.work / "evaluations" / "a" / "evidence.json",
        project.work / "evaluations" / "a" / ".lock",
        project.models / "tiny" / "config.json",
        project.root / ".gitignore",
        project.configs / ".gitignore",
        project.configs / ".quick.yaml.swp",
        project.models / ".gitkeep",
        project.work / ".DS_Store",
        project.root / ".dvc" / "config",
    ]
    write_all([*left, *whole])
    for path in project.root.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert len(whats(project)) == len(left)
    repair(project, print)
    assert not [path for path in left if path.exists()]
    assert all(path.exists() for path in whole)
    assert examine(project) == []


def write_all(paths: list[Path]) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")


def test_what_a_name_does_not_tell_is_judged_by_age(project: Project, store: Store) -> None:
    """Names of earlier versions, and those of another machine or container."""
    elsewhere = f".model.steadycode-00000000-{os.getpid()}-1-01234567.tmp"
    old = [
        project.root / ".data.new" / "train.jsonl",
        project.root / ".data.refresh" / "train.jsonl",
        project.mlruns / "fetched" / ".abc.partial" / "config.json",
        project.work / "evaluations" / ".0123.removed" / "job.json",
        project.work / "retrainings" / "abc" / "attempt-001" / "train" / elsewhere / "config.json",
    ]
    write_all(old)
    assert whats(project) == []  # somebody may be writing them
    for path in project.root.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert len(whats(project)) == len(old)
    repair(project, print)
    assert not [path for path in old if path.exists()]


def test_what_was_moved_away_and_not_replaced_is_put_back(
    project: Project, store: Store, left_by_a_kill: Callable[..., Path]
) -> None:
    write_all([left_by_a_kill(project.data, "old") / "train.jsonl"])
    (found,) = examine(project)
    assert found.what.startswith("data, moved away and not replaced: .data.steadycode-")
    assert found.remedy == "put it back"
    repair(project, print)
    assert [path.name for path in project.data.iterdir()] == ["train.jsonl"]
    assert examine(project) == []


@pytest.mark.parametrize(
    ("name", "starter", "found"),
    [
        ("prefect.server.api.server:create_app", DEAD, True),
        ("steadycode.stages.train", DEAD, True),
        ("prefect.server.api.server:create_app", str(ProcessId.mine()), False),
        ("something.else", DEAD, False),
    ],
    ids=["a dead one's server", "a dead one's stage", "a living one's server", "not ours"],
)
def test_processes_whose_starter_is_dead_are_ended(
    project: Project, store: Store, name: str, starter: str, found: bool
) -> None:
    environment = {**os.environ, "STEADYCODE_HOME": str(project.root), STARTED_BY: starter}
    process = subprocess.Popen(
        [sys.executable, "-c", "print(flush=True); input()", name],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it is there, under its own name
        assert bool(whats(project)) == found
        repair(project, print)
        assert (process.poll() is not None) == found
    finally:
        process.kill()
        process.wait()


def test_what_only_a_person_can_mend_is_told_and_left(project: Project, store: Store) -> None:
    write_json(project.work / "services.json", recorded(project.root, prefect=DEAD))
    (found,) = examine(project)
    assert "the prefect of `steadycode up` is not running" in found.what
    assert found.repair is None
    assert repair(project, print) == []


def test_a_service_that_lives_for_weeks_keeps_no_half_written_file(
    project: Project, store: Store
) -> None:
    environment = {**os.environ, "STEADYCODE_HOME": str(project.root)}
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], env=environment
    )
    try:
        torn = project.mlruns / "fetched" / ".tiny.partial"
        torn.mkdir(parents=True)
        began = psutil.Process(process.pid).create_time()
        os.utime(torn, (began + 0.001, began + 0.001))
        time.sleep(0.05)
        service = str(ProcessId.of(psutil.Process(process.pid)))
        assert whats(project) == []  # it may be writing
        write_json(project.work / "services.json", recorded(project.root, mlflow=service))
        with pytest.MonkeyPatch.context() as patch:  # as a run that is younger than the file
            mine = psutil.Process().create_time
            later = lambda one: began + 9 if one.pid == os.getpid() else mine()  # noqa: E731
            patch.setattr(psutil.Process, "create_time", later)
            assert whats(project) == ["half-written mlruns/fetched/.tiny.partial"]
    finally:
        process.kill()
        process.wait()


def test_a_copy_does_not_take_the_originals_services_for_its_own(
    project: Project, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    original = tmp_path_factory.mktemp("original")
    (original / ".steadycode").mkdir()
    (original / ".steadycode" / "services.json").write_text("{}")
    row = recorded(original, prefect=str(ProcessId.mine()))
    write_json(project.work / "services.json", row)
    assert services.recorded(project) is None
    (original / ".steadycode" / "services.json").unlink()  # moved, not copied
    moved = services.recorded(project)
    assert moved is not None
    assert moved.alive("prefect") is not None


def recorded(root: Path, **processes: str) -> dict[str, object]:
    ports = {"prefect_port": 1, "mlflow_port": 2}
    return {"schema": 1, "root": str(root), **ports, "processes": processes}


def test_a_repair_that_fails_keeps_no_other(
    project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> None:
        raise OSError("no space left")

    done: list[str] = []
    findings = [
        doctor.Finding(what="one", remedy="mend it", repair=fails),
        doctor.Finding(what="two", remedy="mend it", repair=lambda: done.append("two")),
    ]
    monkeypatch.setattr(doctor, "examine", lambda project: findings if not done else [])
    said: list[str] = []
    assert [one.what for one in repair(project, said.append)] == ["two"]
    assert said == ["could not mend it: one (no space left)", "repaired: two"]


def test_damaged_notes_on_services_are_no_services(project: Project, store: Store) -> None:
    good = to_json(recorded(project.root, mlflow=DEAD))
    odd = [good.replace(*parts) for parts in (('"schema": 1', '"schema": 2'), ("1,", '"1",'))]
    for text in ("", "[]", '{"prefect_port": 1}', '{"processes": 3}', *odd):
        (project.work / "services.json").write_text(text)
        assert examine(project) == []


def test_prefect_is_not_started_where_it_was_never_used(project: Project, store: Store) -> None:
    assert not doctor._prefect_is_used(project)
    home = Path(os.environ["PREFECT_HOME"])
    home.mkdir()
    (home / "prefect.db").touch()
    assert doctor._prefect_is_used(project)
