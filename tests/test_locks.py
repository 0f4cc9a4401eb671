"""Who waits, who is refused, and that a kill frees a lock."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from steadycode.errors import ConfigError
from steadycode.locks import holding, is_held, lock_of, locked

HOLDER = """
import sys, time
from pathlib import Path
from steadycode.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return lock_of(tmp_path / "deep" / "folder")


@pytest.fixture
def holder(lock: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLDER, str(lock)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_who_finds_it_held_is_told_so_and_a_kill_frees_it(
    lock: Path, holder: "subprocess.Popen[str]"
) -> None:
    assert is_held(lock)
    for wait in (0.0, 0.2):
        began = time.monotonic()
        with pytest.raises(ConfigError, match="wait for it"), locked(lock, refusal(), wait):
            raise AssertionError("the lock is held")
        assert time.monotonic() - began >= wait
    with holding(lock) as free:
        assert not free
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not is_held(lock)
    with locked(lock, refusal()):
        assert is_held(lock)
    assert not is_held(lock)


def test_without_a_refusal_it_waits(lock: Path, holder: "subprocess.Popen[str]") -> None:
    threading.Timer(0.3, holder.kill).start()
    with locked(lock):
        assert holder.wait(10) == -signal.SIGKILL


def test_a_fault_frees_it(lock: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(lock):
        raise ZeroDivisionError
    assert not is_held(lock)


def test_the_same_thread_may_take_it_again_where_that_is_said(lock: Path) -> None:
    with locked(lock, refusal(), again=True):
        with locked(lock, refusal(), again=True):
            assert is_held(lock)
        assert is_held(lock)
        with pytest.raises(ConfigError), locked(lock, refusal()):
            raise AssertionError("the lock is held")
    assert not is_held(lock)


def test_looking_leaves_no_trace(lock: Path) -> None:
    assert not is_held(lock)
    assert not lock.parent.exists()


def refusal() -> ConfigError:
    return ConfigError("wait for it")
