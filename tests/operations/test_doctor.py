"""What a kill leaves outside Prefect; what it leaves there is seen in tests/end_to_end."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from steadycode.corpus.build import writing
from steadycode.errors import ConfigError
from steadycode.files import to_json, write_json
from steadycode.operations import doctor, services, team
from steadycode.operations.doctor import examine, repair
from steadycode.operations.retention import collect_garbage
from steadycode.operations.unseen import left_alone
from steadycode.processes import STARTED_BY, ProcessId
from steadycode.project import Project
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


def test_runs_of_dead_processes_are_closed_and_no_others(
    project: Project, store: Store, elsewhere: ProcessId
) -> None:
    owners = {"dead": DEAD, "alive": str(ProcessId.mine()), "elsewhere": str(elsewhere)}
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
    (line,) = left_alone(project)
    assert line == (
        "left alone, since it can't be seen from here whether that lives: elsewhere "
        f"({runs['elsewhere'][:8]}), marked running in MLflow by a process on {elsewhere.host}"
    )


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
        project.work / ".notes.removed" / "x",
        project.mlruns / "fetched" / ".abc.partial" / "config.json",
        project.root / ".data.new" / "train.jsonl",
        project.root / ".data.refresh" / "train.jsonl",
        project.models / ".previous" / "config.json",
        project.mlruns / ".abcdefgh" / "x",
        project.work / "evaluations" / ".abcdefgh",
        project.data / ".abcdefgh" / "x",
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


def test_what_another_machine_may_be_writing_is_told_and_left_alone(
    project: Project, store: Store, elsewhere: ProcessId
) -> None:
    mine = ProcessId.mine()
    marks = (elsewhere.mark, f"00000000-{os.getpid()}-1")  # the other is of an earlier version
    halves = [
        place.with_name(temporary_name(place).name.replace(mine.mark, mark)) / "config.json"
        for place in (project.models / "tiny", project.mlruns / "fetched" / "abc")
        for mark in marks
    ]
    write_all(halves)
    for path in project.root.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert examine(project) == []
    assert repair(project, print) == []
    assert collect_garbage(project, 0, dry_run=False).gone == ()
    assert all(half.exists() for half in halves)
    (line,) = left_alone(project)
    assert ".steadycode-00000000-" in line
    assert line.endswith(
        " and 1 more, half-written by a process of another machine or container (remove it when "
        "that is gone)"
    )


def test_the_stage_of_a_container_is_not_ended(
    project: Project, store: Store, container: Callable[..., Any]
) -> None:
    """The container's flow is pid 1 there; seen from here nothing has that identity."""
    flow = (
        "import os, subprocess, sys; from steadycode.processes import ProcessId;"
        f"os.environ[{STARTED_BY!r}] = str(ProcessId.mine());"
        "stage = ['-c', 'print(flush=True); input()', 'steadycode.stages.train'];"
        "subprocess.run([sys.executable, *stage], check=True); print('whole', flush=True)"
    )
    environment = {**os.environ, "STEADYCODE_HOME": str(project.root)}
    process = container(sys.executable, "-c", flow, env=environment)
    process.stdout.readline()  # the stage runs
    assert examine(project) == []
    assert services.survivors(project) == []
    assert "stage (process " in left_alone(project)[0]
    assert repair(project, print) == []
    process.stdin.write(b"go on\n")
    process.stdin.close()
    assert process.stdout.readline() == b"whole\n"


BUILDS = """
import sys
from pathlib import Path
from steadycode.files import replacing_folder
with replacing_folder(Path(sys.argv[1])) as new:
    (new / "train.jsonl").write_text("all of it")
    print(flush=True)
    sys.stdin.readline()
    (new / "valid.jsonl").write_text("all of it")
print("whole", flush=True)
"""
REPAIRS = """
from steadycode.operations import doctor
from steadycode.operations.retention import collect_garbage
from steadycode.operations.unseen import left_alone
from steadycode.project import find_project
project = find_project()
doctor.repair(project, print)
print(len(collect_garbage(project, 0, dry_run=False).gone), len(left_alone(project)))
"""


def test_what_a_container_is_building_is_left_to_it(
    project: Project, store: Store, container: Callable[..., Any]
) -> None:
    write_all([project.data / "train.jsonl"])
    process = container(sys.executable, "-c", BUILDS, str(project.data))
    process.stdout.readline()
    assert repair(project, print) == []
    assert collect_garbage(project, 0, dry_run=False).gone == ()
    with writing(project):
        pass
    process.stdin.write(b"go on\n")
    process.stdin.close()
    assert process.stdout.readline() == b"whole\n"
    assert sorted(path.name for path in project.data.iterdir()) == ["train.jsonl", "valid.jsonl"]


def test_a_container_does_not_repair_what_lives_outside_of_it(
    project: Project, store: Store, container: Callable[..., Any]
) -> None:
    mine = str(ProcessId.mine())
    run = store.client.create_run(store.experiment_id, run_name="mine", tags={PROCESS: mine})
    half = temporary_name(project.models / "tiny")
    half.mkdir()
    environment = {**os.environ, "STEADYCODE_HOME": str(project.root)}
    process = container(sys.executable, "-W", "ignore", "-c", REPAIRS, env=environment)
    said = process.stdout.read().decode().splitlines()
    assert said[-1] == "0 2"
    assert half.is_dir()
    assert store.client.get_run(run.info.run_id).info.status == "RUNNING"


def test_services_of_another_container_are_neither_started_twice_nor_forgotten(
    project: Project, store: Store, elsewhere: ProcessId
) -> None:
    write_json(project.services, recorded(project.root, prefect=str(elsewhere)))
    assert examine(project) == []
    for command in (partial(team.up, project, None, None, None), partial(team.down, project)):
        with pytest.raises(ConfigError, match=rf"was started on {elsewhere.host}, .*stop it there"):
            command()
    assert services.recorded(project) is not None


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
