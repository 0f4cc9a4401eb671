from collections.abc import Iterator

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
