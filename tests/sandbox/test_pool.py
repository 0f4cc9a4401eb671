import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from steadycode.errors import SandboxError
from steadycode.problems import load_problems
from steadycode.sandbox import Limits, Program, Sandbox, Verdict

TEST = "def check(candidate):\n    assert candidate() == 1\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=1, memory_mb=256), workers=2) as running:
        yield running


def call(sandbox: Sandbox, code: str) -> Verdict:
    return sandbox.run(Program(code, TEST, "f"))


def test_all_humaneval_references_pass() -> None:
    problems = load_problems("humaneval")
    with Sandbox(workers=2) as sandbox:
        verdicts = list(
            sandbox.run_all(
                Program(p.prompt + p.canonical_solution, p.test, p.entry_point) for p in problems
            )
        )
    assert len(verdicts) == 164
    assert {verdict.status for verdict in verdicts} == {"passed"}
    assert all(verdict.seconds > 0 and verdict.peak_memory > 1 for verdict in verdicts)


@pytest.mark.parametrize(
    ("code", "status", "detail"),
    [
        ("def f(): return 1", "passed", ""),
        ("def f(): return 2", "failed", "AssertionError"),
        ("def g(): return 1", "failed", "NameError: the program does not define 'f'"),
        ("def f(: return 1", "failed", "SyntaxError: "),
        ("def f(): return 1/0", "failed", "ZeroDivisionError: division by zero"),
        ("def f(): return f()", "failed", "RecursionError: maximum recursion depth exceeded"),
        ("x = 1\0", "failed", "SyntaxError: source code string cannot contain null bytes"),
        ("x = '\ud800'", "failed", "UnicodeEncodeError: "),
        ("raise ValueError('a' * 1000)", "failed", "ValueError: aaa"),
        ("x = [0] * 10**9", "out_of_memory", "MemoryError"),
        ("import ctypes\nctypes.string_at(0)", "crashed", "killed by SIGSEGV"),
        ("import os\nos.abort()", "crashed", "killed by "),
        ("while True: pass", "timeout", "more than 1 s of CPU time"),
    ],
)
def test_says_what_happened(sandbox: Sandbox, code: str, status: str, detail: str) -> None:
    verdict = call(sandbox, code)
    assert verdict.status == status
    assert verdict.detail.startswith(detail)
    assert len(verdict.detail) <= 200


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nsys.exit(0)",
        "import os\nos._exit(0)",
        "raise SystemExit",
        "def f(): raise SystemExit(0)",
        "import os\ndef f(): os._exit(0)",
        "print('passed')\nprint('{\"status\": \"passed\"}')",
        "import os\nfor fd in range(64):\n    try: os.write(fd, b'passed\\n')\n"
        "    except OSError: pass",
        "def check(candidate): pass\nf = 1\nimport builtins\nbuiltins.exec = lambda *a: None",
        "def check(candidate): pass\ndef f(): return 2",
        "import os\nos._exit = os.write = print\ndef f(): return 2",
        "import json\njson.dumps = lambda x: 'passed'\ndef f(): return 2",
    ],
)
def test_a_pass_cannot_be_claimed_by_leaving_or_printing(sandbox: Sandbox, code: str) -> None:
    assert call(sandbox, code).status == "failed"


def test_the_entry_point_may_be_called_check(sandbox: Sandbox) -> None:
    assert sandbox.run(Program("def check(): return 1", TEST, "check")).status == "passed"
    assert sandbox.run(Program("def check(): return 2", TEST, "check")).status == "failed"


def test_a_program_without_test_passes_when_it_ends(sandbox: Sandbox) -> None:
    assert sandbox.run(Program("x = 1")).status == "passed"
    assert sandbox.run(Program("assert __name__ == '__main__'")).status == "passed"
    assert sandbox.run(Program("raise SystemExit(0)")).status == "failed"


