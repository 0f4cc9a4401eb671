"""The command line as a user meets it, faults included."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from steadycode.commands.app import app

COMMAND = Path(sys.executable).with_name("steadycode")
HEAVY = ("torch", "transformers", "mlflow", "prefect", "great_expectations", "dvc", "pandas")


def steadycode(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(COMMAND), *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom steadycode.commands.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_names_every_command() -> None:
    done = steadycode("--help")
    assert done.returncode == 0
    shown = {line.split()[1] for line in done.stdout.splitlines() if re.match(r"│ \w", line)}
    assert shown == set(get_command(app).commands)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("retrain", "--profile", "nope"), "no profile 'nope'"),
        (("retrain", "--set", "train.steps=-1"), "train.steps"),
        (("retrain", "--set", "nonsense"), "section.key=value"),
        (("ui", "--port", "0"), "--port"),
    ],
)
def test_nonsense_ends_with_one_line_and_code_2(arguments: tuple[str, ...], named: str) -> None:
    done = steadycode(*arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_outside_a_project_it_says_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STEADYCODE_HOME")
    done = steadycode("data", "validate", cwd=tmp_path)
    assert done.returncode == 2
    assert "data.dvc" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_evaluation_without_data_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    shutil.copytree(repository / "configs", tmp_path / "configs")
    shutil.copy(repository / "data.dvc", tmp_path)
    monkeypatch.setenv("STEADYCODE_HOME", str(tmp_path))
    done = steadycode("evaluate", "--model", "tiny-random", "--profile", "smoke")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "test.jsonl" in done.stderr
    assert "steadycode data build" in done.stderr
    assert "Prefect" not in done.stdout
