"""Dead or alive: by pid, start time and machine."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from steadycode.errors import ConfigError
from steadycode.processes import (
    ProcessId,
    end,
    family,
    flow_commands,
    project_processes,
    require_free_port,
)


@pytest.fixture
def sleeper(tmp_path: Path):
    """Starts a process that belongs to the project at ``tmp_path``."""
    started = []

    def start(script: str = "import time; time.sleep(60)", **environment: str):
        environment = {**os.environ, "STEADYCODE_HOME": str(tmp_path), **environment}
        started.append(subprocess.Popen([sys.executable, "-c", script], env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_process_is_told_from_the_next_with_its_pid(sleeper) -> None:
    process = sleeper()
    mine = ProcessId.of(psutil.Process(process.pid))
    assert mine.process() == psutil.Process(process.pid)
    assert ProcessId.parse(str(mine)) == mine
    assert ProcessId(mine.host, mine.pid, mine.started - 100).process() is None
    assert not ProcessId("another-machine", mine.pid, mine.started).is_here
    process.kill()
    time.sleep(0.1)
    assert mine.process() is None  # a zombie runs nothing
    process.wait()
    assert mine.process() is None


@pytest.mark.parametrize("text", ["", "x", "host/pid/1.0", "host/1", "1/2"])
def test_nonsense_is_no_process(text: str) -> None:
    assert ProcessId.parse(text) is None


def test_a_host_name_may_hold_a_slash() -> None:
    odd = ProcessId("a/b", 7, 1.5)
    assert ProcessId.parse(str(odd)) == odd


def test_a_projects_processes_are_found_and_ended_with_their_children(
    sleeper, tmp_path: Path
) -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    parent = sleeper(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {child}")
    sleeper(STEADYCODE_HOME=str(tmp_path / "another"))
    deadline = time.monotonic() + 20
    while len(found := list(project_processes(tmp_path))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert {process.pid for process in found} >= {parent.pid}
    assert len(found) == 2
    end(family(psutil.Process(parent.pid)), patience=1)
    assert list(project_processes(tmp_path)) == []


def test_commands_that_run_flows_are_known_by_their_words(tmp_path: Path) -> None:
    script = tmp_path / "steadycode"
    script.write_text("import time; time.sleep(60)")
    retrain, other = (
        subprocess.Popen([sys.executable, str(script), word], cwd=tmp_path)
        for word in ("retrain", "gc")
    )
    try:
        found = [psutil.Process(one.pid) for one in (retrain, other)]
        assert [one.pid for one in flow_commands(found)] == [retrain.pid]
    finally:
        for one in (retrain, other):
            one.kill()
            one.wait()
    assert flow_commands(found) == []


def test_a_taken_port_is_named_with_the_option_that_changes_it() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127.0.0.1:{port} is not free.* --prefect-port"):
            require_free_port("127.0.0.1", port, "--prefect-port")
    require_free_port("127.0.0.1", port, "--prefect-port")
