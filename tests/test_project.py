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


@pytest.mark.parametrize(
    ("given", "excepted"),
    [
        ({}, None),
        ({"NO_PROXY": "intranet"}, "intranet"),
        ({"HTTP_PROXY": "http://p:1"}, "localhost,127.0.0.1,::1"),
        ({"all_proxy": "http://p:1", "NO_PROXY": "a, ::1"}, "a,::1,localhost,127.0.0.1"),
        ({"https_proxy": "p", "no_proxy": "small", "NO_PROXY": "large"},
         "small,localhost,127.0.0.1,::1"),
        ({"HTTPS_PROXY": "p", "NO_PROXY": "*"}, "*"),
        ({"HTTPS_PROXY": ""}, None),
    ],
)  # fmt: skip
def test_no_proxy_stands_before_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], excepted: str | None
) -> None:
    monkeypatch.setattr(os, "environ", dict(given))
    for _ in range(2):  # a child does it again
        Project(tmp_path).prepare_environment()
        assert os.environ.get("NO_PROXY") == excepted


def test_attempts_are_found_where_they_are_made_and_nothing_else_is_one(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert list(project.attempts()) == []
    made = [("abc", 2), ("abc", 10), ("xyz", 1)]
    for retraining, number in reversed(made):
        project.attempt(retraining, number).mkdir(parents=True)
    for other in ("abc/attempt-new", "abc/.attempt-001", "notes"):
        (project.work / "retrainings" / other).mkdir()
    expected = [(retraining, number, project.attempt(retraining, number))
                for retraining, number in made]  # fmt: skip
    assert list(project.attempts()) == expected


def test_everything_that_can_be_made_again_lies_in_one_folder(tmp_path: Path) -> None:
    project = Project(tmp_path)
    below = [
        *(project.attempt("abc", 1), project.evaluations, project.benchmarks, project.completions),
        *(project.downloads, project.refresh_state, project.services, project.lock("data")),
        project.service_log("worker gpu"),
    ]
    assert all(path.is_relative_to(tmp_path / ".steadycode") for path in below)
    assert len(set(below)) == len(below)
