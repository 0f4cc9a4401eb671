"""A folder is whole or not there, whatever happens to its writer."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from steadycode import files
from steadycode.files import remove, replacing_folder, take_place, temporary_beside
from steadycode.processes import ProcessId
from steadycode.temporaries import leftovers, temporary, temporary_name

WRITER = """
import sys
from pathlib import Path
from steadycode import files
{setup}
folder = Path(sys.argv[1])
for number in range(1000000):
    with files.replacing_folder(folder) as new:
        for name in "abc":
            (new / name).write_text(str(number) * 1000)
"""
IN_TWO_STEPS = "files._swap = lambda one, other: False"
KILLED_BETWEEN = """
import os, signal
files._swap = lambda one, other: False
rename = Path.rename
def killed(self, target):
    done = rename(self, target)
    if str(target).endswith(".old"):
        os.kill(os.getpid(), signal.SIGKILL)
    return done
Path.rename = killed
"""


@pytest.fixture(params=["one step", "two steps"])
def steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "two steps":
        monkeypatch.setattr(files, "_swap", lambda one, other: False)
    return str(request.param)


def write(folder: Path, text: str) -> None:
    with replacing_folder(folder) as new:
        (new / "inside").mkdir()
        (new / "inside" / "file").write_text(text)


def only(folder: Path) -> str:
    """What ``folder`` holds, when nothing lies beside it."""
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    return (folder / "inside" / "file").read_text()


def test_a_folder_appears_and_is_replaced_whole(tmp_path: Path, steps: str) -> None:
    folder = tmp_path / "deep" / "folder"
    write(folder, "one")
    (folder / "left over").touch()
    write(folder, "two")
    assert only(folder) == "two"
    assert [path.name for path in folder.iterdir()] == ["inside"]


def test_a_fault_leaves_what_was_there_and_nothing_else(tmp_path: Path, steps: str) -> None:
    folder = tmp_path / "folder"
    write(folder, "one")
    with pytest.raises(KeyboardInterrupt), replacing_folder(folder) as new:
        (new / "file").write_text("half")
        raise KeyboardInterrupt
    assert only(folder) == "one"


def test_a_fault_of_the_replacement_itself_puts_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    write(folder, "one")
    rename = Path.rename

    def broken(self: Path, target: Path) -> Path:
        if target == folder and not folder.exists() and self.suffix == ".tmp":
            raise OSError("the disk is gone")
        return rename(self, target)

    monkeypatch.setattr(files, "_swap", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(OSError, match="the disk is gone"):
        write(folder, "two")
    assert only(folder) == "one"


def test_everybody_may_read_what_was_written_for_the_owner_alone(tmp_path: Path) -> None:
    with replacing_folder(tmp_path / "folder") as new:
        (new / "inside").mkdir(mode=0o700)
        (new / "inside" / "file").touch(mode=0o600)
    modes = {
        path.name: path.stat().st_mode & 0o777
        for path in (tmp_path / "folder", *(tmp_path / "folder").rglob("*"))
    }
    assert modes == {"folder": 0o755, "inside": 0o755, "file": 0o644}


@pytest.mark.parametrize("there", ["a file", "a link", "a link to nothing", "an empty folder"])
def test_whatever_has_the_name_is_replaced_and_what_a_link_leads_to_stays(
    tmp_path: Path, steps: str, there: str
) -> None:
    folder, elsewhere = tmp_path / "place" / "folder", tmp_path / "elsewhere"
    folder.parent.mkdir()
    write(elsewhere, "mine")
    if there == "a file":
        folder.write_text("x")
    elif there == "an empty folder":
        folder.mkdir()
    else:
        folder.symlink_to(elsewhere if there == "a link" else "nowhere")
    write(folder, "one")
    assert only(folder) == "one"
    assert not folder.is_symlink()
    assert (elsewhere / "inside" / "file").read_text() == "mine"


def test_a_folder_built_aside_takes_its_place_later(tmp_path: Path, steps: str) -> None:
    folder = tmp_path / "folder"
    write(folder, "one")
    with temporary_beside(folder) as aside:
        write(aside, "two")
        assert (folder / "inside" / "file").read_text() == "one"
        take_place(aside, folder)
        assert not aside.exists()
    assert only(folder) == "two"


@pytest.mark.parametrize("setup", ["", IN_TWO_STEPS], ids=["one step", "two steps"])
def test_a_killed_writer_leaves_one_whole_folder(tmp_path: Path, setup: str) -> None:
    """Whenever it is killed: the folder is of one writing, or goes back to one."""
    folder = tmp_path / "folder"
    for moment in range(6):
        earlier = inode(folder)
        process = start(folder, setup)
        wait_until(lambda before=earlier: inode(folder) not in (before, None))
        time.sleep(0.002 * moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if not setup:
            assert folder.is_dir()
        left = list(leftovers(folder))
        assert {path.name for path in tmp_path.iterdir()} - {"folder"} == {
            one.path.name for one in left
        }
        for one in sorted(left, key=lambda one: one.kind):  # what goes back goes first
            remove(one.path)
        assert [path.name for path in tmp_path.iterdir()] == ["folder"]
        assert len({(folder / name).read_text() for name in "abc"}) == 1
        assert len((folder / "a").read_text()) >= 1000


def test_killed_between_two_steps_it_goes_back(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "mine").touch()
    start(folder, KILLED_BETWEEN).wait()
    assert not folder.exists()
    assert {one.kind for one in leftovers(folder)} == {"old", "tmp"}
    for one in leftovers(folder):
        remove(one.path)
    assert [path.name for path in folder.iterdir()] == ["mine"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_is_half_removed_does_not_look_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    write(folder, "one")

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("steadycode.files.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove(folder)
    (half,) = tmp_path.iterdir()
    assert (temporary(half).place, temporary(half).goes_back) == (folder, False)
    remove(half)
    remove(tmp_path / "nothing")
    (tmp_path / "file").touch()
    remove(tmp_path / "file")
    assert not list(tmp_path.iterdir())


def test_a_name_tells_whose_it_is(tmp_path: Path, left_by_a_kill: Callable[..., Path]) -> None:
    place = tmp_path / ".odd name.json"
    mine, dead = temporary_name(place), left_by_a_kill(place, "old")
    assert mine != temporary_name(place)
    assert [temporary(path).place for path in (mine, dead)] == [place, place]
    assert [temporary(path).writer_lives for path in (mine, dead)] == [True, False]
    assert temporary(dead).goes_back
    elsewhere = mine.name.replace(ProcessId.mine().mark.split("-")[0], "00000000")
    assert temporary(tmp_path / elsewhere).writer_lives is None
    for path in (mine, dead, tmp_path / elsewhere, temporary_name(tmp_path / "another")):
        path.touch()
    assert [one.path for one in leftovers(place)] == [dead]


@pytest.mark.parametrize(
    "name", [".archived", ".previous", ".tiny-abcd1234", ".x.json.abcd1234", ".x.partial", ".lock",
             ".x.steadycode-1-2.tmp", "x.steadycode-01234567-1-2-01234567.tmp",
             ".x.steadycode-01234567-1-2-01234567.tmp.gz"],
)  # fmt: skip
def test_no_other_name_is_ours(name: str) -> None:
    assert temporary(Path(name)) is None


def start(folder: Path, setup: str) -> "subprocess.Popen[bytes]":
    script = WRITER.format(setup=setup)
    return subprocess.Popen([sys.executable, "-c", script, str(folder)], env=dict(os.environ))


def inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.001)
