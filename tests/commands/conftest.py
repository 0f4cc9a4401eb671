"""Commands in this process, on a project with the shipped profiles and an empty store."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from steadycode.commands.app import app
from steadycode.project import Project


@pytest.fixture(autouse=True)
def _process_as_before() -> Iterator[None]:
    """A command prepares the process that it runs in for itself alone."""
    environment, path = dict(os.environ), [*sys.path]
    yield
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = path


@pytest.fixture
def project(project: Project, repository: Path) -> Project:
    shutil.copytree(repository / "configs", project.configs, dirs_exist_ok=True)
    return project


@pytest.fixture
def steadycode(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command as on a terminal of 120 columns."""
    monkeypatch.setenv("STEADYCODE_HOME", str(project.root))
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments: CliRunner().invoke(app, [str(one) for one in arguments])
