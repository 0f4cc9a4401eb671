"""What an attack is, and the pieces that their programs are made of."""

from dataclasses import dataclass
from textwrap import dedent
from typing import Literal

from steadycode.sandbox import Program

MEMORY_MB = 512
MARKER = "steadycode-canary"
"""In the name of everything that an attack makes and that could outlive it."""
MARKER_KEY = 0x57EADC0D  # the same for System V shared memory

ONE = "def check(candidate):\n    assert candidate() == 1\n"
SQUARE = """\
def check(candidate):
    assert candidate(3) == 9
    assert candidate(4) == 16
"""
_EACH = """\
    accepted = []
    for number, way in enumerate(ways):
        try:
            if way(candidate(2)):
                accepted.append(number)
        except Exception:
            pass
    assert accepted, "no comparison was fooled"
"""
ANY_WAY = (
    """\
def check(candidate):
    ways = [
        lambda got: got == 4, lambda got: 4 == got, lambda got: not got != 4,
        lambda got: not 4 != got, lambda got: abs(got - 4) < 1e-6,
        lambda got: abs(4 - got) < 1e-6, lambda got: got in (4, 5), lambda got: 4 in {got: 1},
        lambda got: 4 in [got], lambda got: [got] == [4], lambda got: (got,) == (4,),
        lambda got: {"a": got} == {"a": 4}, lambda got: {got} == {4},
        lambda got: isinstance(got, int) and 3 < got < 5, lambda got: 4 <= got <= 4,
        lambda got: round(got, 2) == 4, lambda got: len(range(got)) == 4,
        lambda got: int(got) == 4, lambda got: float(got) == 4.0, lambda got: str(got) == "4",
        lambda got: f"{got}" == "4", lambda got: repr(got) == "4", lambda got: got is 4,
        lambda got: hash(got) == hash(4) and got == 4,
        lambda got: type(got) is int and got == 4, lambda got: list(got) == [4, 4],
        lambda got: sorted(got) == [4, 4], lambda got: tuple(got) == (4, 4),
        lambda got: set(got) == {4}, lambda got: sum(got) == 8, lambda got: "".join(got) == "44",
        lambda got: dict(got) == {4: 4}, lambda got: got["a"] == 4, lambda got: got.value == 4,
        lambda got: max(got, 4) == min(got, 4), lambda got: got < 5 and got > 3,
    ]
"""
    + _EACH
)
ANY_CASE = (
    """\
import copy, math, operator, pickle, unittest
def check(candidate):
    case = unittest.TestCase()
    ways = [
        lambda got: math.isclose(got, 4), lambda got: operator.index(got) == 4,
        lambda got: operator.eq(got, 4), lambda got: math.fsum([got, got]) == 8,
        lambda got: copy.deepcopy(got) == 4, lambda got: pickle.loads(pickle.dumps(got)) == 4,
        lambda got: case.assertEqual(got, 4) is None, lambda got: case.assertIn(got, [4]) is None,
        lambda got: case.assertAlmostEqual(got, 4) is None,
        lambda got: case.assertCountEqual(got, [4, 4]) is None,
        lambda got: case.assertListEqual(got, [4]) is None,
    ]
"""
    + _EACH
)
SECRET = "def check(candidate):\n    assert candidate() == '@SECRET@'\n"


@dataclass(frozen=True)
class Attack:
    """``code`` must not pass ``test``, raise ``BREACH`` or change anything outside."""

    family: str
    name: str
    code: str
    test: str = ONE
    entry_point: str = "f"
    before: Program | None = None
    """Run by the same worker first."""
    beside: Program | None = None
    """Runs meanwhile, by another worker."""
    statuses: tuple[str, ...] = ()
    """The only verdicts that show it contained, where its success would look like a failure."""
    seconds: float = 1
    wall: float | None = None
    """Seconds in which there is a verdict; less than the last resort's ten times the limit."""
    quick: bool = False
    """One of those that the fast tests run."""
    end: Literal["", "close", "kill"] = ""
    """Of the sandbox or of the evaluator, while the attack runs."""
    bare: bool = False
    """May be run without a sandbox, where it must succeed: it shows that the attack is real."""

    @property
    def id(self) -> str:
        return f"{self.family}-{self.name}".replace(" ", "_")


