"""A folder that a user names: what lies there is never replaced by mistake."""

from collections.abc import Callable
from pathlib import Path

import pytest

from steadycode.errors import ConfigError
from steadycode.files import sha256_file, sha256_folder, write_json, write_text
from steadycode.jobs.checkpoints import Checkpoints
from steadycode.jobs.folder import require_own, require_unedited
from steadycode.jobs.job import SCHEMA, Job, Manifest
from steadycode.records import write_record
from steadycode.temporaries import temporary_name


def job(folder: Path, **changed: object) -> Job:
    given: dict[str, object] = {
        "stage": "train", "folder": folder, "seed": 1, "settings": {"steps": 4, "mode": "both"},
        "inputs": {"model": "/one"}, "identity": {"model": "a", "data": "b"},
    }  # fmt: skip
    return Job(**{**given, **changed})  # type: ignore[arg-type]


def nothing(folder: Path) -> None:
    pass


def only_a_lock(folder: Path) -> None:
    write_text(folder / ".lock", "")


def begun(folder: Path) -> None:
    only_a_lock(folder)
    temporary_name(folder / "job.json").write_text("{")


def the_same(folder: Path) -> None:
    job(folder, inputs={"model": "/moved"}).write()
    write_text(folder / "mine.txt", "x")


@pytest.mark.parametrize("there", [nothing, only_a_lock, begun, the_same])
def test_new_folders_and_the_same_work_are_taken(
    tmp_path: Path, there: Callable[[Path], None]
) -> None:
    there(tmp_path / "work")
    require_own(job(tmp_path / "work"))


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 2}, "seed was 2, is now 1"),
        ({"settings": {"steps": 5, "mode": "both"}}, "steps was 5, is now 4"),
        (
            {"settings": {"steps": 4, "mode": "both", "lora": {"rank": 2}}},
            'lora was {"rank": 2}, is now null',
        ),
        ({"identity": {"model": "x", "data": "y"}}, "the data has changed; the model has changed"),
        ({"identity": {"model": "a", "data": "b", "code": "c"}}, "the code has changed"),
        (
            {"settings": {"a": 1, "b": 1, "c": 1}},
            "a was 1, is now null; b was 1, is now null; c was 1, is now null; mode was null, is"
            ' now "both"; and 1 more',
        ),
    ],
)
def test_other_work_is_named_and_replaced_only_when_asked(
    tmp_path: Path, changed: dict[str, object], named: str
) -> None:
    job(tmp_path / "work", **changed).write()
    with pytest.raises(ConfigError) as caught:
        require_own(job(tmp_path / "work"))
    assert str(caught.value) == (
        f"{tmp_path / 'work'} holds another training ({named}); name a new folder, or give "
        "--force to replace it"
    )
    assert require_own(job(tmp_path / "work"), replace=True) == (
        f"{tmp_path / 'work'} holds another training ({named}); it is replaced"
    )


def finished(mine: Job) -> None:
    mine.write()
    manifest = Manifest(
        stage="train", job_sha256=mine.sha256, outputs={}, versions={}, seed=1,
        wall_seconds=1.0, peak_memory_mb=1.0,
    )  # fmt: skip
    write_record(mine.manifest, manifest, SCHEMA)


def stopped(mine: Job) -> None:
    mine.write()
    write_text(mine.events, "")
    Checkpoints(mine, kept=1).add(3, lambda folder: write_text(folder / "state", "3"))


@pytest.mark.parametrize(
    ("leave", "state"),
    [
        (finished, "another, finished training"),
        (stopped, "another, unfinished training of step 3"),
    ],
)
def test_how_far_the_other_work_is_stands_in_the_line_and_it_stays(
    tmp_path: Path, leave: Callable[[Job], None], state: str
) -> None:
    other = job(tmp_path / "work", seed=2)
    leave(other)
    before = sha256_folder(other.folder)
    with pytest.raises(ConfigError, match=rf"holds {state} \(seed was 2, is now 1\)"):
        require_own(job(tmp_path / "work"))
    assert sha256_folder(other.folder) == before


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("name", ["thesis.tex", ".archived", "job.json"])
def test_what_is_no_training_is_never_replaced(tmp_path: Path, name: str, replace: bool) -> None:
    write_text(tmp_path / "work" / name, "all of it")
    with pytest.raises(ConfigError, match="is not empty and holds no training"):
        require_own(job(tmp_path / "work"), replace=replace)


def test_a_result_that_was_changed_is_not_made_again_unasked(tmp_path: Path) -> None:
    mine = job(tmp_path / "work")
    mine.write()
    write_text(mine.folder / "model" / "config.json", "{}")
    written = {"model/config.json": sha256_file(mine.folder / "model" / "config.json")}
    manifest = Manifest(
        stage="train", job_sha256=mine.sha256, outputs=written, versions={}, seed=1,
        wall_seconds=1.0, peak_memory_mb=1.0,
    )  # fmt: skip
    write_record(mine.manifest, manifest, SCHEMA)
    require_own(mine)
    write_text(mine.folder / "model" / "config.json", '{"mine": 1}')
    with pytest.raises(ConfigError, match=r"was changed since; name a new folder, or give --force"):
        require_own(mine)
    require_own(mine, replace=True)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    write_text(tmp_path / "work", "all of it")
    with pytest.raises(ConfigError, match="work is a file; name a new folder"):
        require_own(job(tmp_path / "work"))


@pytest.mark.parametrize("left", ["manifest.json", "checkpoints.json"])
def test_a_job_file_that_was_edited_beside_its_results_is_refused(
    tmp_path: Path, left: str
) -> None:
    mine = job(tmp_path)
    rows = {"folder": "f", "step": 1, "events": 0, "events_sha256": "", "files": {}}
    records = {
        "manifest.json": {"stage": "train", "outputs": {}, "versions": {}, "seed": 1,
                          "wall_seconds": 1.0, "peak_memory_mb": 1.0},
        "checkpoints.json": {"checkpoints": [rows]},
    }  # fmt: skip
    write_json(tmp_path / left, {"schema": 1, "job_sha256": mine.sha256, **records[left]})
    require_unedited(mine)
    with pytest.raises(ConfigError, match=r"holds the work of another job than job\.json"):
        require_unedited(job(tmp_path, seed=2))
