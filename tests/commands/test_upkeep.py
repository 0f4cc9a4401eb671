"""``steadycode doctor``, ``gc`` and ``relocate``."""

import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import Result

from steadycode.files import write_json, write_text
from steadycode.processes import ProcessId
from steadycode.project import Project
from steadycode.registry.store import Store
from steadycode.registry.tags import PROCESS
from tests.builders.terminal import cells

Steadycode = Callable[..., Result]
DEAD = str(replace(ProcessId.mine(), pid=2**22 + 1))


def test_a_tidy_project_is_told(steadycode: Steadycode, store: Store) -> None:
    for command in (("doctor",), ("doctor", "--repair")):
        result = steadycode(*command)
        assert (result.exit_code, result.output) == (0, "nothing is left of earlier runs\n")


def test_what_a_kill_has_left_is_found_and_put_right(steadycode: Steadycode, store: Store) -> None:
    store.client.create_run(store.experiment_id, run_name="dead", tags={PROCESS: DEAD})
    result = steadycode("doctor")
    assert result.exit_code == 1
    found, way = result.output.splitlines()
    assert found.startswith("found: ")
    assert "'dead'" in found
    assert way == "`steadycode doctor --repair` puts that right"
    result = steadycode("doctor", "--repair")
    assert (result.exit_code, result.output) == (
        0,
        f"repaired: {found.removeprefix('found: ').rpartition('; ')[0]}\n",
    )
    assert steadycode("doctor").exit_code == 0


@pytest.mark.parametrize("repair", [(), ("--repair",)])
def test_what_only_a_person_can_mend_stays_found(
    steadycode: Steadycode, project: Project, store: Store, repair: tuple[str, ...]
) -> None:
    services = {"schema": 1, "root": str(project.root), "prefect_port": 1, "mlflow_port": 2}
    write_json(project.services, {**services, "processes": {"prefect": DEAD}})
    result = steadycode("doctor", *repair)
    assert result.exit_code == 1
    (found,) = result.output.splitlines()
    assert found.startswith("found: the prefect of `steadycode up` is not running")


def test_garbage_is_shown_and_collected(
    steadycode: Steadycode, project: Project, store: Store
) -> None:
    folder = project.work / "evaluations" / "0123"
    write_json(folder / "job.json", {"identity": {"model": "9" * 64}})
    write_text(folder / "completions.jsonl", "x" * 10_000)
    result = steadycode("gc", "--dry-run", "--profile", "smoke")
    assert result.exit_code == 0
    heading, item, total = cells(result.output)
    assert heading == ["kind", "what", "size"]
    assert item[:2] == ["completions", f"0123, model {'9' * 12}"]
    assert total[:2] == ["all completions", "1"]
    assert result.output.splitlines()[-1] == f"would free {total[2]}"
    assert folder.exists()
    result = steadycode("gc", "--profile", "smoke")
    assert result.output.splitlines()[-1] == f"freed {total[2]}"
    assert not folder.exists()
    assert steadycode("gc").output == "nothing to free\n"


def test_a_project_that_was_not_moved_needs_nothing(
    steadycode: Steadycode, project: Project, store: Store
) -> None:
    result = steadycode("relocate")
    assert (result.exit_code, result.output) == (
        0,
        f"nothing to be done: every address in {project.mlruns.resolve()} is right\n",
    )


def test_a_moved_project_is_relocated(
    steadycode: Steadycode, project: Project, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.client.create_run(store.experiment_id)
    there = project.root.with_name("there")
    shutil.move(project.root, there)
    monkeypatch.setenv("STEADYCODE_HOME", str(there))
    result = steadycode("runs")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: this project was moved from {project.root}; run `steadycode relocate`\n"
    )
    result = steadycode("relocate")
    assert result.exit_code == 0, result.output
    rows = dict(cells(result.output))  # type: ignore[arg-type]
    assert (rows["experiments"], rows["runs"], rows["traces"]) == ("1", "1", "0")
    assert result.output.splitlines()[-1] == f"moved from {project.root} to {there}"
    assert steadycode("runs").exit_code == 0
