"""A disk that takes no more is one line, wherever it is noticed, and what was there stays."""

import errno
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from steadycode.errors import SteadycodeError
from steadycode.jobs.child import Events
from steadycode.jobs.disk import told_of_disk
from steadycode.jobs.job import Job
from steadycode.jobs.parent import run_stage

STAGE = """
import resource, sys
from steadycode.files import write_text
from steadycode.jobs.checkpoints import Checkpoints
from steadycode.jobs.child import stage_main

def body(job, events):
    checkpoints = Checkpoints(job, kept=2)
    for step in range(checkpoints.step + 1, 5):
        events.metric("loss", 0.5, step)
        for number in range(10):
            events.progress("parts", number, 10)
        if step == 3:
            exec(job.settings["at three"])
        checkpoints.add(step, lambda folder: write_text(folder / "state", str(step)))
    events.message("all steps done")
    return []

sys.argv[1:] = sys.argv[2:]
stage_main("probe", body)
"""
LIMIT = """
told = job.events.stat().st_size + 3
resource.setrlimit(resource.RLIMIT_FSIZE, (told, -1))
events.metric("loss", 0.25, 3)
"""


def probe(tmp_path: Path, at_three: str = "") -> Job:
    (tmp_path / "stage.py").write_text(STAGE)
    settings = {"at three": at_three}
    return Job(stage="probe", folder=tmp_path / "work", seed=0, settings=settings, inputs={})


def run(job: Job, told: list[dict[str, Any]] | None = None) -> None:
    script = job.folder.parent / "stage.py"
    seen = [] if told is None else told
    run_stage(job, seen.append, launcher=(sys.executable, str(script)))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_events_that_find_no_space_are_one_line() -> None:
    with pytest.raises(SteadycodeError, match=r"^no space left for the events in /dev; free some"):
        Events(Path("/dev/full"), log=False).metric("loss", 0.5)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of files are told by errno there")
def test_a_stage_that_can_write_no_more_events_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    stopped = probe(tmp_path, LIMIT)
    with pytest.raises(SteadycodeError, match=r"^the events cannot be written: .*: file too large"):
        run(stopped)
    told: list[dict[str, Any]] = []
    with pytest.raises(SteadycodeError, match="file too large"):
        run(stopped, told)
    steps = [event["step"] for event in told if event["kind"] == "metric"]
    assert steps == [1, 2, 3]  # two were told before, the third by this try, the torn one by none


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_stage_that_cannot_even_write_its_log_is_one_line(tmp_path: Path) -> None:
    job = probe(tmp_path)
    job.folder.mkdir()
    job.log.symlink_to("/dev/full")
    with pytest.raises(SteadycodeError) as fault:
        run(job)
    assert str(fault.value).startswith(f"the probe stage could not write its log in {job.folder}")
    assert fault.value.exit_code == 2


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (errno.ENOSPC, "no space left for the events in /somewhere; free some and"),
        (errno.EDQUOT, "no space left for the events in /somewhere; free some of your quota"),
        (errno.EIO, "the events cannot be written: /somewhere: input/output error; see"),
        (errno.EROFS, "the events cannot be written: /somewhere: read-only file system; name"),
        (errno.EACCES, "the events cannot be written: /somewhere: permission denied; make"),
    ],
)
def test_each_fault_says_what_to_do(code: int, line: str) -> None:
    with (
        pytest.raises(SteadycodeError, match=re.escape(line)),
        told_of_disk("the events", Path("/somewhere")),
    ):
        raise OSError(code, os.strerror(code))


def test_a_fault_that_is_ours_stays_one() -> None:
    with pytest.raises(FileNotFoundError), told_of_disk("the events", Path("/somewhere")):
        raise FileNotFoundError(errno.ENOENT, "No such file")


def test_a_folder_below_a_file_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    job = probe(tmp_path).in_folder(tmp_path / "file" / "work")
    with pytest.raises(SteadycodeError, match=r"^the job cannot be written: .*not a directory"):
        run_stage(job, lambda event: None)
