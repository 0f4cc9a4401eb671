import os
from pathlib import Path

import pytest

from steadycode.errors import ConfigError
from steadycode.project import Project, find_project


def test_the_project_is_found_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STEADYCODE_HOME")
    (tmp_path / "data.dvc").touch()
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_project(deep) == Project(tmp_path.resolve())
    with pytest.raises(ConfigError, match=r"data\.dvc"):
        find_project(Path("/"))


def test_the_environment_is_prepared_but_never_overridden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"DO_NOT_TRACK": "0"})
    Project(tmp_path).prepare_environment()
    assert os.environ["DO_NOT_TRACK"] == "0"
    assert os.environ["PREFECT_HOME"] == str(tmp_path / ".prefect")
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
