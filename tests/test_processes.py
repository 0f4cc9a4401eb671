"""Dead or alive: by pid, start time and machine."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from steadycode.errors import ConfigError
from steadycode.places import Place
from steadycode.processes import (
    STARTED_BY,
    ProcessId,
    end,
    family,
    flow_commands,
    marked_lives,
    project_processes,
    require_free_port,
)
from steadycode.temporaries import temporary


@pytest.fixture
def sleeper(tmp_path: Path):
    """Starts a process that belongs to the project at ``tmp_path``."""
    started = []

    def start(script: str = "import time; time.sleep(60)", **environment: str):
        environment = {
            **os.environ,
            "STEADYCODE_HOME": str(tmp_path),
            STARTED_BY: "it",
            **environment,
        }
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
    assert replace(mine, started="1").process() is None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert mine.process() is None  # a zombie runs nothing
    process.wait()
    assert mine.process() is None


BOOTED = int(psutil.boot_time())


@pytest.mark.parametrize(
    ("place", "began", "lives"),
    [
        ({}, BOOTED + 9, False),
        ({"namespace": "1"}, BOOTED + 9, None),
        ({"boot": "other"}, BOOTED - 9, False),
        ({"boot": "other", "namespace": "1"}, BOOTED - 9, False),
        ({"boot": "other"}, BOOTED + 9, None),
        ({"boot": "other"}, 0, None),
        ({"boot": "other", "machine": "0a1b2c3d"}, BOOTED - 9, None),
        ({"boot": "other", "machine": ""}, BOOTED - 9, None),
    ],
    ids=[
        *("dead, here", "in another container", "before a restart", "in a container before it"),
        *("of another start, but begun since this one", "of an earlier version"),
        *("another machine of that host name", "a machine that can't be told from others"),
    ],
)
def test_only_what_ended_here_or_before_a_restart_is_dead(
    place: dict[str, str], began: int, lives: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = replace(Place.here(), machine="12345678")
    monkeypatch.setattr("steadycode.places._here", lambda: here)
    gone = replace(ProcessId.mine(), pid=2**22 + 1, place=replace(here, **place), began=began)
    assert gone.lives is lives
    assert gone.process() is None
    told = ProcessId.parse(str(gone))
    assert told == gone
    assert marked_lives(gone.mark) is lives


def test_a_process_that_the_system_hides_is_not_called_dead(monkeypatch) -> None:
    """As another user's is where /proc is mounted with hidepid."""
    other = replace(ProcessId.mine(), pid=1)

    def hidden(process: psutil.Process) -> str:
        raise psutil.NoSuchProcess(process.pid)

    monkeypatch.setattr("steadycode.processes._started", hidden)
    assert other.lives is None
    assert other.process() is None
    assert replace(other, pid=2**22 + 1).lives is False


def test_what_earlier_versions_wrote_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ProcessId.mine()
    boot, namespace = mine.place.boot, mine.place.namespace
    old = ProcessId.parse(f"a-host/{boot}:{namespace}/{mine.pid}/{mine.started}")
    assert old is not None
    assert old.lives
    assert old.process() == psutil.Process()
    dead = ProcessId.parse(f"a-host/{boot}:{namespace}/{2**22 + 1}/{mine.started}")
    assert dead is not None
    assert dead.lives is False
    before = ProcessId.parse(f"a-host/other:{namespace}/{mine.pid}/{mine.started}")
    assert before is not None
    assert before.lives is None
    assert marked_lives(f"{mine.place.name}-{mine.pid}-{mine.started}")
    assert marked_lives(f"00000000-{mine.pid}-{mine.started}") is None


SAID_IN_A_CONTAINER = """
import sys
from pathlib import Path
from steadycode.processes import ProcessId
from steadycode.temporaries import temporary_name
mine = ProcessId.mine()
(Path(sys.argv[1]) / temporary_name(Path(sys.argv[1], "half")).name).mkdir()
print(mine, mine.place.machine or "-", flush=True)
sys.stdin.read()
"""


