"""How any stage continues after a kill, with a small script that counts in the stage's place."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steadycode.errors import StageFailed, SteadycodeError
from steadycode.files import read_json, write_text
from steadycode.jobs import checkpoints as resume
from steadycode.jobs.checkpoints import Checkpoints, rewind
from steadycode.jobs.child import Events, run_body
from steadycode.jobs.job import Job, trusted_manifest
from steadycode.jobs.parent import run_stage
from steadycode.temporaries import temporary_name

STEPS = 6
COUNTS = """
import os, signal, sys
from pathlib import Path
from steadycode.files import replacing_folder, write_text
from steadycode.jobs import child as boundary
from steadycode.jobs import checkpoints as resume

MOMENT, AT = sys.argv[1], int(sys.argv[2])

def die(moment, step):
    if (moment, step) == (MOMENT, AT):
        os.kill(os.getpid(), signal.SIGKILL)

def body(job, events):
    checkpoints = resume.Checkpoints(job, kept=2)
    total = 0
    if checkpoints.newest:
        total = int((checkpoints.newest / "total").read_text())
        events.message(f"continuing from step {checkpoints.step}")
    for step in range(checkpoints.step + 1, job.settings["steps"] + 1):
        total += step
        with (job.folder / "done").open("a") as done:
            done.write(f"{step} ")
        events.metric("total", total, step)
        die("told", step)
        if step % 2 == 0:
            checkpoints.add(step, lambda folder: save(folder, total, step))
            die("checkpoint", step)
    path = job.folder / "answer"
    path.write_text(str(total))
    return [path]

def save(folder, total, step):
    with replacing_folder(folder) as new:
        write_text(new / "total", str(total))
        die("saving", step)
    die("saved", step)

listed = resume._write_index
def write_index(job, rows):
    listed(job, rows)
    die("listed", rows[0].step)
resume._write_index = write_index

removed = boundary.remove_checkpoints
def remove_checkpoints(folder):
    die("manifest", 0)
    removed(folder)
boundary.remove_checkpoints = remove_checkpoints

