"""A stage that a person or a launcher starts: it does what the parent does otherwise."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from steadycode.files import sha256_folder, write_text
from steadycode.jobs.job import Job, trusted_manifest
from steadycode.jobs.parent import prepare
from steadycode.locks import lock_of, locked

STAGE = """
import sys
from steadycode.jobs.child import Sources, stage_main

def body(job, events):
    path = job.folder / "answer"
    path.write_text(str(job.settings["answer"]))
    return [path]

stage_main("probe", body, sources=Sources("code", ("errors",)))
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "stage.py").write_text(STAGE)
    made = Job(stage="probe", folder=tmp_path / "work", seed=0, settings={"answer": 42}, inputs={})
    prepare(made)
    return made


def by_hand(job: Job, **environment: str) -> "subprocess.CompletedProcess[str]":
    without = {key: value for key, value in os.environ.items() if key != "STEADYCODE_PARENT"}
    return subprocess.run(
        [sys.executable, str(job.folder.parent / "stage.py"), str(job.path)],
        env={**without, **environment}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_job_that_somebody_works_on_is_refused(job: Job) -> None:
    with locked(lock_of(job.folder)):
        before = sha256_folder(job.folder)
        second = by_hand(job)
        assert sha256_folder(job.folder) == before
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"error: another process works in {job.folder}; wait until it has ended\n"
    )
    assert by_hand(job).returncode == 0


@pytest.mark.parametrize("environment", [{}, {"RANK": "1"}], ids=["alone", "not the first"])
def test_finished_work_is_not_done_again(job: Job, environment: dict[str, str]) -> None:
    by_hand(job)
    before = sha256_folder(job.folder)
    again = by_hand(job, **environment)
    assert (again.returncode, again.stderr) == (0, "")
    assert "nothing is left to do" in again.stdout
    assert sha256_folder(job.folder) == before


@pytest.mark.parametrize("environment", [{}, {"RANK": "1"}], ids=["alone", "not the first"])
@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"settings": {"answer": 43}}, "holds the work of another job than job.json"),
        ({"identity": {"code": "0"}}, "the code of the probe stage has changed since"),
        ({}, "what this job left in"),
    ],
    ids=["edited", "other code", "changed result"],
)
def test_what_would_be_lost_is_refused(
    job: Job, environment: dict[str, str], changes: dict[str, Any], line: str
) -> None:
    by_hand(job)
    if changes:
        fields = {name: getattr(job, name) for name in Job.__dataclass_fields__}
        Job(**{**fields, **changes}).write()
    else:
        write_text(job.folder / "answer", "mine")
    before = sha256_folder(job.folder)
    second = by_hand(job, **environment)
    assert (second.returncode, second.stdout) == (2, "")
    assert line in second.stderr
    assert second.stderr.count("\n") == 1
    assert sha256_folder(job.folder) == before


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff", b"[]", b'{"schema": 1}'])
def test_a_file_that_is_no_job_is_one_line(job: Job, content: bytes | None) -> None:
    job.path.unlink()
    if content is not None:
        job.path.write_bytes(content)
    refused = by_hand(job)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: {job.path} ")
    assert refused.stderr.count("\n") == 1


def test_a_prepared_job_keeps_finished_work_and_makes_way_for_another(job: Job) -> None:
    by_hand(job)
    assert prepare(job) == []
    assert trusted_manifest(job) is not None
    other = Job(stage="probe", folder=job.folder, seed=1, settings={"answer": 7}, inputs={})
    prepare(other)
    assert by_hand(other).returncode == 0
    assert (job.folder / "answer").read_text() == "7"
