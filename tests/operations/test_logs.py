"""Logs of services stay within bounds while the services write to them."""

from pathlib import Path

import pytest

from steadycode.operations import logs
from steadycode.operations.logs import rotate
from steadycode.project import Project


def test_a_long_log_is_rotated_under_its_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LIMIT", 1000)
    project = Project(tmp_path)
    log, short = project.service_log("worker gpu"), project.service_log("prefect")
    log.parent.mkdir(parents=True)
    short.write_text("few\n")
    with log.open("ab", buffering=0) as writer:  # as a service has it
        for number in range(500):
            writer.write(b"line %d\n" % number)
        before = log.read_bytes()
        (told,) = rotate(project, dry_run=True)
        assert "worker-gpu.log" in told
        assert log.read_bytes() == before
        assert len(list(rotate(project))) == 1
        writer.write(b"next\n")
        assert log.read_bytes() == b"next\n"
        older = log.with_name("worker-gpu.log.1")
        assert before.endswith(older.read_bytes())
        assert older.read_bytes().startswith(b"line ")
        assert 900 < older.stat().st_size <= 1000
        for number in range(500):
            writer.write(b"line %d\n" % number)
        assert len(list(rotate(project))) == 1
    assert older.stat().st_size <= 1000
    assert list(rotate(project)) == []
    assert sorted(path.name for path in log.parent.iterdir()) == [
        "prefect.log", "worker-gpu.log", "worker-gpu.log.1",
    ]  # fmt: skip
