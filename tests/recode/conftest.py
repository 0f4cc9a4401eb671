import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from steadycode.problems import Problem, load_problems
from steadycode.sandbox import Judge, Sandbox


@pytest.fixture(scope="session")
def problems() -> list[Problem]:
    return load_problems("humaneval")


@pytest.fixture(scope="session")
def by_id(problems: list[Problem]) -> dict[str, Problem]:
    return {problem.task_id: problem for problem in problems}


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Sandbox() as sandbox:
        yield sandbox.judge


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the published files, or a skip."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("STEADYCODE_SHARED", root / ".." / "shared"))
    if not (folder / "data" / "recode").is_dir():
        pytest.skip(f"no published ReCode files in {folder}; set STEADYCODE_SHARED")
    return folder
