"""Threads spin before they sleep only where nobody else wants the CPUs."""

import os
import subprocess
import sys

import pytest

from steadycode import threads

BUSY = "while True: pass"


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    return monkeypatch


def spins() -> str | None:
    threads.spin_where_idle()
    return os.environ.get("GOMP_SPINCOUNT")


def test_spins_where_the_cpus_are_idle(unset: pytest.MonkeyPatch) -> None:
    unset.setattr(threads, "_busy", lambda: 0.1)
    assert spins() == "1000"


def test_sleeps_where_others_use_them(unset: pytest.MonkeyPatch) -> None:
    unset.setattr(threads, "_busy", lambda: 0.9)
    assert spins() is None


def test_what_the_user_has_set_stays(unset: pytest.MonkeyPatch) -> None:
    unset.setattr(threads, "_busy", lambda: 0.0)
    unset.setenv("GOMP_SPINCOUNT", "7")
    assert spins() == "7"


def test_too_late_once_torch_is_there(unset: pytest.MonkeyPatch) -> None:
    unset.setattr(threads, "_busy", lambda: 0.0)
    unset.setitem(sys.modules, "torch", sys)
    assert spins() is None


def test_another_process_is_seen() -> None:
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(2)]
    try:
        assert max(threads._busy() for _ in range(3)) > 1
    finally:
        for other in others:
            other.kill()
            other.wait()
