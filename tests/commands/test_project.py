"""How every command ends, and what it prepares before anything is imported."""

import os
import sys

import pytest
import typer

from steadycode.commands.project import in_project
from steadycode.errors import ConfigError
from steadycode.project import Project


@pytest.fixture(autouse=True)
def _at_home(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYCODE_HOME", str(project.root))
    monkeypatch.delenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", raising=False)


def test_libraries_find_their_environment(project: Project) -> None:
    with in_project() as found:
        assert found == Project(project.root.resolve())
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "CRITICAL"
        assert sys.path[0] == str(found.root)  # where flows/ is


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        (ConfigError("no profile 'x'"), 2, "error: no profile 'x'\n"),
        (KeyboardInterrupt(), 130, "stopped; the same command goes on from here\n"),
        (
            RuntimeError("Failed to reach API at http://127.0.0.1:1/api"),
            2,
            "error: no Prefect server answers at http://host/api; start it or unset"
            " PREFECT_API_URL\n",
        ),
    ],
)
def test_an_expected_end_is_one_line(
    fault: BaseException,
    code: int,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://host/api")
    with pytest.raises(typer.Exit) as ended, in_project():
        raise fault
    assert ended.value.exit_code == code
    assert capsys.readouterr() == ("", told)


@pytest.mark.parametrize("fault", [RuntimeError("CUDA error"), ZeroDivisionError()])
def test_a_fault_of_ours_keeps_its_traceback(fault: Exception) -> None:
    with pytest.raises(type(fault)) as raised, in_project():
        raise fault
    assert raised.value is fault
