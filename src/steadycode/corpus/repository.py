"""Reads what a branch of the project's git repository records, and commits single files to it.

This is the only module that runs git, which it does as a command.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from steadycode.errors import ConfigError, DataError
from steadycode.project import Project


class _NoGit(DataError):
    """There is no git on this machine."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch; ``current`` when it is the one that is checked out in the project's folder."""

    name: str
    current: bool

    @property
    def ref(self) -> str:
        return f"refs/heads/{self.name}"


def head_commit(project: Project) -> str | None:
    """The hash of HEAD's commit; None outside a repository, and before its first commit.

    Raises DataError when git does not open the repository to this user.
    """
    return _commit_of(project, "HEAD")


def find_branch(project: Project, name: str) -> Branch:
    """The branch of that name, which need not exist yet; the current branch if ``name`` is empty.

    Raises DataError when nothing can be committed to it, ConfigError when ``name`` cannot be one.
    """
    inside = _run(project, "rev-parse", "--is-inside-work-tree")
    if inside.stdout.strip() != "true":
        raise DataError(f"no git repository to commit to in {project.root}: {_reason(inside)}")
    current = _run(project, "symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()
    if not name:
        if not current:
            raise DataError(
                "HEAD is detached, so there is no branch to commit to; check one out, or name "
                "one with --branch"
            )
        return Branch(current, current=True)
    branch = Branch(name, current=name == current)
    if name.startswith("-") or _run(project, "check-ref-format", branch.ref).returncode != 0:
        raise ConfigError(f"{name!r} is no name for a git branch")
    if not branch.current and (folder := _checked_out(project, branch)):
        raise DataError(f"branch {name} is checked out in {folder}; refresh there")
    return branch


def content_on(project: Project, branch: Branch, path: Path) -> str | None:
    """The file's text as ``branch`` records it; None when it does not record the file.

    A branch that does not exist yet counts as HEAD, since it will be made from there.
    """
    commit = _commit_of(project, branch.ref) or head_commit(project)
    name = path.relative_to(project.root).as_posix()
    done = _run(project, "cat-file", "-p", f"{commit}:./{name}")
    return done.stdout if commit is not None and done.returncode == 0 else None


def was_recorded(project: Project, path: Path, text: str) -> bool:
    """Whether any commit, on any branch, has brought or taken ``text`` in the file."""
    name = path.relative_to(project.root).as_posix()
    arguments = ("log", "--all", "--max-count=1", "--format=%H", f"-S{text}", "--", name)
    try:
        return bool(_run(project, *arguments).stdout.strip())
    except _NoGit:
        return False


def commit(project: Project, branch: Branch, paths: Sequence[Path], message: str) -> str:
    """Commit ``paths`` as they are on disk, and nothing else; returns the commit's hash.

    Whatever the user has staged stays staged. A branch that is not checked out moves without
    touching the index, the working tree or HEAD, and without running hooks. Raises DataError with
    git's own reason.
    """
    names = [path.relative_to(project.root).as_posix() for path in paths]
    if not branch.current:
        return _commit_beside(project, branch, names, message)
    _git(project, "add", "--intent-to-add", "--", *names)
    _git(project, "commit", "--quiet", "--only", "--message", message, "--", *names)
    return _git(project, "rev-parse", "HEAD")


def _commit_beside(project: Project, branch: Branch, names: list[str], message: str) -> str:
    tip = _commit_of(project, branch.ref)
    parent = tip or head_commit(project)
    if parent is None:
        raise DataError(f"branch {branch.name} cannot be made before HEAD has a commit")
    prefix = _git(project, "rev-parse", "--show-prefix")
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(project, "read-tree", parent, environment=index)
        for name in names:
            blob = _git(project, "hash-object", "-w", "--", name)
            entry = f"100644,{blob},{prefix}{name}"
            _git(project, "update-index", "--add", "--cacheinfo", entry, environment=index)
        tree = _git(project, "write-tree", environment=index)
    made = _git(project, "commit-tree", tree, "-p", parent, "-m", message)
    # git checks the old value, so that a commit made meanwhile is not lost; "" means no branch yet
    _git(project, "update-ref", "-m", "steadycode refresh", branch.ref, made, tip or "")
    return made


def _commit_of(project: Project, revision: str) -> str | None:
    try:
        parsed = _run(project, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except _NoGit:
        return None
    return parsed.stdout.strip() or None


def _checked_out(project: Project, branch: Branch) -> str | None:
    """The other worktree in which ``branch`` is checked out, if any: were the branch moved, the
    files there would differ from it."""
    folder = ""
    for line in _run(project, "worktree", "list", "--porcelain").stdout.splitlines():
        key, _, value = line.partition(" ")
        if key == "worktree":
            folder = value
        elif key == "branch" and value == branch.ref:
            return folder
    return None


def _git(project: Project, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """The command's output, stripped. Raises DataError with git's own reason when it fails."""
    fallback = _identity(project) if arguments[0] in ("commit", "commit-tree") else []
    done = _run(project, *fallback, *arguments, environment=environment)
    if done.returncode != 0:
        raise DataError(f"git {arguments[0]}: {_reason(done)}; mend that and run this again")
    return done.stdout.strip()


def _identity(project: Project) -> list[str]:
    """Options that name an author where git knows none, as in a fresh container."""
    known = {
        key: _run(project, "config", f"user.{key}").stdout.strip() for key in ("name", "email")
    }
    fallback = {"name": "steadycode", "email": "steadycode@localhost"}
    missing = [f"user.{key}={fallback[key]}" for key, value in known.items() if not value]
    return [part for setting in missing for part in ("-c", setting)]


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    """The line in which git says why it failed, else the last line, which a hook has printed."""
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    own = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return (own or lines or [f"exit code {done.returncode}"])[0 if own else -1]


def _run(
    project: Project, *arguments: str, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=project.root,
            env={**os.environ, "LANGUAGE": "en", **(environment or {})},  # its reasons are read
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise _NoGit(f"git cannot be run: {error}") from error
    if done.returncode and "dubious ownership" in done.stderr:
        named = re.search(r"repository at '(.+)'", done.stderr)
        folder = named[1] if named else project.root
        raise DataError(
            f"git opens {folder} to its owner alone, so no commit could be named or made; run this "
            f"as its owner, or trust it: `git config --global --add safe.directory {folder}`"
        )
    return done
