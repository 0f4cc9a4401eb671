"""Hashes our own sources, which are part of the identity of all that is made by them.

Of a Python file only what it does counts: neither comments nor docstrings nor its layout. Any other
file, such as a table of words, counts byte for byte.
"""

import ast
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from steadycode.errors import SteadycodeError
from steadycode.files import sha256_file, sha256_json, sha256_text

PACKAGE = Path(__file__).parent


def code_hash(*parts: str) -> str:
    """The hash of our own sources as this process first saw them. ``parts`` are the modules and
    packages below steadycode that count, such as ``recode`` or ``stages/train``; without any, all
    count."""
    return _combined(_first_seen(), parts)


def require_unchanged(expected: str, parts: Sequence[str]) -> None:
    """Raise SteadycodeError when ``expected`` is not what ``code_hash`` would give for ``parts`` if
    this process saw its sources for the first time now."""
    if _combined(_sources(), parts) != expected:
        raise SteadycodeError(
            f"the sources in {PACKAGE} changed while this run was under way (by a git pull?), so "
            "its results would be recorded under sources that did not make them; run it again"
        )


def _combined(sources: Mapping[str, str], parts: Sequence[str]) -> str:
    def counts(name: str) -> bool:
        return not parts or any(name == f"{p}.py" or name.startswith(f"{p}/") for p in parts)

    return sha256_json({name: sources[name] for name in sources if counts(name)})


@cache
def _first_seen() -> Mapping[str, str]:
    return _sources()


def _sources() -> dict[str, str]:
    """Path below the package -> the hash of what counts of that file."""
    states = {path: path.stat() for path in sorted(_files())}
    return {
        path.relative_to(PACKAGE).as_posix(): _counts_of(path, state.st_mtime_ns, state.st_size)
        for path, state in states.items()
    }


def _files() -> Iterator[Path]:
    """All files of the package but hidden ones and what Python keeps beside them."""
    for folder, inside, names in os.walk(PACKAGE):
        inside[:] = [name for name in inside if name != "__pycache__" and name[0] != "."]
        yield from (Path(folder, name) for name in names if name[0] != ".")


@cache
def _counts_of(path: Path, modified: int, size: int) -> str:
    """The hash of what counts of a file, read again only when its time or its size has changed."""
    if path.suffix != ".py":
        return sha256_file(path)
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # half-written: whoever imports it will tell
        return sha256_file(path)
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list):
                value[:] = [item for item in value if not _is_text_alone(item)]
    return sha256_text(ast.dump(tree))


def _is_text_alone(node: object) -> bool:
    """Whether a statement is nothing but a string: a docstring, or one behind an attribute."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