def test_cpu_time_below_a_second_is_judged() -> None:
    with Sandbox(Limits(seconds=0.2), workers=1) as sandbox:
        verdict = sandbox.run(Program("while True: pass"))
        assert sandbox.run(Program("x = 1")).status == "passed"
    assert verdict.status == "timeout"
    assert 0.2 <= verdict.seconds < 0.6


def test_waiting_is_judged_by_the_clock() -> None:
    with Sandbox(Limits(seconds=0.2), workers=1) as sandbox:
        verdict = sandbox.run(Program("import time\ntime.sleep(60)"))
    assert verdict.status == "timeout"
    assert verdict.detail == "not done after 0.2 s, mostly of waiting"
    assert verdict.seconds < 0.1


def test_tons_of_output_neither_hang_nor_fail(sandbox: Sandbox) -> None:
    verdict = sandbox.run(Program("for _ in range(3000): print('x' * 1000)"))
    assert verdict.status == "passed"


def test_a_fork_bomb_is_contained(sandbox: Sandbox) -> None:
    before = _processes()
    verdict = sandbox.run(Program("import os\nwhile True: os.fork()"))
    assert verdict.status in ("blocked", "failed", "timeout")
    assert _processes() <= before + 1


def test_no_process_is_left_behind(sandbox: Sandbox, tmp_path: Path) -> None:
    mark = f"{os.getpid()}.{time.monotonic_ns()}"
    code = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60) # {mark}'])\n"
    )
    sandbox.run(Program(code))
    deadline = time.monotonic() + 20
    while (left := [pid for pid in _pids() if mark in _command(pid)]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.05)
    assert not left


def test_a_thread_works_and_is_not_waited_for(sandbox: Sandbox) -> None:
    code = (
        "import threading, time\n"
        "done = []\n"
        "worker = threading.Thread(target=done.append, args=(1,))\n"
        "worker.start(); worker.join()\n"
        "assert done == [1]\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()"
    )
    assert sandbox.run(Program(code)).status == "passed"  # not "timeout", after a second


def test_our_environment_is_not_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "swordfish")
    code = (
        "import os\n"
        "assert set(os.environ) == {'HOME', 'TMPDIR', 'PATH', 'LANG'}, sorted(os.environ)\n"
        "import ctypes\n"
        "assert not ctypes.CDLL(None).getenv(b'A_SECRET')\n"
    )
    with Sandbox(workers=1) as sandbox:
        assert sandbox.run(Program(code)).detail == ""


def test_the_folder_is_empty_every_time_and_gone_afterwards() -> None:
    code = (
        "import os, tempfile\n"
        "assert os.listdir() == [] and os.environ['HOME'] == os.getcwd()\n"
        "open('left', 'w').write('x'); os.mkdir('deep'); tempfile.mkdtemp()\n"
        "raise ValueError(os.getcwd())"
    )
    with Sandbox(workers=1) as sandbox:
        details = [sandbox.run(Program(code + "#" * i)).detail for i in range(3)]
        folder = Path(details[0].removeprefix("ValueError: "))
        assert folder.is_dir()
        assert list(folder.iterdir()) == []
    assert details == [f"ValueError: {folder}"] * 3
    assert not folder.exists()


def test_limits_cannot_be_raised(sandbox: Sandbox) -> None:
    code = "import resource as r\nr.setrlimit(r.RLIMIT_CPU, (r.RLIM_INFINITY, r.RLIM_INFINITY))"
    assert sandbox.run(Program(code)).status in ("blocked", "failed")


def test_files_are_bounded() -> None:
    with Sandbox(Limits(files_mb=1), workers=1) as sandbox:
        verdict = sandbox.run(Program("open('big', 'wb').write(b'x' * (2 << 20))"))
    assert verdict.status == "failed"
    assert "File too large" in verdict.detail