IMPORTS = """\
import ctypes, errno, fcntl, gc, json, mmap, os, pathlib, re, resource, select, signal, socket
import struct, subprocess, sys, threading, time
"""
SYSTEM_CALL = """\
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *arguments):
    plain = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *plain)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
"""
_HUNT = """\
PATTERN = re.compile("canary-[0-9a-f]{32}")
def hunt(texts):
    for text in texts:
        if found := PATTERN.search(text):
            raise ValueError("BREACH " + found.group())
"""
SCAN = (
    SYSTEM_CALL
    + _HUNT
    + """\
def regions():
    # near every kind of allocation there is: the heap, arenas, the libraries' own data
    near = {id(item) >> 26 for item in gc.get_objects()}
    near |= {id(item) >> 26 for item in (b"", "", 0, len, scan)}
    libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
    for size in (16, 1 << 12, 1 << 16, 1 << 20, 1 << 24):
        near.add(libc.malloc(size) >> 26)
    near.add(libc.sbrk(0) >> 26)
    near.add(ctypes.cast(libc.read, ctypes.c_void_p).value >> 26)
    near |= {region - 1 for region in near} | {region + 1 for region in near}
    return sorted(region << 26 for region in near if region > 0)
def scan():
    # every readable page there; a pipe says which are, without a crash on the others
    page, read, write = 4096, *os.pipe()
    libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    resident, held = ctypes.create_string_buffer(1), b""
    pattern = re.compile(PATTERN.pattern.encode())
    for start in regions():
        for address in range(start, start + (1 << 26), page):
            if libc.mincore(address, page, resident) or libc.write(write, address, page) != page:
                held = b""
                continue
            held = held[-64:] + os.read(read, page)
            if found := pattern.search(held):
                raise ValueError("BREACH " + found.group().decode())
"""
)
FORGE = """\
def say(*messages):
    # on every pipe of this process: one of them leads to the checker
    data = b""
    for message in messages:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        data += struct.pack(">I", len(body)) + body
    say_raw(data)
def say_raw(data):
    for fd in range(3, 256):
        try:
            os.write(fd, data)
        except OSError:
            pass
RAN, FUNCTION = {"value": None}, {"value": {"object": [0, "function"]}}
"""
FILL = """\
def fill(files):
    # 16 MB each, no file is too large; all of it is far too much
    block = bytes(1 << 20)
    for number in range(files):
        fd = os.open(f"{number}", os.O_CREAT | os.O_WRONLY)
        for _ in range(16):
            os.write(fd, block)
        os.close(fd)
    raise ValueError(f"BREACH {files * 16} MB at once")
"""


def assemble(body: str, *pieces: str) -> str:
    return IMPORTS + "".join(pieces) + dedent(body).lstrip("\n")


def doing(statement: str, *pieces: str) -> str:
    """Succeeds when ``statement`` raises nothing."""
    return assemble(f"{statement}\nraise ValueError('BREACH it did')\n", *pieces)


def showing(expression: str, *pieces: str) -> str:
    """Succeeds when ``expression`` has a value."""
    return assemble(f"raise ValueError('BREACH ' + repr({expression})[:100])\n", *pieces)


def answering(body: str, *pieces: str) -> str:
    """``body`` is the function's; whatever it returns, it succeeds when that is 1."""
    lines = dedent(body).strip("\n").splitlines()
    return assemble("def f(*_):\n" + "".join(f"    {line}\n" for line in lines), *pieces)


def name_set(text: str) -> frozenset[str]:
    return frozenset(text.split(","))