def test_a_process_of_another_container_is_not_judged(container, tmp_path: Path) -> None:
    """A pid namespace of its own, and the same host name."""
    process = container(sys.executable, "-c", SAID_IN_A_CONTAINER, str(tmp_path))
    said, machine = process.stdout.readline().decode().rsplit(" ", 1)
    inside = ProcessId.parse(said)
    assert inside is not None
    assert inside.host == ProcessId.mine().host
    assert machine.strip() == "-"
    (path,) = tmp_path.iterdir()
    half = temporary(path)
    assert half is not None
    for _ in ("it lives", "it is dead"):
        assert inside.lives is None
        assert inside.process() is None
        assert half.writer_lives is None
        process.stdin.close()
        process.wait(timeout=20)


def test_neither_a_new_host_name_nor_a_set_clock_ends_a_process(monkeypatch) -> None:
    mine = ProcessId.mine()
    monkeypatch.setattr("socket.gethostname", lambda: "renamed")
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: 5.0)
    assert mine.lives
    assert mine.process() is not None


@pytest.mark.parametrize("text", ["", "x", "host/boot/pid/1", "host/1", "1/2"])
def test_nonsense_is_no_process(text: str) -> None:
    assert ProcessId.parse(text) is None


def test_a_host_name_may_hold_a_slash() -> None:
    odd = ProcessId("a/b", Place("c", "1", "d"), 7, "15", 3)
    assert ProcessId.parse(str(odd)) == odd


@pytest.mark.parametrize("home", ["link", "."])
def test_a_project_named_by_a_link_or_a_relative_path_is_the_same(
    sleeper, tmp_path: Path, home: str, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    process = sleeper(STEADYCODE_HOME=home)
    deadline = time.monotonic() + 20
    while not (found := list(project_processes(tmp_path))) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [one.pid for one in found] == [process.pid]


def test_a_projects_processes_are_found_and_ended_with_their_children(
    sleeper, tmp_path: Path
) -> None:
    child = (
        "import subprocess, sys;"
        "subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    )
    parent = sleeper(f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {child}")
    sleeper(STEADYCODE_HOME=str(tmp_path / "another"))
    deadline = time.monotonic() + 20
    while len(found := list(project_processes(tmp_path))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert {process.pid for process in found} >= {parent.pid}
    assert len(found) == 2
    end(family(psutil.Process(parent.pid)), patience=1)
    assert list(project_processes(tmp_path)) == []


@pytest.mark.parametrize(
    ("command", "counts"),
    [
        (["tail", "-f", "steadycode"], False),
        ([sys.executable, "-c", "input()"], False),
        ([sys.executable, "{folder}/steadycode", "runs"], True),
        ([sys.executable, "-u", "{folder}/mlflow", "server"], True),
        ([sys.executable, "-m", "prefect.server"], True),
    ],
)
def test_a_home_that_was_exported_says_nothing_of_other_programs(
    tmp_path: Path, command: list[str], counts: bool
) -> None:
    for name in ("steadycode", "mlflow", "prefect/server.py", "prefect/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("input()" if "__" not in name else "")
    environment = {**os.environ, "STEADYCODE_HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    environment.pop(STARTED_BY, None)
    words = [word.format(folder=tmp_path) for word in command]
    process = subprocess.Popen(words, env=environment, cwd=tmp_path, stdin=subprocess.PIPE)
    try:
        known = psutil.Process(process.pid)
        while known.cmdline() != words:
            time.sleep(0.01)
        found = [one.pid for one in project_processes(tmp_path)]
        assert (process.pid in found) == counts
    finally:
        process.kill()
        process.communicate()


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


def test_a_system_that_tells_nothing_of_processes_is_said_in_a_line(tmp_path: Path) -> None:
    apart = ["unshare", "--user", "--map-root-user", "--mount"]
    hidden = shutil.which("unshare") and subprocess.run([*apart, "true"], check=False)
    if not hidden or hidden.returncode:
        pytest.skip("this user can hide nothing from a process")
    script = tmp_path / "ask.py"
    script.write_text(
        "from steadycode.errors import SteadycodeError\n"
        "from steadycode.processes import ProcessId\n"
        "try:\n    ProcessId.mine()\nexcept SteadycodeError as fault:\n    print(fault)\n"
    )
    hide = 'mount -t tmpfs none /proc && exec "$0" "$1"'
    done = subprocess.run(
        [*apart, "sh", "-c", hide, sys.executable, str(script)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("this machine does not tell which processes run")
    assert done.stdout.endswith("mount /proc\n")
    assert done.stderr == ""