del sys.argv[1:4]
boundary.stage_main("probe", body)
"""
MOMENTS = {
    ("told", 1): 0,
    ("told", 2): 0,
    ("saving", 2): 0,
    ("saved", 2): 0,
    ("listed", 2): 2,
    ("checkpoint", 2): 2,
    ("told", 3): 2,
    ("saved", 4): 2,
    ("listed", 6): 6,
    ("told", 6): 4,
}
"""When it is killed -> the step it must continue from."""


class Counting:
    """A job that counts, and what its tries told."""

    def __init__(self, folder: Path, script: Path, **settings: Any) -> None:
        self.job = Job(
            stage="probe",
            folder=folder,
            seed=0,
            settings={"steps": STEPS, **settings},
            inputs={},
        )
        self.script = script
        self.told: list[dict[str, Any]] = []

    def run(self, moment: str = "never", step: int = 0) -> Any:
        self.told = []
        launcher = (sys.executable, str(self.script), moment, str(step))
        return run_stage(self.job, self.told.append, launcher=launcher)

    def killed(self, moment: str, step: int) -> None:
        with pytest.raises(StageFailed, match="SIGKILL"):
            self.run(moment, step)

    @property
    def done(self) -> list[int]:
        return [int(step) for step in (self.job.folder / "done").read_text().split()]

    @property
    def steps(self) -> list[int]:
        return [event["step"] for event in self.told if event["kind"] == "metric"]

    @property
    def messages(self) -> list[str]:
        return [event["text"] for event in self.told if event["kind"] == "message"]


@pytest.fixture
def counting(tmp_path: Path) -> Callable[..., Counting]:
    script = tmp_path / "script.py"
    script.write_text(COUNTS)
    return lambda **settings: Counting(tmp_path / "work", script, **settings)


@pytest.mark.parametrize(("moment", "kept"), MOMENTS.items(), ids=str)
def test_killed_at_any_moment_it_goes_on(
    counting: Any, tmp_path: Path, moment: tuple[str, int], kept: int
) -> None:
    work = counting()
    work.killed(*moment)
    work.run()
    assert (tmp_path / "work" / "answer").read_text() == "21"
    assert work.done == [*range(1, moment[1] + 1), *range(kept + 1, STEPS + 1)]
    assert work.steps == list(range(1, STEPS + 1))
    assert [event["value"] for event in work.told if event["kind"] == "metric"] == [
        1, 3, 6, 10, 15, 21,
    ]  # fmt: skip
    assert work.messages == ([f"continuing from step {kept}"] if kept else [])
    _assert_only_outputs(tmp_path / "work")


def test_killed_again_and_again(counting: Any, tmp_path: Path) -> None:
    work = counting()
    for moment in (("told", 3), ("listed", 4), ("told", 5), ("saved", 6), ("checkpoint", 6)):
        work.killed(*moment)
    work.run()
    assert work.done == [1, 2, 3, 3, 4, 5, 5, 6, 5, 6]
    assert work.steps == list(range(1, STEPS + 1))
    assert work.messages == [f"continuing from step {step}" for step in (2, 4, 6)]
    told = work.told
    work.run()  # finished: told again as it was
    assert work.told == told


def test_killed_right_behind_the_manifest(counting: Any, tmp_path: Path) -> None:
    work = counting()
    work.killed("manifest", 0)
    assert (tmp_path / "work" / "checkpoints").exists()
    work.run()
    assert work.done == work.steps == list(range(1, STEPS + 1))
    _assert_only_outputs(tmp_path / "work")


def test_the_last_ones_are_kept(counting: Any, tmp_path: Path) -> None:
    work = counting()
    work.killed("checkpoint", 6)
    folder = tmp_path / "work"
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == [
        "step-000004", "step-000006",
    ]  # fmt: skip
    index = read_json(folder / "checkpoints.json")
    assert [row["step"] for row in index["checkpoints"]] == [6, 4]
    assert index["job_sha256"] == work.job.sha256
    events = (folder / "events.jsonl").read_bytes()
    for row in index["checkpoints"]:
        last = events[: row["events"]].splitlines(keepends=True)[-1]
        assert last.endswith(b"\n")
        assert json.loads(last)["step"] == row["step"]


def shortened(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def changed(path: Path) -> None:
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])


@pytest.mark.parametrize("spoil", [shortened, changed, Path.unlink])
@pytest.mark.parametrize("spoilt", [1, 2])
def test_a_torn_checkpoint_gives_way_to_the_one_before(
    counting: Any, tmp_path: Path, spoil: Callable[[Path], None], spoilt: int
) -> None:
    work = counting()
    work.killed("told", 5)
    damaged = [
        tmp_path / "work" / "checkpoints" / f"step-{step:06d}" / "total" for step in (4, 2)[:spoilt]
    ]
    for path in damaged:
        spoil(path)
    work.run()
    kept = (4, 2, 0)[spoilt]
    how = "missing" if spoil is Path.unlink else "not as it was written"
    assert work.messages == [
        *(
            f"the checkpoint of step {step} is skipped: {path} is {how}"
            for step, path in zip((4, 2), damaged, strict=False)
        ),
        f"continuing from step {kept}" if kept else "the probe stage begins anew",
    ]
    assert work.done == [*range(1, 6), *range(kept + 1, STEPS + 1)]
    assert work.steps == list(range(1, STEPS + 1))


@pytest.mark.parametrize("spoil", [shortened, changed, Path.unlink])
def test_without_its_events_a_checkpoint_is_none(
    counting: Any, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    work = counting()
    work.killed("checkpoint", 4)
    spoil(tmp_path / "work" / "events.jsonl")
    work.run()
    kept = 2 if spoil is shortened else 0
    assert work.messages[0].startswith(f"the checkpoint of step 4 is skipped: {work.job.events}")
    assert work.done == [*range(1, 5), *range(kept + 1, STEPS + 1)]
    assert work.steps == list(range(1, STEPS + 1))


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"schema": 1, "job_sha256": "JOB", "checkpoints": [{"step": 4}]}',
     '{"schema": 1, "job_sha256": "JOB", "checkpoints": [{"folder": 1, "step": 1, "events": "x",'
     ' "events_sha256": 3, "files": {}}]}'],
)  # fmt: skip
def test_an_index_that_is_none_starts_from_the_beginning(
    counting: Any, tmp_path: Path, content: str
) -> None:
    work = counting()
    work.job.folder.mkdir()
    (work.job.folder / "checkpoints" / "step-000004").mkdir(parents=True)
    write_text(work.job.folder / "events.jsonl", "stale\n")
    write_text(work.job.folder / "checkpoints.json", content.replace("JOB", work.job.sha256))
    told = rewind(work.job)
    assert "checkpoints.json" in told[0]
    assert told[0].endswith("no checkpoint can be trusted")
    assert told[1:] == ["the probe stage begins anew"]
    assert list(work.job.folder.iterdir()) == []


def test_only_checkpoints_are_removed(
    counting: Any, tmp_path: Path, left_by_a_kill: Callable[..., Path]
) -> None:
    """What somebody has put beside them stays, as does what another process is writing."""
    folder = counting().job.folder / "checkpoints"
    kept = [folder / name for name in ("best", ".archived", "step-mine")]
    kept.append(temporary_name(folder / "step-000004"))
    gone = [folder / "step-000002", left_by_a_kill(folder / "step-000004")]
    for path in (*kept, *gone):
        path.mkdir(parents=True)
    rewind(counting().job)
    assert set(folder.iterdir()) == set(kept)


def test_another_jobs_checkpoints_are_removed(counting: Any, tmp_path: Path) -> None:
    counting().killed("told", 5)
    other = counting(steps=STEPS - 1)
    other.run()
    assert (tmp_path / "work" / "answer").read_text() == "15"
    assert other.steps == list(range(1, STEPS))
    assert other.messages == [
        "the checkpoints of another job are removed", "the probe stage begins anew"
    ]  # fmt: skip
    _assert_only_outputs(tmp_path / "work")


def test_a_moved_job_goes_on_elsewhere(counting: Any, tmp_path: Path) -> None:
    work = counting()
    work.killed("told", 5)
    shutil.move(tmp_path / "work", tmp_path / "elsewhere")
    work.job = work.job.in_folder(tmp_path / "elsewhere")
    work.run()
    assert work.messages == ["continuing from step 4"]


def test_run_by_hand_it_goes_on_too(
    counting: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = counting()
    work.killed("told", 5)
    monkeypatch.delenv("STEADYCODE_PARENT", raising=False)
    command = [sys.executable, work.script, "never", "0", "-", work.job.path]
    subprocess.run(command, check=True, timeout=60)
    assert trusted_manifest(work.job) is not None
    work.run()
    assert work.done == [1, 2, 3, 4, 5, 5, 6]
    assert work.steps == list(range(1, STEPS + 1))


@pytest.mark.parametrize("full", ["folder", "index"])
def test_a_full_disk_is_one_line_and_keeps_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    job = Job(stage="probe", folder=tmp_path / "work", seed=0, settings={}, inputs={})
    job.folder.mkdir()

    def no_space(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    def body(job: Job, events: Events) -> list[Path]:
        checkpoints = Checkpoints(job, kept=1)
        checkpoints.add(1, lambda folder: write_text(folder / "total", "1"))
        if full == "folder":
            checkpoints.add(2, no_space)
        monkeypatch.setattr(resume, "_write_index", no_space)
        checkpoints.add(2, lambda folder: write_text(folder / "total", "2"))
        return []

    job.write()
    with pytest.raises(SteadycodeError, match=r"^no space left for the checkpoint of step 2") as e:
        run_body("probe", body, job.path)
    assert "\n" not in str(e.value)
    assert [path.name for path in (job.folder / "checkpoints").iterdir()] == ["step-000001"]
    monkeypatch.undo()
    rewind(job)
    assert Checkpoints(job, kept=1).step == 1


def _assert_only_outputs(folder: Path) -> None:
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".lock")} == {
        "answer", "done", "events.jsonl", "job.json", "manifest.json", "stage.log",
    }  # fmt: skip