@pytest.mark.parametrize(
    "code",
    [
        "for n in range(200):\n    with open(f'{n}', 'wb') as f: f.write(bytes(1 << 20))",
        "import os\nos.mkdir('d', 0o300)\nfor n in range(200):\n"
        "    with open(f'd/{n}', 'wb') as f: f.write(bytes(1 << 20))",
        "import os\nkept = []\nfor n in range(50):\n    kept.append(open(f'{n}', 'wb'))\n"
        "    os.unlink(f'{n}')\n    kept[-1].write(bytes(1 << 20))\n    kept[-1].flush()",
        "import mmap, os\nkept = []\nfor n in range(50):\n    f = open(f'{n}', 'w+b')\n"
        "    os.unlink(f'{n}')\n    f.write(bytes(1 << 20))\n    f.flush()\n"
        "    kept.append(mmap.mmap(f.fileno(), 4096))\n    f.close()",
    ],
    ids=["many", "in a closed folder", "removed, open", "removed, mapped"],
)
def test_a_disk_cannot_be_filled(code: str) -> None:
    with Sandbox(Limits(files_mb=2), workers=1) as sandbox:
        verdict = sandbox.run(Program(code + "\nwhile True: pass"))
    assert verdict.status == "blocked", verdict


def test_a_file_that_is_read_is_not_cut(tmp_path: Path) -> None:
    """Early Landlock has no right for it; the standard library must stay even so."""
    code = "import json, os\nos.open(json.__file__, os.O_RDONLY | os.O_TRUNC)"
    with Sandbox(workers=1) as sandbox:
        verdict = sandbox.run(Program(code))
    assert "[Errno 1]" in verdict.detail  # refused by seccomp, not by Landlock: that is errno 13


def test_runs_are_repeatable(sandbox: Sandbox) -> None:
    code = "import random\nraise ValueError(random.random(), hash('a'), list({'a', 'b', 'c'}))"
    details = {sandbox.run(Program(code + "#" * i)).detail for i in range(6)}
    assert len(details) == 1


def test_order_is_kept_and_equal_programs_run_once(sandbox: Sandbox) -> None:
    programs = [Program(f"raise ValueError({i % 10})") for i in range(200)]
    verdicts = list(sandbox.run_all(programs))
    assert [v.detail for v in verdicts] == [f"ValueError: {i % 10}" for i in range(200)]
    assert all(verdicts[i] is verdicts[i % 10] for i in range(200))


def test_the_input_is_read_a_bounded_way_ahead(sandbox: Sandbox) -> None:
    read = 0

    def endless() -> Iterator[Program]:
        nonlocal read
        for program in repeat(Program("import time\ntime.sleep(0.2)")):
            read += 1
            yield program

    assert next(sandbox.run_all(endless())).status == "passed"
    assert read <= 2 * 64 + 1


def test_several_threads_may_share_it(sandbox: Sandbox) -> None:
    found: dict[int, str] = {}

    def run(i: int) -> None:
        found[i] = sandbox.run(Program(f"raise ValueError({i})")).detail

    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {i: f"ValueError: {i}" for i in range(8)}


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_dead_worker_is_replaced(sign: signal.Signals, workers: int) -> None:
    with Sandbox(workers=workers) as sandbox:
        for number in range(2):
            for worker in sandbox._workers:
                worker._process.send_signal(sign)
                worker._process.wait()
            assert sandbox.run(Program(f"x = {number}")).status == "passed"


def test_a_dead_checker_is_replaced(sandbox: Sandbox) -> None:
    for _ in range(2):
        assert call(sandbox, "def f(): return 1").status == "passed"
        for worker in sandbox._workers:
            for pid in _children(worker._process.pid):
                os.kill(pid, signal.SIGKILL)
    assert call(sandbox, "def f(): return 2").status == "failed"


def test_it_outlives_the_thread_that_opened_it() -> None:
    sandbox = Sandbox(workers=2)
    opener = threading.Thread(target=sandbox.__enter__)
    opener.start()
    opener.join()
    assert sandbox.run(Program("x = 1")).status == "passed"
    sandbox.close()


