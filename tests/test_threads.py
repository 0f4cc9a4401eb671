"""Threads spin before they sleep only where nobody else wants the CPUs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from steadycode import threads
from steadycode.sandbox.pool import Sandbox

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


def cgroups(root: Path, groups: str, files: dict[str, str]) -> Path:
    for name, text in {"proc/self/cgroup": groups, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("groups", "files", "quotas"),
    [
        ("0::/\n", {}, []),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "max 100000\n"}, []),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "150000 100000\n"}, [1.5]),
        ("0::/a/b\n", {"sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                       "sys/fs/cgroup/a/cpu.max": "200000 50000\n"}, [4.0]),
        ("0::/of/the/host\n", {"sys/fs/cgroup/cpu.max": "50000 100000\n"}, [0.5]),
        ("2:cpu,cpuacct:/docker/x\n1:memory:/\n",
         {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "250000\n",
          "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, [2.5]),
        ("1:cpu:/\n0::/\n", {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                             "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, []),
        ("3:cpuset:/\n", {"sys/fs/cgroup/cpuset/cpu.max": "1 1\n"}, []),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "nonsense\n"}, []),
    ],
)  # fmt: skip
def test_the_quotas_of_control_groups_are_read(
    tmp_path: Path, groups: str, files: dict[str, str], quotas: list[float]
) -> None:
    assert list(threads._quotas(cgroups(tmp_path, groups, files))) == quotas


@pytest.mark.parametrize(
    ("quotas", "count"), [([], 8), ([3.9], 3), ([0.5], 1), ([16.0], 8), ([6.0, 2.0], 2)]
)
def test_no_more_cpus_are_used_than_a_quota_has_time_for(
    monkeypatch: pytest.MonkeyPatch, quotas: list[float], count: int
) -> None:
    monkeypatch.setattr(threads, "_allowed", lambda: 8.0)
    monkeypatch.setattr(threads, "_quotas", lambda root: iter(quotas))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads.cpus() == count
    assert Sandbox().size == count
    threads.keep_to_quota()
    assert os.environ.get("OMP_NUM_THREADS") == (str(count) if count < 8 else None)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    threads.keep_to_quota()
    assert os.environ["OMP_NUM_THREADS"] == "5"


def test_the_processors_that_a_process_may_run_on_are_counted() -> None:
    one = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, [{one}]); from steadycode.threads import cpus;"
    done = subprocess.run(
        [sys.executable, "-c", f"{code} print(cpus())"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
