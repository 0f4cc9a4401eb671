"""A stage makes nothing in the name of sources that are no longer there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from steadycode import identity
from steadycode.errors import SteadycodeError
from steadycode.identity import code_hash
from steadycode.jobs.child import Events, Sources, run_body
from steadycode.jobs.job import Job
from steadycode.jobs.parent import run_stage
from steadycode.stages import evaluate, train

CHANGED = r"^the sources in .* changed while this run was under way"


@pytest.mark.parametrize(
    ("stage", "sources"), [("evaluate", evaluate.SOURCES), ("train", train.SOURCES)]
)
def test_a_job_of_other_sources_is_refused_in_one_line(
    stage: str, sources: Sources, tmp_path: Path
) -> None:
    """As after a ``git pull`` between two stages of a run, which keeps to what it saw first."""
    job = Job(stage=stage, folder=tmp_path / "work", seed=0, settings={}, inputs={},
              identity={sources.key: "0" * 64})  # fmt: skip
    with pytest.raises(SteadycodeError, match=CHANGED) as fault:
        run_stage(job, lambda event: None)
    assert "\n" not in str(fault.value)
    assert fault.value.exit_code == 2


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A word table among sources in the place of ours."""
    path = tmp_path / "package" / "recode" / "words.txt"
    path.parent.mkdir(parents=True)
    path.write_text("one\n")
    monkeypatch.setattr(identity, "PACKAGE", tmp_path / "package")
    identity._first_seen.cache_clear()
    yield path
    identity._first_seen.cache_clear()


@pytest.mark.parametrize("late", [True, False])
def test_what_is_read_late_must_not_change_until_the_end(
    table: Path, tmp_path: Path, late: bool
) -> None:
    def body(job: Job, events: Events) -> list[Path]:
        table.write_text("two\n")
        return []

    sources = Sources("harness", ("recode",), read_late=late)
    job = Job(stage="probe", folder=tmp_path / "work", seed=0, settings={}, inputs={},
              identity={"harness": code_hash("recode")})  # fmt: skip
    job.write()
    if late:
        with pytest.raises(SteadycodeError, match=CHANGED):
            run_body("probe", body, job.path, sources)
    else:
        run_body("probe", body, job.path, sources)
    assert job.manifest.exists() is not late
    with pytest.raises(SteadycodeError, match=CHANGED):
        run_body("probe", body, job.path, sources)
    assert job.manifest.exists() is not late  # finished work is kept
