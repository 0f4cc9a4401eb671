"""Every file of a source is in data/, or counted by the reason why it is not."""

import json
import os
import socket
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from steadycode.corpus.build import build
from steadycode.corpus.left_out import NAMED, REASONS, LeftOut
from steadycode.corpus.lock import read_lock
from steadycode.corpus.recipe import Folder, Recipe
from steadycode.corpus.sources import read_folder, read_package
from steadycode.errors import DataError
from steadycode.project import Project
from steadycode.views.sources import sources_table
from tests.builders.corpus import function
from tests.builders.terminal import cells, printed

LONG = "\n".join(function(number) for number in range(700, 800))
WHOLE = function(600)

PLANTED: dict[str, tuple[str | bytes | Callable[[Path], object], str]] = {
    # taken
    "module.py": (WHOLE, "taken"),
    "windows.py": (WHOLE.replace("600", "601").replace("\n", "\r\n").encode(), "taken"),
    "mark.py": (b"\xef\xbb\xbf" + WHOLE.replace("600", "602").encode(), "taken"),
    "latin.py": (b"# coding: latin-1\n# \xe9\n" + WHOLE.replace("600", "603").encode(), "taken"),
    "cut.py": (LONG, "taken"),
    "cut_with_code.py": ("import os\n\nLIMIT = 3\n" + LONG.replace("greet", "meet"), "taken"),
    "a package/inner.py": (WHOLE.replace("600", "604"), "taken"),
    "LICENSE": ("You may.\n", "taken"),
    # not text, not Python
    "binary.py": (bytes(range(256)) * 4, "not_text"),
    "utf16.py": (WHOLE.encode("utf-16"), "not_text"),
    "latin_undeclared.py": (b"NAME = '\xe9'\n" * 9, "not_text"),
    "codec_unknown.py": (b"# coding: klingon\n" + WHOLE.encode(), "not_text"),
    "codec_for_bytes.py": (b"# coding: hex\n" + WHOLE.encode(), "not_text"),
    "codec_rot13.py": (b"# coding: rot13\n" + WHOLE.encode(), "not_text"),
    "codec_base64.py": (b"# -*- coding: base64 -*-\n" + WHOLE.encode(), "not_text"),
    "codec_compressed.py": (b"# coding: zlib\n" + WHOLE.encode(), "not_text"),
    "codec_undefined.py": (b"# coding: undefined\n" + WHOLE.encode(), "not_text"),
    "null.py": (WHOLE.encode() + b"\0", "not_python"),
    "syntax.py": ("def f(:\n" * 20, "not_python"),
    "python_two.py": ("print 'hello world, hello world, hello world'\n", "not_python"),
    "nested.py": ("(" * 5_000 + ")" * 5_000, "not_python"),
    # too much, too little, twice
    "nothing.py": ("", "empty"),
    "blank.py": ("\n" * 90, "empty"),
    "short.py": ("x = 1\n", "too_short"),
    "vast.py": ("def f():\n" + "    x = 1\n" * 3_000, "too_long"),
    "only_code.py": ("x = 1\n" * 2_000, "no_definition"),
    "zz_twice.py": (WHOLE, "duplicate"),
    "zz_twice_with_mark.py": (b"\xef\xbb\xbf" + WHOLE.encode(), "duplicate"),
    # not asked for
    "README.md": ("# Read me\n", "not_py"),
    "stub.pyi": ("def f() -> int: ...\n", "not_py"),
    "table.csv": ("1,2\n", "not_py"),
    "generated/out.py": (WHOLE.replace("600", "605"), "excluded"),
    ".hidden.py": (WHOLE.replace("600", "606"), "hidden"),
    ".folder/secret.py": (WHOLE.replace("600", "607"), "hidden"),
    "odd\u2028name.py": (WHOLE.replace("600", "608"), "unprintable_name"),
    "link.py": (lambda path: path.symlink_to("module.py"), "link"),
    "broken_link.py": (lambda path: path.symlink_to("nowhere.py"), "link"),
    "loop": (lambda path: path.symlink_to("."), "link"),
    "pipe.py": (os.mkfifo, "special_file"),
    "socket.py": (lambda path: socket.socket(socket.AF_UNIX).bind(path.name), "special_file"),
    # folders that hold no code of one's own
    "venv/lib/a.py": (WHOLE.replace("600", "609"), "skipped_folder"),
    "env/pyvenv.cfg": ("home = /usr\n", "skipped_folder"),
    "env/lib/b.py": (WHOLE.replace("600", "610"), "skipped_folder"),
    "web/node_modules/gyp/c.py": (WHOLE.replace("600", "611"), "skipped_folder"),
    "build/lib/d.py": (WHOLE.replace("600", "612"), "skipped_folder"),
    "dist/e.py": (WHOLE.replace("600", "613"), "skipped_folder"),
    "lib/site-packages/f.py": (WHOLE.replace("600", "614"), "skipped_folder"),
    "ours.egg-info/PKG-INFO": ("Name: ours\n", "skipped_folder"),
    ".git/config": ("[core]\n", "skipped_folder"),
    ".venv/lib/g.py": (WHOLE.replace("600", "615"), "skipped_folder"),
    "__pycache__/h.pyc": (b"\0", "skipped_folder"),
}
"""Path -> what is planted there, and what must become of it."""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with one source, which holds a file of every kind."""
    project = Project(tmp_path / "project")
    (project.configs).mkdir(parents=True)
    source = project.root / "src"
    for name, (content, _) in PLANTED.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            monkeypatch.chdir(path.parent)  # the address of a socket has to be short
            content(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return project


RECIPE = Recipe.model_validate(
    {
        "folders": [
            {"name": "ours", "path": "src", "licence": "MIT", "exclude": ["generated/*"]},
        ],
        "max_characters": 20_000,
    }
)


def test_files_seen_are_files_taken_and_files_left_out(planted: Project) -> None:
    expected = defaultdict(list)
    for name, (_, reason) in sorted(PLANTED.items()):
        expected[reason].append(f"ours/{name}".replace("\u2028", "\N{REPLACEMENT CHARACTER}"))
    taken = expected.pop("taken")

    result = build(RECIPE, planted)
    assert result.files.seen == len(PLANTED)
    assert result.files.taken == len(taken)
    files = {reason: left.files for reason, left in result.left_out.items() if left.files}
    assert files == {reason: len(names) for reason, names in expected.items()}
    assert sum(files.values()) + result.files.taken == result.files.seen
    for reason, names in expected.items():
        assert result.left_out[reason].first == tuple(names[:NAMED])
    assert result.left_out.keys() <= REASONS.keys()

    rows = [json.loads(line) for split in planted.data.glob("*.jsonl") for line in split.open()]
    assert sorted({f"ours/{row['path']}" for row in rows} | {"ours/LICENSE"}) == sorted(taken)


def test_the_lock_and_the_terminal_tell_them(planted: Project) -> None:
    result = build(RECIPE, planted)
    lock = read_lock(planted)
    assert lock is not None
    assert (lock.files, lock.left_out) == (result.files, result.left_out)
    lines = printed(sources_table(lock), width=200)
    left = len(PLANTED) - result.files.taken
    assert lines[0].strip() == f"{len(PLANTED)} files: 8 taken, {left} left out"
    _, *rows = cells(lines)
    assert [row[0] for row in rows if row[0]] == [REASONS[reason] for reason in result.left_out]
    text = next(row for row in rows if row[0] == REASONS["not_text"])
    assert text[1:3] == ["9", ""]
    assert text[3].startswith("ours/binary.py, ours/codec_base64.py, ")


def test_parts_of_a_file_that_gives_rows_are_counted_apart(project: Project) -> None:
    for path in (project.root / "src").glob("*.py"):
        path.unlink()
    pieces = [function(1), "def f(): pass\n", function(2), function(1), "TOTAL = 3\n"]
    (project.root / "src/many.py").write_text("# of many\n\n" + "\n".join(pieces))
    (project.root / "src/more.py").write_text("\n".join([function(2), function(1)]))
    recipe = Recipe.model_validate(
        {"folders": [{"name": "ours", "path": "src", "licence": "MIT"}], "module_characters": 50}
    )
    result = build(recipe, project)
    assert sum(result.rows.values()) == 2
    assert (result.files.seen, result.files.taken) == (3, 2)
    assert result.left_out == {
        "beside_definitions": LeftOut(files=0, parts=1, first=("ours/many.py:17",)),
        "too_short": LeftOut(files=0, parts=1, first=("ours/many.py:7",)),
        "duplicate": LeftOut(files=1, parts=1, first=("ours/many.py:13", "ours/more.py")),
    }


def test_the_same_sources_are_told_alike(planted: Project) -> None:
    build(RECIPE, planted)
    first = (planted.configs / "corpus.lock.json").read_bytes()
    build(RECIPE, planted)
    assert (planted.configs / "corpus.lock.json").read_bytes() == first


def test_a_source_without_a_row_is_named(planted: Project) -> None:
    (planted.root / "later").mkdir()
    later = {"name": "later", "path": "later", "licence": "MIT"}
    folders = [*RECIPE.model_dump()["folders"], later]
    build(Recipe.model_validate({**RECIPE.model_dump(), "folders": folders}), planted)
    lock = read_lock(planted)
    assert lock is not None
    assert printed(sources_table(lock), width=200)[0].endswith("; no row from later")


def test_a_source_of_which_nothing_is_left_says_why(planted: Project) -> None:
    folders = [{"name": "ours", "path": "src", "licence": "MIT", "exclude": ["*.py"]}]
    with pytest.raises(DataError, match=r"yields no row; .*; left out: \d+ files excluded by the"):
        build(Recipe.model_validate({"folders": folders}), planted)


def test_files_of_a_wheel_are_counted(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = project.root / "tiny.whl"
    names = ["tiny/core.py", "tiny/build/made.py", "tiny/tests/t.py", "tiny/py.typed",
             "tiny-1.dist-info/METADATA", "tiny-1.dist-info/LICENSE"]  # fmt: skip
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny/", "")
        for name in names:
            archive.writestr(name, function(1))
    monkeypatch.setattr("steadycode.corpus.sources.pinned_wheel", lambda *pinned: wheel)
    package = {"name": "tiny", "version": "1", "sha256": "0" * 64, "licence": "MIT",
               "exclude": ["*/tests/*"]}  # fmt: skip
    recipe = Recipe.model_validate({"packages": [package]})
    source = read_package(recipe.packages[0], project.downloads)
    assert list(source.files) == ["tiny/core.py", "tiny/build/made.py"]
    assert list(source.licence_texts) == ["tiny-1.dist-info/LICENSE"]
    assert Counter(source.left_out.values()) == {"excluded": 1, "not_py": 2}


@contextmanager
def as_ordinary_user() -> Iterator[None]:
    """Root may read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


