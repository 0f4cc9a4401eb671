"""Where a training by itself may put its work is known before anything is loaded."""

from pathlib import Path
from typing import Any

import pytest

from steadycode.config import load_config
from steadycode.errors import ConfigError
from steadycode.project import Project
from steadycode.retraining.training import train_alone


class Begun(Exception):
    """The folder was taken."""


@pytest.mark.parametrize(
    ("left", "taken"), [(None, True), (".lock", True), ("job.json", True), ("mine.txt", False)]
)
def test_a_folder_that_a_kill_left_empty_is_taken(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    left: str | None,
    taken: bool,
) -> None:
    def begin(settings: Any) -> None:
        raise Begun

    monkeypatch.setattr("steadycode.retraining.training.check_machine", begin)
    output = tmp_path / "out"
    output.mkdir()
    if left:
        (output / left).touch()
    with pytest.raises(Begun if taken else ConfigError):
        train_alone(project, load_config("smoke"), output, allow_dirty_data=False)
