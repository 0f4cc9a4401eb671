"""The process boundary, with small scripts in the place of the stages."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from steadycode.errors import DataError, StageFailed, StageKilled, SteadycodeError
from steadycode.files import read_json
from steadycode.jobs.child import Events
from steadycode.jobs.job import Job, trusted_manifest
from steadycode.jobs.parent import run_stage

WORKS = """
events.metric("loss", 0.5, step=1)
events.progress("steps", 1, 2)
(job.folder / "out").mkdir(exist_ok=True)
path = job.folder / "out" / "answer.txt"
path.write_text(job.settings["answer"])
outputs = [path]
"""


@pytest.fixture
def stage(tmp_path: Path) -> Any:
    """Runs a stage whose body is the given source; returns (manifest, events)."""

    def run(source: str, answer: str = "42", timeout: float | None = None) -> Any:
        script = tmp_path / "script.py"
        body = "\n".join(f"    {line}" for line in source.strip().splitlines())
        script.write_text(
            "import sys, os, signal, time\n"
            "from steadycode.errors import SteadycodeError\n"
            "from steadycode.jobs.child import stage_main\n"
            f"def body(job, events):\n    outputs = []\n{body}\n    return outputs\n"
            "del sys.argv[1]\n"
            "stage_main('probe', body)\n"
        )
        job = Job(
            stage="probe",
            folder=tmp_path / "work",
            seed=0,
            settings={"answer": answer},
            inputs={},
        )
        events: list[dict[str, Any]] = []
        manifest = run_stage(job, events.append, timeout, launcher=(sys.executable, str(script)))
        return manifest, events

    return run


def test_a_damaged_event_is_one_line_that_names_the_file(stage: Any, tmp_path: Path) -> None:
    torn = "open(job.events, 'ab').write(b'{\"kind\": \\n')"
    with pytest.raises(DataError, match=r"work/events\.jsonl behind byte \d+: not JSON") as caught:
        stage(f"events.message('before')\n{torn}")
    assert "\n" not in str(caught.value)


def test_a_metric_that_is_not_finite_is_null(stage: Any, tmp_path: Path) -> None:
    _, events = stage("events.metric('loss', float('inf'))\nevents.metric('loss', 1.5, 1)")
    assert [event["value"] for event in events] == [None, 1.5]
    assert "Infinity" not in (tmp_path / "work" / "events.jsonl").read_text()


def test_several_threads_tell_whole_lines(tmp_path: Path) -> None:
    events = Events(tmp_path / "events.jsonl", log=False)
    with ThreadPoolExecutor(8) as threads:
        for number in range(2000):
            threads.submit(events.progress, "x" * (number % 50), number, 2000)
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["done"] for line in lines) == list(range(2000))


def test_events_arrive_and_outputs_are_in_the_manifest(stage: Any, tmp_path: Path) -> None:
    manifest, events = stage(WORKS)
    assert [event["kind"] for event in events] == ["metric", "progress"]
    assert list(manifest.outputs) == ["out/answer.txt"]
    assert manifest.versions["torch"]
    assert manifest.peak_memory_mb > 1


def test_finished_work_is_reused_and_its_events_replayed(stage: Any, tmp_path: Path) -> None:
    _, first = stage(WORKS)
    manifest, again = stage("raise RuntimeError('must not run')")
    assert again == first
    assert list(manifest.outputs) == ["out/answer.txt"]


def test_another_job_or_a_damaged_output_is_made_again(stage: Any, tmp_path: Path) -> None:
    output = tmp_path / "work" / "out" / "answer.txt"
    stage(WORKS)
    stage(WORKS, answer="43")
    assert output.read_text() == "43"
    output.write_text("tampered")
    stage(WORKS, answer="43")
    assert output.read_text() == "43"


def test_outputs_that_change_behind_the_manifest_are_not_trusted(stage: Any) -> None:
    tampers = "import atexit\natexit.register(path.write_text, 'tampered')"
    with pytest.raises(StageFailed, match=r"probe ended, but its outputs do not match a manifest"):
        stage(WORKS + tampers)


def test_an_expected_fault_is_one_line(stage: Any) -> None:
    with pytest.raises(SteadycodeError) as fault:
        stage("raise SteadycodeError('no tokenizer in x; put one there')")
    assert str(fault.value) == "no tokenizer in x; put one there"
    assert fault.value.exit_code == 2


def test_a_crash_shows_the_end_of_the_log_and_leaves_no_manifest(
    stage: Any, tmp_path: Path
) -> None:
    with pytest.raises(StageFailed, match="ZeroDivisionError"):
        stage("1 / 0")
    with pytest.raises(StageFailed, match="SIGKILL"):
        stage("os.kill(os.getpid(), signal.SIGKILL)")
    assert not (tmp_path / "work" / "manifest.json").exists()


def test_the_log_tells_where_a_killed_stage_was(stage: Any, tmp_path: Path) -> None:
    with pytest.raises(StageKilled) as fault:
        stage(
            "events.progress('steps', 3, 9)\n"
            "events.message('halfway')\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
    log = (tmp_path / "work" / "stage.log").read_text()
    assert "probe for" in log
    assert "steps 3/9" in log
    assert "halfway" in log
    assert log.strip() in str(fault.value).replace("\n  ", "\n")


def test_a_stage_that_takes_too_long_is_stopped(stage: Any, tmp_path: Path) -> None:
    source = "(job.folder / 'pid').write_text(str(os.getpid()))\ntime.sleep(120)"
    with pytest.raises(StageFailed, match="longer than 5 s"):
        stage(source, timeout=5)
    assert not _running(int((tmp_path / "work" / "pid").read_text()))


def test_a_stage_dies_with_the_flow_that_started_it(stage: Any, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys\n"
        "from pathlib import Path\n"
        "from steadycode.jobs.job import Job\n"
        "from steadycode.jobs.parent import run_stage\n"
        f"job = Job(stage='probe', folder=Path({str(tmp_path / 'w')!r}), seed=0,"
        " settings={}, inputs={})\n"
        f"run_stage(job, print, launcher=(sys.executable, {str(tmp_path / 'child.py')!r}))\n"
    )
    (tmp_path / "child.py").write_text(
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from steadycode.jobs.child import stage_main\n"
        "def body(job, events):\n"
        f"    Path({str(pid_file)!r}).write_text(str(os.getpid()))\n"
        "    time.sleep(120)\n"
        "del sys.argv[1]\n"
        "stage_main('probe', body)\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    assert _soon(lambda: pid_file.exists() and pid_file.read_text() != "")
    child = int(pid_file.read_text())
    parent.kill()
    parent.wait()
    assert _soon(lambda: not _running(child))


def test_a_job_reads_back_as_it_was_written(tmp_path: Path) -> None:
    job = Job(stage="probe", folder=tmp_path, seed=3, settings={"a": [1]}, inputs={"b": "c"})
    job.write()
    assert Job.read(job.path) == job
    assert read_json(job.path)["schema"] == 1
    assert trusted_manifest(job) is None


def test_a_job_is_the_same_job_in_another_folder(tmp_path: Path) -> None:
    job = Job(stage="probe", folder=tmp_path, seed=3, settings={}, inputs={"m": "here"})
    assert job.in_folder(tmp_path / "x").sha256 == job.sha256


def _soon(condition: Any, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return status != "Z"