@pytest.mark.parametrize("code", ["while True: pass", "import time\ntime.sleep(60)"])
def test_closing_does_not_wait_for_a_program(code: str) -> None:
    with Sandbox(Limits(seconds=10), workers=1) as sandbox:
        verdict = sandbox._submit(Program(code))
        while not verdict.running():
            time.sleep(0.01)
    assert verdict.result().status == "crashed"  # ended from outside, not by its limit


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from steadycode.sandbox import Program, Sandbox\n"
        "sandbox = Sandbox(workers=2).__enter__()\n"
        "print(*(w._process.pid for w in sandbox._workers), flush=True)\n"
        "sandbox._submit(Program('while True: pass'))\n"
        "import time; time.sleep(0.3)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    workers = [int(pid) for pid in done.stdout.split()]
    assert len(workers) == 2
    deadline = time.monotonic() + 5
    while any(map(_is_running, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_is_running, workers))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_an_evaluator_that_ends_thread_by_thread_leaves_no_folder(tmp_path: Path) -> None:
    code = (
        "import os, signal, threading, time\n"
        "from steadycode.sandbox import Sandbox\n"
        "sandbox = Sandbox(workers=2)\n"
        "opener = threading.Thread(target=sandbox.__enter__)\n"
        "opener.start()\n"
        "opener.join()\n"
        "time.sleep(0.3)\n"  # the workers know that their thread has ended, and no more
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=False, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    deadline = time.monotonic() + 5
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(tmp_path.iterdir())


def test_a_killed_worker_leaves_no_folder() -> None:
    with Sandbox(workers=1) as sandbox:
        sandbox._workers[0]._process.kill()
        assert sandbox.run(Program("x = 1")).status == "passed"
        assert sandbox._folder is not None
        assert os.listdir(sandbox._folder) == [str(sandbox._workers[0]._process.pid)]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux chooses what to end by a score")
def test_the_kernel_ends_a_program_before_its_evaluator() -> None:
    with Sandbox(Limits(seconds=10), workers=1) as sandbox:
        verdict = sandbox._submit(Program("import time\ntime.sleep(60)"))
        worker = sandbox._workers[0]._process.pid
        while len(_children(worker)) < 3:  # the zygote, the checker and the program
            time.sleep(0.01)
        scores = {pid: Path(f"/proc/{pid}/oom_score_adj").read_text() for pid in _children(worker)}
        assert set(scores.values()) == {"1000\n"}
        os.kill(max(scores), signal.SIGKILL)  # as the kernel does
        assert verdict.result().status == "out_of_memory"
        own = Path("/proc/self/oom_score_adj").read_text()
        assert Path(f"/proc/{worker}/oom_score_adj").read_text() == own


def test_bad_use_is_one_clear_line(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="workers=0: at least one is needed"):
        Sandbox(workers=0)
    with pytest.raises(SandboxError, match="limits must be positive"):
        Sandbox(Limits(seconds=0))
    with pytest.raises(SandboxError, match="use it in a with block"):
        Sandbox().run(Program("x = 1"))
    assert sandbox.missing == {}


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _processes() -> int:
    """Processes that run the sandbox's worker, forks included."""
    return sum("sandbox/worker.py" in _command(pid) for pid in _pids())


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_a_program_is_the_same_in_the_background() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell starts what ends in &
    try:
        with Sandbox(workers=1) as sandbox:
            code = "import signal\nassert signal.getsignal(2) is signal.default_int_handler\n"
            assert sandbox.run(Program(code)).status == "passed"
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_folder_that_a_worker_has_removed_already_is_no_error() -> None:
    sandbox = Sandbox(workers=1)
    with sandbox:
        folder = Path(str(sandbox._folder))
        for worker in sandbox._workers:
            worker.kill()
        folder.rmdir()
    assert not folder.exists()
