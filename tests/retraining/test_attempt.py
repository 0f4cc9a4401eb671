from pathlib import Path

from steadycode.config import load_config
from steadycode.files import read_json
from steadycode.project import Project
from steadycode.retraining.attempt import open_attempt, retraining_id


def test_identity_depends_on_config_data_and_start() -> None:
    smoke, more = load_config("smoke"), load_config("smoke", ["train.steps=9"])
    ids = {
        retraining_id(smoke, "d1", "m1"),
        retraining_id(more, "d1", "m1"),
        retraining_id(smoke, "d2", "m1"),
        retraining_id(smoke, "d1", "m2"),
    }
    assert len(ids) == 4
    assert retraining_id(smoke, "d1", "m1") == retraining_id(load_config("smoke"), "d1", "m1")


def test_an_unfinished_attempt_is_resumed_and_a_finished_one_followed(tmp_path: Path) -> None:
    project, config = Project(tmp_path), load_config("smoke")
    first = open_attempt(project, config, "abc")
    assert first.number == 1
    assert read_json(first.folder / "config.json")["profile"] == "smoke"
    assert open_attempt(project, config, "abc") == first
    first.decision_path.touch()
    second = open_attempt(project, config, "abc")
    assert second.number == 2
    assert second.seed != first.seed


def test_a_number_that_the_registry_knows_and_this_project_does_not_is_passed_over(
    tmp_path: Path,
) -> None:
    """After the work folder was removed, or beside another clone on the same server."""
    project, config = Project(tmp_path), load_config("smoke")
    assert open_attempt(project, config, "abc", lambda _, number: number < 3).number == 3
    assert open_attempt(project, config, "abc", lambda _, number: number <= 3).number == 3
