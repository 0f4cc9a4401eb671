import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from steadycode import identity
from steadycode.errors import SteadycodeError
from steadycode.identity import code_hash, require_unchanged

SOURCES = ("files.py", "recode/metrics.py", "recode/words/tense.py", "sandbox/pool.py")
PROGRAM = '''"""What it is for."""

LIMIT = 3
"""The most."""


def double(x: int) -> int:
    """Twice x."""
    return 2 * x  # simple
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Sources in the place of ours."""
    for name in SOURCES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"NAME = {name!r}\n")
    monkeypatch.setattr(identity, "PACKAGE", tmp_path)
    identity._first_seen.cache_clear()
    yield tmp_path
    identity._first_seen.cache_clear()


def fresh(*parts: str) -> str:
    """As another process computes it."""
    identity._first_seen.cache_clear()
    return code_hash(*parts)


@pytest.mark.parametrize("changed", SOURCES)
def test_a_code_hash_covers_what_it_names_and_nothing_else(package: Path, changed: str) -> None:
    asked = {"files": ("files",), "recode": ("recode",), "two": ("recode", "files"), "all": ()}
    before = {name: fresh(*parts) for name, parts in asked.items()}
    assert len(set(before.values())) == 4
    assert before == {name: fresh(*parts) for name, parts in asked.items()}
    (package / changed).write_text("NAME = 'another one'\n")
    differs = {name for name, parts in asked.items() if fresh(*parts) != before[name]}
    covers = {"files.py": {"files", "two", "all"}, "sandbox/pool.py": {"all"}}
    assert differs == covers.get(changed, {"recode", "two", "all"})


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("What it is for", "Another purpose", False),
        ("Twice x", "Double of x", False),
        ("The most", "The greatest", False),
        ("# simple", "# or x + x", False),
        ("2 * x", "(2 *\n            x)", False),
        ("LIMIT = 3", "LIMIT = 4", True),
        ("2 * x", "3 * x", True),
        ("LIMIT = 3", "LIMIT = '''3'''", True),
        ("x: int", "x: float", True),
    ],
)
def test_only_what_a_program_does_counts(package: Path, old: str, new: str, counts: bool) -> None:
    (package / "files.py").write_text(PROGRAM)
    before = fresh("files")
    assert PROGRAM.count(old) >= 1
    (package / "files.py").write_text(PROGRAM.replace(old, new))
    assert (fresh("files") != before) == counts


def test_a_table_counts_byte_by_byte_and_what_python_keeps_does_not(package: Path) -> None:
    (package / "recode" / "words.txt").write_text("# a\nb\n")
    before = fresh("recode")
    (package / "recode" / "__pycache__").mkdir()
    (package / "recode" / "__pycache__" / "metrics.cpython-311.pyc").write_bytes(b"compiled")
    (package / "recode" / ".metrics.py.swp").write_bytes(b"an editor's")
    assert fresh("recode") == before
    (package / "recode" / "words.txt").write_text("# c\nb\n")
    assert fresh("recode") != before


def test_what_is_no_python_counts_all_the_same(package: Path) -> None:
    hashes = set()
    for text in ("def f(:\n", "def g(:\n", "NUL = '\0'\n"):
        (package / "files.py").write_text(text)
        hashes.add(fresh("files"))
    assert len(hashes) == 3


def test_a_process_keeps_to_the_sources_that_it_saw_first(package: Path) -> None:
    before = code_hash("recode")
    require_unchanged(before, ["recode"])
    (package / "recode" / "metrics.py").write_text("NAME = 'pulled'\n")
    assert code_hash("recode") == before
    with pytest.raises(SteadycodeError, match=r"the sources in .* changed while this run") as fault:
        require_unchanged(before, ["recode"])
    assert "\n" not in str(fault.value)
    require_unchanged(code_hash("files"), ["files"])


def test_a_file_is_read_again_only_when_it_has_changed(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fresh()
    kept = (package / "files.py").stat()
    monkeypatch.setattr(identity.ast, "parse", lambda *given: pytest.fail("read again"))
    assert fresh() == expected
    os.utime(package / "files.py", ns=(kept.st_atime_ns, kept.st_mtime_ns + 1))
    with pytest.raises(pytest.fail.Exception, match="read again"):
        fresh()
