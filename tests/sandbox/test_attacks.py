"""The attacks of ``attacks.py``, a test each: as this user and, where that is root, as nobody.

A few quick ones run always, all of them with the slow tests.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from attacks import ATTACKS
from hostile.attack import IMPORTS, MARKER, MARKER_KEY, SCAN, Attack
from hostile.honest import HONEST, Honest
from hostile.outside import Outcome, Outside

import steadycode

NOBODY = 65534
TOLERANCE = 2 << 30  # bytes by which others may change what memory is available meanwhile


def _attacks(always: bool) -> list[object]:
    """As parameters; ``always``: the quick ones also without the slow tests."""
    return [
        pytest.param(
            attack, id=attack.id, marks=() if always and attack.quick else pytest.mark.slow
        )
        for attack in ATTACKS
    ]


def _honest(always: bool) -> list[object]:
    marks = () if always else pytest.mark.slow
    return [pytest.param(honest, id=honest.id, marks=marks) for honest in HONEST]


@pytest.fixture(scope="module")
def memory_before() -> int:
    return int(psutil.virtual_memory().available)


@pytest.fixture(scope="module")
def outside(memory_before: int) -> Iterator[Outside]:
    if sys.platform != "linux":
        pytest.skip("programs are confined on Linux only")
    with Outside() as found:
        yield found


@pytest.mark.parametrize("attack", _attacks(always=True))
def test_contained(outside: Outside, attack: Attack) -> None:
    outcome = outside.run(attack)
    assert not outcome.fault, outcome


@pytest.mark.parametrize("honest", _honest(always=True))
def test_honest_programs_pass(outside: Outside, honest: Honest) -> None:
    outcome = outside.run_honest(honest)
    assert not outcome.fault, outcome


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack", [pytest.param(attack, id=attack.id) for attack in ATTACKS if attack.bare]
)
def test_succeeds_where_nothing_contains_it(outside: Outside, attack: Attack) -> None:
    """What could not succeed anywhere would prove nothing."""
    assert outside.run_bare(attack)


@pytest.mark.slow
def test_the_search_of_memory_finds_what_was_freed(outside: Outside) -> None:
    forgotten = """\
import json
text = json.dumps({"code": "canary" + "-" + os.urandom(16).hex()})
held = [bytearray(text.encode()), text + "x" * 100_000, b"".join([text.encode()] * 3)]
del text, held
scan()
"""
    assert outside.run_bare(Attack("", "", IMPORTS + SCAN + forgotten))


@pytest.mark.slow
@pytest.mark.parametrize("attack", _attacks(always=False))
def test_contained_for_an_ordinary_user(ordinary: dict[str, Outcome], attack: Attack) -> None:
    assert not ordinary[attack.id].fault, ordinary[attack.id]


@pytest.mark.slow
@pytest.mark.parametrize("honest", _honest(always=False))
def test_honest_programs_pass_for_an_ordinary_user(
    ordinary: dict[str, Outcome], honest: Honest
) -> None:
    assert not ordinary[honest.id].fault, ordinary[honest.id]


@pytest.fixture(scope="module")
def ordinary(outside: Outside) -> Iterator[dict[str, Outcome]]:
    """Every outcome, by the attack's name, in a process of a user without any rights."""
    if os.getuid() != 0:
        pytest.skip("this user is an ordinary one: the other tests have shown it")
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="canary-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        interpreter = _copy(folder)
        home = folder / "home"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        done = subprocess.run(
            [str(interpreter), "-B", str(folder / "tests" / "sandbox" / "attacks.py"), "--json"],
            cwd=home,
            env=_environment(folder),
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )
        outcomes = [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]
        assert len(outcomes) == len(ATTACKS) + len(HONEST), done.stderr
        yield {outcome.id: outcome for outcome in outcomes}
        assert not list(home.iterdir())


def _copy(folder: Path) -> Path:
    """What the table needs, where everybody may read it. Returns the interpreter to use: this one
    where nobody may run it, else a copy."""
    shutil.copytree(
        Path(steadycode.__file__).parent,
        folder / "src" / "steadycode",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copytree(Path(__file__).parent, folder / "tests" / "sandbox")
    found = importlib.util.find_spec("pyseccomp")
    if found and found.origin:
        (folder / "packages").mkdir()
        shutil.copy(found.origin, folder / "packages")
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    own, copied = Path(sys.base_prefix, "bin", name), folder / "python" / "bin" / name
    for interpreter in (own, copied):
        if interpreter is copied:
            _copy_interpreter(own, copied)
        if interpreter.exists() and _runs(interpreter, folder):
            return interpreter
    pytest.skip("nobody can run this interpreter, nor a copy of it")


def _copy_interpreter(own: Path, copied: Path) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    copied.parent.mkdir(parents=True)
    (copied.parents[1] / "lib").mkdir()
    # it finds its library by the path where it was built, which nobody may read
    built, moved = os.fsencode(f"{sys.base_prefix}/lib\0"), b"$ORIGIN/../lib"
    program = own.read_bytes()
    if len(moved) < len(built):
        program = program.replace(built, moved.ljust(len(built), b"\0"))
    copied.write_bytes(program)
    copied.chmod(0o755)
    for shared in Path(sys.base_prefix, "lib").glob("libpython*"):
        shutil.copy(shared, copied.parents[1] / "lib")
    shutil.copytree(
        library,
        copied.parents[1] / "lib" / library.name,
        ignore=shutil.ignore_patterns("*-packages", "test", "idlelib", "ensurepip", "__pycache__"),
    )


def _runs(interpreter: Path, folder: Path) -> bool:
    try:
        return not subprocess.run(
            [str(interpreter), "-B", "-c", "import sqlite3"],  # not ours: that must not skip
            cwd="/",
            env=_environment(folder),
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            capture_output=True,
            check=False,
        ).returncode
    except OSError:
        return False


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder / 'packages'}",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "home"),
    }


def test_the_machine_is_as_before(outside: Outside, memory_before: int) -> None:
    """Last in this file: after all the others."""
    folder = Path(tempfile.gettempdir())
    outside.close()
    script = str(Path(steadycode.__file__).parent / "sandbox" / "worker.py")
    assert not [
        process.pid
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE and script in process.cmdline()
    ]
    assert not folder.exists()
    assert not [name for name in os.listdir("/dev/shm") if MARKER in name]
    for path in Path("/proc/sysvipc").glob("*"):
        assert str(MARKER_KEY) not in path.read_text().split()
    assert psutil.virtual_memory().available > memory_before - TOLERANCE