class TestUnreadable:
    @pytest.fixture
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """Three things in the source ``src`` may not be read."""
        root = tmp_path / "project"
        for name in ("src/fine.py", "src/file.py", "src/folder/a.py", "src/private/b.py"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(function(1))
        closed = [root / "src" / name for name in ("file.py", "folder", "private")]
        for path in closed:
            path.chmod(0)
        monkeypatch.chdir(root)  # the folders above may be closed to the ordinary user
        yield Path()
        for path in closed:
            path.chmod(0o755)

    def test_files_and_folders_are_named(self, root: Path) -> None:
        folder = Folder(name="ours", path="src", licence="MIT")
        with as_ordinary_user(), pytest.raises(DataError) as error:
            read_folder(folder, root)
        assert str(error.value) == (
            "corpus source 'ours': cannot read src/file.py (Permission denied), src/folder/ "
            "(Permission denied), src/private/ (Permission denied); make that readable, or "
            "exclude it in the recipe"
        )

    def test_what_is_excluded_need_not_be_readable(self, root: Path) -> None:
        exclude = ("file.py", "folder/*", "private/*")
        folder = Folder(name="ours", path="src", licence="MIT", exclude=exclude)
        with as_ordinary_user():
            source = read_folder(folder, root)
        assert list(source.files) == ["fine.py"]
        assert source.left_out == dict.fromkeys(("file.py", "folder/", "private/"), "excluded")

    def test_the_source_itself(self, root: Path) -> None:
        (root / "src").chmod(0)
        folder = Folder(name="ours", path="src", licence="MIT")
        with as_ordinary_user(), pytest.raises(DataError, match=r"cannot read src/ \(Permission"):
            read_folder(folder, root)
        (root / "src").chmod(0o755)
