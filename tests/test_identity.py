from pathlib import Path

import pytest

from steadycode import identity
from steadycode.identity import code_hash

SOURCES = ("files.py", "recode/metrics.py", "recode/words/tense.py", "sandbox/pool.py")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources in the place of ours."""
    for name in SOURCES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    monkeypatch.setattr(identity, "PACKAGE", tmp_path)
    return tmp_path


def fresh(*parts: str) -> str:
    """As another process computes it."""
    code_hash.cache_clear()
    try:
        return code_hash(*parts)
    finally:
        code_hash.cache_clear()


@pytest.mark.parametrize("changed", SOURCES)
def test_a_code_hash_covers_what_it_names_and_nothing_else(package: Path, changed: str) -> None:
    asked = {"files": ("files",), "recode": ("recode",), "two": ("recode", "files"), "all": ()}
    before = {name: fresh(*parts) for name, parts in asked.items()}
    assert len(set(before.values())) == 4
    assert before == {name: fresh(*parts) for name, parts in asked.items()}
    (package / changed).write_text("# other\n")
    differs = {name for name, parts in asked.items() if fresh(*parts) != before[name]}
    covers = {"files.py": {"files", "two", "all"}, "sandbox/pool.py": {"all"}}
    assert differs == covers.get(changed, {"recode", "two", "all"})
