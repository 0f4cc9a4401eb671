"""Every test sees a project of its own unless it asks for this repository."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(autouse=True)
def _home_of_this_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """Profiles are read from this repository whatever the current directory."""
    monkeypatch.setenv("STEADYCODE_HOME", str(REPOSITORY))


@pytest.fixture
def shared() -> Path:
    """The folder of shared problem sets; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("STEADYCODE_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared problem sets at {folder} (set STEADYCODE_SHARED)")
    return folder
