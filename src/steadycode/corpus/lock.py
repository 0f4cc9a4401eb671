"""``configs/corpus.lock.json``: what the recipe came to when data/ was built from it last.

A version of data/ whose md5 a lock names came from the recipe, so that the recipe may replace it.
Any other is the user's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from steadycode.corpus.built import BuildResult
from steadycode.corpus.left_out import REASONS, Files, LeftOut, Reason
from steadycode.corpus.recipe import Recipe, SplitName
from steadycode.errors import DataError
from steadycode.files import sha256_json, to_json, write_text
from steadycode.project import Project

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class LockedSource:
    version: str
    files: int
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The content of a lock file; one of an earlier version does not say what was left out."""

    schema: int
    recipe: str
    """A hash of the recipe as it was understood, so that its comments do not count."""
    md5: str
    rows: Mapping[SplitName, int]
    sources: Mapping[str, LockedSource]
    files: Files | None = None
    left_out: Mapping[Reason, LeftOut] = field(default_factory=dict)
    """In the order of ``REASONS``."""


def lock_path(project: Project) -> Path:
    return project.configs / "corpus.lock.json"


def lock_text(recipe: Recipe, result: BuildResult) -> str:
    """The text of the lock file, which is the same for the same recipe and sources."""
    sources = {
        name: LockedSource(origin.version, origin.files, origin.sha256, result.rows_of(name))
        for name, origin in result.origins.items()
    }
    lock = Lock(
        schema=SCHEMA,
        recipe=sha256_json(recipe.content()),
        md5=result.md5,
        rows=result.rows,
        sources=sources,
        files=result.files,
        left_out=result.left_out,
    )
    return to_json(lock) + "\n"


def parse_lock(text: str, where: str) -> Lock:
    """The lock in a text. Raises DataError when it is damaged; ``where`` names it then."""
    try:
        lock = TypeAdapter(Lock).validate_json(text)
    except ValidationError as fault:
        raise DataError(
            f"{where} is damaged; restore it with git, or remove it if data/ is yours"
        ) from fault
    if lock.schema != SCHEMA:
        raise DataError(f"{where} has schema {lock.schema}, not {SCHEMA}; update steadycode")
    told = {reason: lock.left_out[reason] for reason in REASONS if reason in lock.left_out}
    return replace(lock, left_out=told)


def read_lock(project: Project) -> Lock | None:
    """The project's lock; None without one. Raises DataError when it is damaged."""
    path = lock_path(project)
    if not path.exists():
        return None
    try:
        return parse_lock(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeError) as fault:
        raise DataError(f"{path} cannot be read ({fault}); restore it with git") from fault


def write_lock(project: Project, recipe: Recipe, result: BuildResult) -> None:
    """Write the lock of data/, which was built just now."""
    path, text = lock_path(project), lock_text(recipe, result)
    if not path.exists() or path.read_bytes() != text.encode():
        write_text(path, text)


def locked_md5(project: Project) -> str | None:
    """The md5 that the lock names; None without a lock. Raises DataError when it is damaged."""
    lock = read_lock(project)
    return lock.md5 if lock is not None else None


def lock_of_data(project: Project, md5: str) -> Lock | None:
    """The lock that tells what the data with this md5 was built from; None when it did not come
    from the recipe. Raises DataError when the lock is damaged."""
    lock = read_lock(project)
    return lock if lock is not None and lock.md5 == md5 else None
