"""Programs that misbehave on purpose, and what is looked at from outside to see them contained.

    python tests/sandbox/attacks.py

prints, for the current user, how many programs of each family the sandbox contained; the exit code
is 1 when anything got through. An attack says that it succeeded by passing its test or by raising
``BREACH``; whatever it says, canary files, listeners, processes, shared memory and the next
program's surroundings are compared before and after it.

Attacks are data. ``@TMP@``, ``@SECRET@`` and the like stand for what ``Outside`` puts up.
"""

import argparse
import contextlib
import ctypes
import json
import os
import platform
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal, Self

import steadycode
from steadycode.sandbox import Limits, Program, Sandbox, Verdict

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


# ---------------------------------------------------------------- pieces of programs

IMPORTS = """\
import ctypes, errno, fcntl, gc, json, mmap, os, pathlib, re, resource, select, signal, socket
import struct, subprocess, sys, threading, time
"""
_SYSTEM_CALL = """\
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
    _SYSTEM_CALL
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
_FORGE = """\
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
_FILL = """\
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


def _program(body: str, *pieces: str) -> str:
    return IMPORTS + "".join(pieces) + dedent(body).lstrip("\n")


def _do(statement: str, *pieces: str) -> str:
    """Succeeds when ``statement`` raises nothing."""
    return _program(f"{statement}\nraise ValueError('BREACH it did')\n", *pieces)


def _show(expression: str, *pieces: str) -> str:
    """Succeeds when ``expression`` has a value."""
    return _program(f"raise ValueError('BREACH ' + repr({expression})[:100])\n", *pieces)


def _answer(body: str, *pieces: str) -> str:
    """``body`` is the function's; whatever it returns, it succeeds when that is 1."""
    lines = dedent(body).strip("\n").splitlines()
    return _program("def f(*_):\n" + "".join(f"    {line}\n" for line in lines), *pieces)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split(","))


# ---------------------------------------------------------------- files

_READ = {
    "passwd": "open('/etc/passwd').read()",
    "shadow": "open('/etc/shadow').read()",
    "secret in tmp": "open('@TMP@/secret').read()",
    "secret in home": "open('@HOME@/secret').read()",
    "secret in the project": "open('@PROJECT@/secret').read()",
    "the package's source": "open('@PACKAGE@/errors.py').read()",
    "the package by import": "sys.path.insert(0, '@PACKAGE@/..') or __import__('steadycode')",
    "a module beside": "sys.path.insert(0, '@TMP@') or __import__('secret_module').SECRET",
    "init's environment": "open('/proc/1/environ', 'rb').read()",
    "own environment": "open('/proc/self/environ', 'rb').read()",
    "own memory map": "open('/proc/self/maps').read()",
    "own memory": "open('/proc/self/mem', 'rb+').fileno()",
    "own descriptors": "os.listdir('/proc/self/fd')",
    "the parent's memory": "open(f'/proc/{os.getppid()}/mem', 'rb').fileno()",
    "the parent's environment": "open(f'/proc/{os.getppid()}/environ', 'rb').read()",
    "the parent's maps": "open(f'/proc/{os.getppid()}/maps').read()",
    "the parent's descriptors": "os.listdir(f'/proc/{os.getppid()}/fd')",
    "the checker's memory": "open(f'/proc/{os.getpid() + 1}/mem', 'rb').fileno()",
    "through proc root": "open('/proc/self/root/etc/passwd').read()",
    "through proc cwd": "open('/proc/self/cwd/../../../../../etc/passwd').read()",
    "through a symbolic link": "os.symlink('@TMP@/secret', 'way') or open('way').read()",
    "through a linked folder": "os.symlink('@TMP@', 'way') or open('way/secret').read()",
    "through a hard link": "os.link('@TMP@/secret', 'way') or open('way').read()",
    "by a relative path": "open(os.path.relpath('@TMP@/secret')).read()",
    "after chdir": "os.chdir('@TMP@') or open('secret').read()",
    "after fchdir": "os.fchdir(os.open('@TMP@', os.O_PATH)) or open('secret').read()",
    "beneath a folder's descriptor": (
        "open(os.open('secret', os.O_RDONLY, dir_fd=os.open('@TMP@', os.O_PATH))).read()"
    ),
    "through a path descriptor": "os.read(os.open('@TMP@/secret', os.O_PATH), 99)",
    "path descriptor opened anew": (
        "open('/proc/self/fd/%d' % os.open('@TMP@/secret', os.O_PATH)).read()"
    ),
    "moved into the folder": "os.rename('@TMP@/secret', 'here') or open('here').read()",
    "list the root": "os.listdir('/')",
    "list tmp": "os.listdir('@TMP@')",
    "list home": "os.listdir('@HOME@')",
    "list the outer folder": "os.listdir('..')",
    "list proc": "os.listdir('/proc')",
    "list what is installed": "os.listdir(os.path.dirname(os.__file__) + '/site-packages')",
    "the kernel's messages": "open('/dev/kmsg').fileno()",
    "the disk": "[open(p, 'rb') for p in ('/dev/vda', '/dev/sda', '/dev/nvme0n1')]",
    "the terminal": "open('/dev/tty').fileno()",
    "mapped": "mmap.mmap(os.open('@TMP@/secret', os.O_RDONLY), 0, prot=mmap.PROT_READ)[:]",
    "copied by the kernel": (
        "os.copy_file_range(os.open('@TMP@/secret', 0), os.open('x', os.O_CREAT | os.O_RDWR), 9)"
    ),
    "by sqlite": "__import__('sqlite3').connect('@TMP@/data.db').execute('pragma table_list')"
    ".fetchall()",
    "by file handle": "call(303, -100, b'@TMP@/secret', bytes(200), bytes(8), 0)",
}
_BARE_READS = _names(
    "passwd,secret in tmp,secret in home,a module beside,own memory map,through a symbolic link,"
    "through a linked folder,by a relative path,after chdir,beneath a folder's descriptor,list tmp,"
    "list the root,mapped,by sqlite,path descriptor opened anew"
)
_CHANGE = {
    "write": "open('@TMP@/secret', 'w')",
    "append": "open('@TMP@/secret', 'a').write('x')",
    "write in home": "open('@HOME@/secret', 'r+').write('x')",
    "write in the project": "open('@PROJECT@/secret', 'r+').write('x')",
    "new file in tmp": "open('@TMP@/new', 'w')",
    "new file in home": "open('@HOME@/new', 'w')",
    "new file in the project": "open('@PROJECT@/new', 'w')",
    "new file beside": "open('../new', 'w')",
    "new file in var tmp": "open('/var/tmp/@MARKER@', 'w')",
    "through a symbolic link": "os.symlink('@TMP@/secret', 'way'); open('way', 'w')",
    "truncate by name": "os.truncate('@TMP@/secret', 0)",
    "truncate a path descriptor": "os.ftruncate(os.open('@TMP@/secret', os.O_PATH), 0)",
    "open to truncate": "os.open('@TMP@/secret', os.O_RDONLY | os.O_TRUNC)",
    "map writably": "mmap.mmap(os.open('@TMP@/secret', os.O_RDWR), 0)[0] = 120",
    "rename": "os.rename('@TMP@/secret', '@TMP@/other')",
    "rename over": "open('x', 'w').close(); os.rename('x', '@TMP@/secret')",
    "rename out": "open('x', 'w').close(); os.rename('x', '@TMP@/new')",
    "rename its own folder": "os.rename(os.getcwd(), os.getcwd() + 'x')",
    "remove its own folder": "os.rmdir(os.getcwd())",
    "exchange": "open('x', 'w').close(); call(316, -100, b'x', -100, b'@TMP@/secret', 2)",
    "unlink": "os.unlink('@TMP@/secret')",
    "remove a folder": "os.rmdir('@TMP@/folder')",
    "chmod": "os.chmod('@TMP@/secret', 0o777)",
    "chmod by descriptor": "call(91, os.open('@TMP@/secret', os.O_PATH), 0o777)",
    "chmod newly": "call(452, -100, b'@TMP@/secret', 0o777, 0)",
    "chmod its own folder": "os.chmod('.', 0)",
    "chmod its own file": "open('x', 'w').close(); os.chmod('x', 0o4755)",
    "chown": "os.chown('@TMP@/secret', os.getuid(), os.getgid())",
    "lchown": "os.lchown('@TMP@/secret', 1, 1)",
    "utime": "os.utime('@TMP@/secret', (1, 1))",
    "utime by folder": "os.utime('secret', (1, 1), dir_fd=os.open('@TMP@', os.O_PATH))",
    "set an attribute": "os.setxattr('@TMP@/secret', 'user.x', b'x')",
    "make a folder": "os.mkdir('@TMP@/new')",
    "make a symbolic link": "os.symlink('x', '@TMP@/new')",
    "make a hard link inside": "os.link('@TMP@/secret', 'x')",
    "make a hard link outside": "open('x', 'w').close(); os.link('x', '@TMP@/new')",
    "make a pipe": "os.mkfifo('@TMP@/new')",
    "make a device": "os.mknod('null', 0o20666, os.makedev(1, 3)); open('null')",
    "make a socket": "os.mknod('@TMP@/new', 0o140666)",
    "a nameless file outside": "os.open('@TMP@', os.O_TMPFILE | os.O_RDWR)",
    "a database outside": "__import__('sqlite3').connect('@TMP@/new').execute('create table t(a)')",
    "the standard library": "open(os.__file__, 'r+')",
    "the library's cache": "open(json.__cached__, 'r+')",
    "a new module in the library": "open(os.path.dirname(os.__file__) + '/@MARKER@.py', 'w')",
    "shared memory": "open('/dev/shm/@MARKER@', 'w')",
    "its own killing order": "open('/proc/self/oom_score_adj', 'w').write('-1000')",
    "the parent's killing order": "open(f'/proc/{os.getppid()}/oom_score_adj', 'w')",
    "the parent's memory": "open(f'/proc/{os.getppid()}/mem', 'wb')",
    "the kernel's settings": "open('/proc/sys/kernel/core_pattern', 'a')",
    "control groups": "os.mkdir('/sys/fs/cgroup/@MARKER@')",
    "a mount": "call(165, b'none', b'.', b'tmpfs', 0, 0)",
    "another root": "os.chroot('.')",
}
_BARE_CHANGES = _names(
    "new file in tmp,append,rename out,rename over,make a folder,make a symbolic link,utime,chmod,"
    "make a hard link inside,make a pipe,truncate by name,map writably,open to truncate,"
    "a database outside"
)


def _files() -> Iterator[Attack]:
    for name, expression in _READ.items():
        yield Attack(
            "reading files",
            name,
            _show(expression, _SYSTEM_CALL),
            quick=name in {"secret in tmp", "the parent's memory"},
            bare=name in _BARE_READS,
        )
    for name, statement in _CHANGE.items():
        yield Attack(
            "changing files",
            name,
            _do(statement, _SYSTEM_CALL),
            quick=name in {"append", "chmod"},
            bare=name in _BARE_CHANGES,
        )


# ---------------------------------------------------------------- network

_NETWORK = {
    "tcp": "socket.create_connection(('127.0.0.1', @TCP@)).send(b'x')",
    "tcp six": "socket.socket(socket.AF_INET6)",
    "udp": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @UDP@))",
    "tcp by descriptor": (
        "call(42, call(41, 2, 1, 0), struct.pack('=HHI8x', 2, @TCPN@, 16777343), 16)"
    ),
    "a socket's path": "socket.socket(socket.AF_UNIX).connect('@TMP@/stream')",
    "a datagram socket's path": (
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', '@TMP@/datagram')"
    ),
    "an abstract socket": "socket.socket(socket.AF_UNIX).connect('\\0@ABSTRACT@')",
    "out of a pair by path": (
        "socket.socketpair(type=socket.SOCK_DGRAM)[0].sendto(b'x', '@TMP@/datagram')"
    ),
    "out of a pair by connecting": ("pair = socket.socketpair(); pair[0].connect('\\0@ABSTRACT@')"),
    "descriptors over a pair": (
        "pair = socket.socketpair(); socket.send_fds(pair[0], [b'x'], [0])"
    ),
    "serving": "socket.create_server(('127.0.0.1', 0))",
    "raw": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "vsock": "socket.socket(socket.AF_VSOCK)",
    "kernel cryptography": "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)",
    "names": "socket.getaddrinfo('localhost', 80)",
    "names by libc": "assert libc.gethostbyname(b'localhost')",
    "http": "__import__('urllib.request').request.urlopen('http://127.0.0.1:@TCP@', timeout=1)",
    "asyncio": """\
import asyncio
asyncio.run(asyncio.open_connection('127.0.0.1', @TCP@))""",
    "a descriptor that is there": """\
for fd in range(256):
    try:
        kind = socket.socket(fileno=os.dup(fd))
        break
    except OSError:
        pass
else:
    raise PermissionError('no descriptor is a socket')""",
}
_BARE_NETWORK = _names(
    "tcp,udp,a socket's path,a datagram socket's path,an abstract socket,out of a pair by path,"
    "serving,asyncio,descriptors over a pair"
)


def _network() -> Iterator[Attack]:
    for name, statement in _NETWORK.items():
        yield Attack(
            "network",
            name,
            _do(statement, _SYSTEM_CALL),
            quick=name in {"tcp", "an abstract socket"},
            bare=name in _BARE_NETWORK,
        )


# ---------------------------------------------------------------- processes and the kernel

_CHILD = "if pid == 0:\n    time.sleep(20)\n    os._exit(0)"
_PROCESSES = {
    "fork": f"pid = os.fork()\n{_CHILD}",
    "forkpty": f"pid, _ = os.forkpty()\n{_CHILD}",
    "fork by libc": f"pid = libc.fork()\nassert pid >= 0, 'no fork'\n{_CHILD}",
    "fork by number": f"pid = call(57)\n{_CHILD}",
    "vfork by number": "pid = call(58)\nif pid == 0:\n    os._exit(0)",
    "clone by number": f"pid = call(56, 17, 0, 0, 0, 0)\n{_CHILD}",
    "clone with shared memory": """\
pid = call(56, 0x4100 | 17, 0, 0, 0, 0)
if pid == 0:
    os._exit(0)""",
    "clone as the parent's child": f"pid = call(56, 0x8000 | 17, 0, 0, 0, 0)\n{_CHILD}",
    "clone3": f"pid = call(435, struct.pack('4xI3QQ3Q', 0, 0, 0, 0, 17, 0, 0, 0), 64)\n{_CHILD}",
    "fork for 32 bits": f"""\
area = mmap.mmap(-1, 4096, prot=7)
area.write(bytes.fromhex('b802000000cd80c3'))
address = ctypes.addressof(ctypes.c_char.from_buffer(area))
pid = ctypes.CFUNCTYPE(ctypes.c_int)(address)()
assert pid >= 0, pid
{_CHILD}""",
    "fork of the x32 kind": f"pid = call(0x40000000 | 57)\n{_CHILD}",
    "posix_spawn": "os.posix_spawn('/bin/sleep', ['sleep', '20'], {})",
    "subprocess": "subprocess.Popen(['/bin/sleep', '20'])",
    "system": "assert os.system('true') == 0, 'no shell'",
    "popen": "assert os.popen('echo x').read(), 'no shell'",
    "multiprocessing": """\
import multiprocessing
multiprocessing.get_context('fork').Process(target=time.sleep, args=(20,)).start()""",
    "multiprocessing by spawn": """\
import multiprocessing
multiprocessing.get_context('spawn').Process(target=time.sleep, args=(20,)).start()""",
    "process pool": """\
import concurrent.futures
concurrent.futures.ProcessPoolExecutor(1).submit(time.sleep, 20).exception(1)""",
    "daemon": """\
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(20)
    os._exit(0)
os.wait()""",
}
_EXEC = {
    "exec": "os.execv('/bin/sleep', ['sleep', '20'])",
    "exec of Python": "os.execv(sys.executable, ['python', '-c', 'import time; time.sleep(9)'])",
    "exec through the loader": (
        "os.execv('/lib64/ld-linux-x86-64.so.2', ['ld.so', '/bin/sleep', '20'])"
    ),
    "exec of memory": """\
fd = os.memfd_create('@MARKER@')
os.write(fd, open('/bin/sleep', 'rb').read())
os.execve(fd, ['sleep', '20'], {})""",
    "execveat": "call(322, -100, b'/bin/sleep', 0, 0, 0)",
}
_KERNEL = {
    "ptrace me": "call(101, 0, 0, 0, 0)",
    "ptrace attach": "call(101, 16, os.getppid(), 0, 0)",
    "ptrace seize": "call(101, 0x4206, os.getppid(), 0, 0)",
    "read the parent": "call(310, os.getppid(), 0, 0, 0, 0, 0)",
    "read the checker": "call(310, os.getpid() + 1, 0, 0, 0, 0, 0)",
    "write the parent": "call(311, os.getppid(), 0, 0, 0, 0, 0)",
    "compare with the parent": "call(312, os.getpid(), os.getppid(), 1, 0, 0)",
    "the parent's descriptors": "call(438, call(434, os.getppid(), 0), 0, 0)",
    "a descriptor of the parent": "call(434, os.getppid(), 0)",
    "io_uring": "call(425, 8, ctypes.create_string_buffer(120))",
    "bpf": "call(321, 0, ctypes.create_string_buffer(120), 120)",
    "perf": "call(298, ctypes.create_string_buffer(120), 0, -1, -1, 0)",
    "user faults": "call(323, 1)",
    "keys": "call(248, b'user', b'@MARKER@', b'x', 1, -2)",
    "keyrings": "call(250, 0, -3, 0)",
    "unshare": "call(272, 0x10000000)",
    "unshare nothing": "call(272, 0)",
    "enter a namespace": "call(308, 0, 0)",
    "become another user": "call(105, os.getuid())",
    "become another group": "call(106, os.getgid())",
    "other groups": "call(116, 0, 0)",
    "capabilities": "call(126, struct.pack('Ii', 0x20080522, 0), bytes(24))",
    "a session of its own": "call(112)",
    "a group of its own": "call(109, 0, 0)",
    "other processors": "os.sched_setaffinity(0, os.sched_getaffinity(0))",
    "priority": "os.nice(0)",
    "another scheduler": "os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))",
    "input priority": "call(251, 1, 0, 0)",
    "personality": "call(135, 0)",
    "another filter": "call(317, 1, 0, ctypes.create_string_buffer(16))",
    "a ruleset": "call(444, 0, 0, 1)",
    "watching files": "call(253)",
    "watching the file system": "call(300, 0, 0)",
    "memory as a file": "os.memfd_create('@MARKER@')",
    "secret memory": "call(447, 0)",
    "locked memory": "call(149, 0, 0)",
    "System V memory": "call(29, @KEY@, 4096, 0o1600)",
    "System V semaphores": "call(64, @KEY@, 1, 0o1600)",
    "System V messages": "call(68, @KEY@, 0o1600)",
    "POSIX messages": "call(240, b'@MARKER@', 0x42, 0o600, 0)",
    "POSIX shared memory": """\
from multiprocessing import shared_memory
shared_memory.SharedMemory('@MARKER@', create=True, size=1 << 20)""",
    "a kernel timer": "call(222, 0, 0, bytes(8))",
    "a timer's descriptor": "call(283, 0, 0)",
    "a signals' descriptor": "call(289, -1, bytes(8), 8, 0)",
    "the clock": "time.clock_settime(time.CLOCK_REALTIME, time.time())",
    "the host's name": "socket.sethostname(socket.gethostname())",
    "accounting": "call(163, 0)",
    "quotas": "call(179, 0, 0, 0, 0)",
    "the kernel's log": "call(103, 10, 0, 0)",
    "modules": "call(175, 0, 0, 0)",
    "reboot": "call(169, 0, 0, 0, 0)",  # without the numbers that make it one
    "ports": "call(172, 0, 0, 0)",
    "a process's policy of memory": "call(237, 0, 0, 0)",
    "splice": "pipe = os.pipe(); call(275, 0, 0, pipe[1], 0, 1, 0)",
    "the parent's limits": "resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
    "a processor's own registers": "call(154, 0, 0, 0)",
}
_LIMITS = {
    "more CPU time": "resource.setrlimit(resource.RLIMIT_CPU, (99, 99))",
    "less CPU time": "resource.setrlimit(resource.RLIMIT_CPU, (1, 1))",
    "more memory": "resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))",
    "more open files": "resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))",
    "larger files": "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))",
    "core files": "resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))",
    "by prlimit": "resource.prlimit(0, resource.RLIMIT_AS, (-1, -1))",
}


def _processes() -> Iterator[Attack]:
    for name, statement in _PROCESSES.items():
        quick = name in {"fork", "subprocess"}
        yield Attack("processes", name, _do(statement, _SYSTEM_CALL), quick=quick)
    for name, statement in _EXEC.items():
        code = _do(statement, _SYSTEM_CALL)
        yield Attack("processes", name, code, statuses=("blocked", "failed"))
    refused = "{errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ESRCH}"
    for name, statement in _KERNEL.items():
        body = "\n".join(f"    {line}" for line in statement.splitlines())
        # any other error means that the kernel looked at what was asked
        code = _program(
            f"try:\n{body}\nexcept OSError as error:\n"
            f"    if error.errno in {refused}:\n        raise\n"
            "    raise ValueError(f'BREACH only {error}')\n"
            "raise ValueError('BREACH it did')\n",
            _SYSTEM_CALL,
        )
        yield Attack("kernel", name, code, quick=name in {"io_uring", "ptrace attach"})
    for name, statement in _LIMITS.items():
        yield Attack("limits", name, _do(statement))


# ---------------------------------------------------------------- memory, time, output

_MEMORY = {
    "list": "held = [0] * 10**8\nwhile len(held) < 10**10:\n    held += held\nreturn 1",
    "bytearray": "held = bytearray(4 << 30)\nreturn 1",
    "many small ones": "held = [bytes(1000) for _ in range(4_000_000)]\nreturn 1",
    "swallowed errors": """\
held = []
while len(held) < 4096:
    try:
        held.append(bytearray(1 << 20))
    except MemoryError:
        pass
return 1""",
    "anonymous map": "held = mmap.mmap(-1, 4 << 30)\nreturn 1",
    "many maps": "held = [mmap.mmap(-1, 64 << 20) for _ in range(64)]\nreturn 1",
    "map of zeros": "held = mmap.mmap(os.open('/dev/zero', 0), 4 << 30, prot=1)\nreturn 1",
    "integer": "held = 1 << (32 << 30)\nreturn 1",
    "string": "held = 'x' * (4 << 30)\nreturn 1",
    "joined": "held = ','.join(['x' * 10**6] * 5000)\nreturn 1",
    "decompressed": """\
import zlib
held = zlib.decompress(zlib.compress(bytes(200 << 20), 1) )
return len([bytes(held) + b'x' for _ in range(20)]) // 20""",
    "memory as a file": """\
fd = os.memfd_create('@MARKER@')
os.ftruncate(fd, 4 << 30)
return 1""",
    "threads' stacks": """\
threading.stack_size(256 << 20)
for _ in range(16):
    threading.Thread(target=time.sleep, args=(9,), daemon=True).start()
return 1""",
    "by C": """\
libc.malloc.restype = ctypes.c_void_p
held = [libc.malloc(64 << 20) for _ in range(64)]
return int(all(held))""",
    "pipes": """\
held = [os.pipe() for _ in range(2000)]
return 1""",
    "answer": "return ['x' * 10**6] * 10**4",
    "exception": "raise ValueError('x' * (400 << 20))",
    "arguments of an exception": "raise ValueError(*['x' * 100] * 10**7)",
    "at import": None,
}
_CPU = {
    "loop": "while True:\n    pass",
    "loop that catches all": """\
while True:
    try:
        while True:
            pass
    except BaseException:
        pass""",
    "regular expression": "re.match(r'(a+)+$', 'a' * 64 + 'b')",
    "power": "3 ** 10**9",
    "digits": "sys.set_int_max_str_digits(0)\nreturn len(str(7 ** 10**7))",
    "sum in C": "sum(range(10**12))",
    "sort in C": "while True: sorted(range(10**6), key=lambda n: -n)",
    "threads": """\
for _ in range(8):
    threading.Thread(target=exec, args=('while True: pass',)).start()""",
    "threads beside a sleeper": """\
threading.Thread(target=exec, args=('while True: pass',), daemon=True).start()
time.sleep(60)""",
    "signals ignored": """\
for number in (signal.SIGXCPU, signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGVTALRM):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    pass""",
    "in the kernel": """\
zeros = os.open('/dev/zero', os.O_RDONLY)
while True:
    os.read(zeros, 1 << 26)""",
    "decimal": "import decimal\ndecimal.getcontext().prec = 10**8\nreturn decimal.Decimal(2).exp()",
    "hashes that collide": "return len({n * (2**61 - 1) for n in range(10**6)})",
    "endless answer": "while True:\n    yield 0",
    "main thread left": """\
threading.Thread(target=exec, args=('while True: pass',)).start()
libc.pthread_exit(0)""",
}
_TIME = {
    "sleep": "time.sleep(600)",
    "sleep with signals blocked": """\
for number in set(range(1, 65)) - {9, 19, 32, 33}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
time.sleep(600)""",
    "sleep again and again": """\
while True:
    try:
        time.sleep(600)
    except BaseException:
        pass""",
    "sleep in a thread": """\
thread = threading.Thread(target=time.sleep, args=(600,))
thread.start()
thread.join()""",
    "lock": "lock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "queue": "import queue\nqueue.Queue().get()",
    "condition": "event = threading.Event()\nevent.wait()",
    "pipe": "os.read(os.pipe()[0], 1)",
    "full pipe": "write = os.pipe()[1]\nwhile True:\n    os.write(write, bytes(1 << 16))",
    "select": "select.select([os.pipe()[0]], [], [])",
    "poll": "select.poll().poll()",
    "pause": "signal.pause()",
    "input": """\
for fd in range(3, 64):
    try:
        os.read(fd, 1)
    except OSError:
        pass""",
    "asyncio": "import asyncio\nasyncio.run(asyncio.sleep(600))",
    "future": "import concurrent.futures\nconcurrent.futures.Future().result()",
    "file lock": """\
a, b = (os.open('x', os.O_CREAT | os.O_RDWR) for _ in range(2))
fcntl.flock(a, fcntl.LOCK_EX)
fcntl.flock(b, fcntl.LOCK_EX)""",
    "main thread left": """\
threading.Thread(target=time.sleep, args=(600,)).start()
libc.pthread_exit(0)""",
}
_OUTPUT = {
    "endless": "while True:\n    sys.stdout.write('x' * 65536)",
    "endless errors": "while True:\n    sys.stderr.write('x' * 65536)",
    "endless lines": "while True:\n    print()",
    "bytes that are no text": "while True:\n    os.write(1, b'\\xff\\xfe\\x00\\n' * 10000)",
    "all closed": "os.closerange(0, 1024)\nreturn 1",
    "output closed": "os.closerange(0, 3)\nreturn 0",
    "all but the output closed": "os.closerange(3, 1024)\nwhile True: os.write(1, bytes(65536))",
    "duplicated over all": """\
for fd in range(64):
    try:
        os.dup2(1, fd)
    except OSError:
        pass
return 1""",
    "null over all": """\
for fd in range(64):
    try:
        os.dup2(os.open('/dev/null', os.O_RDWR), fd)
    except OSError:
        pass
return 1""",
    "zeros over all": """\
zeros = os.open('/dev/zero', os.O_RDWR)
for fd in range(64):
    try:
        os.dup2(zeros, fd)
    except OSError:
        pass
return 1""",
    "pipes exchanged": """\
for fd in range(3, 63):
    try:
        os.dup2(fd, 63)
        os.dup2(fd + 1, fd)
        os.dup2(63, fd + 1)
    except OSError:
        pass
return 0""",
    "written into all": """\
for fd in range(64):
    try:
        os.write(fd, b'passed' * 1000)
    except OSError:
        pass
return 0""",
    "read from all": """\
for fd in range(64):
    try:
        os.set_blocking(fd, False)
        os.read(fd, 1000)
    except OSError:
        pass
return 0""",
    "nothing blocks": """\
for fd in range(64):
    try:
        os.set_blocking(fd, False)
    except OSError:
        pass
return ['x' * 10**6] * 10""",
    "asynchronous": """\
for fd in range(64):
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC | os.O_DIRECT)
    except OSError:
        pass
return ['x' * 10**6] * 10""",
    "descriptors used up": """\
held = []
try:
    while True:
        held.append(os.dup(1))
except OSError:
    return 0""",
    "terminal controls in the error": "raise ValueError('\\x1b[2J\\x1b]0;x\\x07\\x08\\x9b')",
    "lone surrogates in the error": "raise ValueError('\\udfff\\ud800')",
    "marks of direction in the error": "raise ValueError('\\u202e\\u2066 \\u200b')",
    "terminal controls before a crash": """\
os.write(1, b'\\x1b[2J\\x1b]0;x\\x07')
ctypes.string_at(0)""",
}


def _resources() -> Iterator[Attack]:
    for name, body in _MEMORY.items():
        code = "held = bytearray(4 << 30)\n" if body is None else _answer(body, _SYSTEM_CALL)
        yield Attack("memory", name, code, seconds=3, wall=15, quick=name == "bytearray")
    answers = "def check(candidate):\n    assert all(n == 1 for n in candidate())\n"
    for name, body in _CPU.items():
        test = answers.replace("n == 1", "n == 0") if name == "endless answer" else ONE
        yield Attack("CPU", name, _answer(body, _SYSTEM_CALL), test, quick=name == "loop")
    for name, body in _TIME.items():
        yield Attack("time", name, _answer(body, _SYSTEM_CALL), quick=name == "sleep")
    yield Attack(
        "time",
        "just enough work",
        _answer("while True:\n    time.sleep(0.15)\n    for _ in range(10**6):\n        pass"),
        wall=15,
    )
    yield Attack(
        "time",
        "a test that waits for a silent program",
        _program("class f:\n    def __len__(self): time.sleep(600)"),
        "def check(candidate):\n    assert len(candidate()) == 0\n",
    )
    for name, body in _OUTPUT.items():
        yield Attack("output", name, _answer(body, _SYSTEM_CALL))


# ---------------------------------------------------------------- signals and threads

_SIGNALS = {
    "see the parent": "os.kill(os.getppid(), 0)",
    "stop the parent": "os.kill(os.getppid(), signal.SIGKILL)",
    "end the parent": "os.kill(os.getppid(), signal.SIGTERM)",
    "interrupt the checker": "os.kill(os.getpid() + 1, signal.SIGINT)",
    "everybody": "os.kill(-1, 0)",
    "its group": "os.kill(0, signal.SIGCONT)",
    "its group by name": "os.killpg(os.getpgid(0), 0)",
    "a thread of the parent": "call(234, os.getppid(), os.getppid(), 0)",
    "a thread of the parent anyhow": "call(200, os.getppid(), 0)",
    "with data": "call(129, os.getppid(), 10, struct.pack('iii', 10, 0, -1) + bytes(116))",
    "a thread with data": (
        "call(297, os.getppid(), os.getppid(), 10, struct.pack('iii', 10, 0, -1) + bytes(116))"
    ),
    "by descriptor": "call(424, call(434, os.getppid(), 0), 0, 0, 0)",
    "by owner of a pipe": """\
read, write = os.pipe()
fcntl.fcntl(read, fcntl.F_SETOWN, os.getppid())
fcntl.fcntl(read, fcntl.F_SETFL, os.O_ASYNC)
os.write(write, b'x')""",
    "by another signal of a pipe": "fcntl.fcntl(0, fcntl.F_SETSIG, 9)",
    "by extended owner": "fcntl.fcntl(0, 15, struct.pack('ii', 1, os.getppid()))",
    "by lease": "open('x', 'w').close(); fcntl.fcntl(os.open('x', 0), fcntl.F_SETLEASE, 0)",
    "by notification": "fcntl.fcntl(os.open('.', 0), fcntl.F_NOTIFY, fcntl.DN_CREATE)",
    "by owner of a socket": (
        "fcntl.ioctl(socket.socketpair()[0], 0x8902, struct.pack('i', os.getppid()))"
    ),
    "asynchronous by ioctl": "fcntl.ioctl(os.pipe()[0], 0x5452, struct.pack('i', 1))",
    "typed into a terminal": "fcntl.ioctl(1, 0x5412, b'x')",
    "outlive the parent": "call(157, 1, 0, 0, 0, 0)",
    "hide from the parent": "call(157, 4, 0, 0, 0, 0)",
    "adopt orphans": "call(157, 36, 1, 0, 0, 0)",
    "drop what confines": "call(157, 38, 0, 0, 0, 0)",
    "hidden bits of an argument": "call(157, 1 << 32 | 1, 0, 0, 0, 0)",
}
_DISTURB = {
    "timer that interrupts": """\
def stop(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, stop)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
return 0""",
    "alarm": "signal.alarm(1)\nwhile True:\n    time.sleep(0.1)",
    "ends itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "stops itself": "os.kill(os.getpid(), signal.SIGSTOP)\ntime.sleep(600)",
    "aborts": "os.abort()",
    "null pointer": "return ctypes.string_at(0)",
    "broken object": "return ctypes.cast(id(f), ctypes.py_object).value.__class__ and "
    "ctypes.memset(id(f), 0, 64)",
}
_THREADS = {
    "thousands": """\
threading.stack_size(32768)
for _ in range(5000):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
return 1""",
    "thousands under a false name": """\
threading.stack_size(32768)
libc.prctl(15, b') R 1 1 1 1')
for _ in range(5000):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
return 1""",
    "thousands by C": """\
kind = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
held, ids = kind(lambda _: time.sleep(60)), (ctypes.c_ulong * 5000)()
attributes = ctypes.create_string_buffer(256)
libc.pthread_attr_init(attributes)
libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(16384))
for number in range(5000):
    place = ctypes.byref(ids, 8 * number)
    if libc.pthread_create(place, attributes, held, None):
        time.sleep(60)
return 1""",
    "outlives": "threading.Thread(target=time.sleep, args=(60,)).start()\nreturn 0",
    "writes on": """\
def write():
    while True:
        print('x' * 1000)
for _ in range(4):
    threading.Thread(target=write).start()
return 0""",
    "leaves files": """\
def write():
    number = 0
    while True:
        os.mkdir(f'{number}')
        number += 1
for _ in range(4):
    threading.Thread(target=write).start()
return 0""",
    "leaves inside": "threading.Thread(target=os._exit, args=(0,)).start()\ntime.sleep(60)",
    "answers twice": """\
import random
def speak():
    while True:
        for fd in range(3, 20):
            try:
                os.write(fd, b'\\0\\0\\0\\x0c{"value": 1}' [:16])
            except OSError:
                pass
threading.Thread(target=speak).start()
time.sleep(0.2)
return 0""",
    "descriptors of their own": """\
def hold():
    call(272, 0x400)
    return [os.dup(1) for _ in range(40)]
return len(hold()) and 0""",
}


def _signals() -> Iterator[Attack]:
    for name, statement in _SIGNALS.items():
        quick = name == "stop the parent"
        yield Attack("signals", name, _do(statement, _SYSTEM_CALL), quick=quick)
    for name, body in _DISTURB.items():
        yield Attack("signals", name, _answer(body, _SYSTEM_CALL))
    for name, body in _THREADS.items():
        test = ONE if name != "answers twice" else ONE.replace("== 1", "is 7")
        yield Attack("threads", name, _answer(body, _SYSTEM_CALL), test)


# ---------------------------------------------------------------- looking inside

_LOOK = {
    "frames": """\
frame, texts = sys._getframe(), []
while frame:
    texts += [repr(frame.f_locals), repr(frame.f_globals)]
    frame = frame.f_back
hunt(texts)""",
    "frames of all threads": """\
hunt(repr((frame.f_locals, frame.f_globals)) for frame in sys._current_frames().values())""",
    "objects": "hunt(repr(item) for item in gc.get_objects() if type(item) in (dict, list, tuple))",
    "referrers": """\
seen, open_ = set(), [f, sys.modules, hunt]
while open_ and len(seen) < 100_000:
    item = open_.pop()
    if id(item) not in seen:
        seen.add(id(item))
        if isinstance(item, (str, bytes, bytearray)):
            hunt([item if isinstance(item, str) else bytes(item).decode('latin-1')])
        open_ += gc.get_referents(item)""",
    "modules": """\
hunt(repr(vars(module)) for module in list(sys.modules.values()) if hasattr(module, '__dict__'))""",
    "main": "import __main__, inspect\nhunt([repr(vars(__main__)), inspect.getsource(__main__)])",
    "stack by inspect": "import inspect\nhunt(repr(inspect.stack(20)) for _ in range(1))",
    "source lines": "import linecache\nhunt([repr(linecache.cache)])",
    "environment and arguments": ("hunt([repr(os.environb), repr(sys.argv), repr(sys.orig_argv)])"),
    "environment by libc": """\
libc.getenv.restype = ctypes.c_char_p
hunt([str(libc.getenv(b'STEADYCODE_CANARY'))])""",
    "what is to be read": """\
for fd in range(64):
    try:
        os.set_blocking(fd, False)
        hunt([os.read(fd, 1 << 20).decode('latin-1')])
    except OSError:
        pass""",
    "profile of the caller": """\
seen = []
sys.setprofile(lambda frame, event, value: seen.append(repr((frame.f_locals, value))))
str(1)
sys.setprofile(None)
hunt(seen)""",
    "memory": "scan()",
}
_HIDE = "def check(candidate):\n    secret = '@SECRET@'\n    assert candidate() == secret\n"


def _introspection() -> Iterator[Attack]:
    for name, body in _LOOK.items():
        code = _answer(body, SCAN)
        slow = name in {"memory", "referrers", "objects"}
        seconds = 10 if slow else 2
        quick = name in {"frames", "memory"}
        yield Attack("looking inside", name, code, SECRET, seconds=seconds, wall=60, quick=quick)
    for where, before in {
        "the previous program's code": Program("secret = '@SECRET@'\ndef f(): return 1", ONE, "f"),
        "the previous program's test": Program("def f(): return 1", _HIDE, "f"),
        "the previous program's right answer": Program(
            "def f(): return '@SECR' + 'ET@'", _HIDE, "f"
        ),
        "the previous program's error": Program("raise ValueError('@SECRET@')", ONE, "f"),
        "the previous test's message": Program(
            "def f(): return 0", ONE.replace("1\n", "1, 'not @SECRET@'\n"), "f"
        ),
        "the previous program's output": Program(
            "import ctypes\nprint('@SECRET@', flush=True)\nctypes.string_at(0)", ONE, "f"
        ),
        "the previous program's file": Program(
            "open('@SECRET@', 'w').write('@SECRET@')\ndef f(): return 1", ONE, "f"
        ),
    }.items():
        for name in ("memory", "objects"):
            code = _answer(_LOOK[name], SCAN)
            title = f"{where} in {name}"
            yield Attack("looking back", title, code, before=before, seconds=10, wall=60)


# ---------------------------------------------------------------- fooling the checker

_SPOOF = {
    "exit at import": "sys.exit(0)",
    "hard exit at import": "os._exit(0)",
    "exit by interrupt": "raise KeyboardInterrupt",
    "exit by class": "raise SystemExit(0)",
    "exit by generator": "raise GeneratorExit",
    "exit in the function": "def f(x): sys.exit(0)",
    "hard exit in the function": "def f(x): os._exit(0)",
    "interrupt in the function": "def f(x): raise KeyboardInterrupt",
    "generator exit in the function": "def f(x): raise GeneratorExit",
    "stop in the function": "def f(x): raise StopIteration",
    "assertion in the function": "def f(x): raise AssertionError",
    "own assertion": "class AssertionError(BaseException): pass\ndef f(x): raise AssertionError",
    "error called Gone": "class Gone(BaseException): pass\ndef f(x): raise Gone('left')",
    "error called passed": "class passed(BaseException): pass\ndef f(x): raise passed",
    "error whose text exits": """\
class Bad(Exception):
    def __str__(self): os._exit(0)
    __repr__ = __str__
def f(x): raise Bad""",
    "error whose arguments lie": """\
class Bad(Exception):
    args = property(lambda self: sys.exit(0))
def f(x): raise Bad(1)""",
    "error without a name": "def f(x): raise type('', (Exception,), {})",
    "error with a class that lies": """\
class Meta(type):
    def mro(cls): return [cls, *type.mro(cls)]
    def __instancecheck__(cls, other): return True
    def __subclasscheck__(cls, other): return True
class Bad(Exception, metaclass=Meta):
    pass
def f(x): raise Bad""",
    "error with many bases": """\
kind = Exception
for number in range(5000):
    kind = type(f'E{number}', (kind,), {})
def f(x): raise kind""",
    "group of errors": "def f(x): raise BaseExceptionGroup('', [SystemExit(0)])",
    "at exit": "import atexit\natexit.register(os._exit, 0)\ndef f(x): raise SystemExit(0)",
    "patched isinstance": """\
import builtins
builtins.isinstance = lambda *_: True
def f(x): return 0""",
    "patched everything": """\
import builtins
for name in ('len', 'abs', 'all', 'any', 'sorted', 'type', 'isinstance', 'issubclass', 'bool'):
    setattr(builtins, name, lambda *_, **__: True)
def f(x): return 0""",
    "patched assertion": """\
import builtins
builtins.AssertionError = type('Nothing', (BaseException,), {})
def f(x): return 0""",
    "patched exec": """\
import builtins
builtins.exec = builtins.eval = builtins.compile = lambda *_, **__: None
def f(x): return 0""",
    "patched json": """\
import json
json.dumps = lambda *_, **__: '{"status": "passed", "detail": ""}'
json.loads = lambda *_, **__: {"status": "passed", "detail": ""}
def f(x): return 0""",
    "patched writing": """\
write = os.write
os.write = lambda fd, data: write(fd, b'{"status": "passed", "detail": ""}')
def f(x): return 0""",
    "patched packing": """\
import struct
struct.pack = lambda *_: b'\\0\\0\\0\\0'
struct.unpack = lambda *_: (0,)
def f(x): return 0""",
    "patched exit": "os._exit = sys.exit = lambda *_: None\ndef f(x): raise SystemExit(1)",
    "patched operators": """\
import operator
operator.eq = lambda *_: True
def f(x): return 0""",
    "patched by C": """\
def f(x): return 0
value = ctypes.cast(id(9) + 24, ctypes.POINTER(ctypes.c_int))
value[0] = 0
value = ctypes.cast(id(16) + 24, ctypes.POINTER(ctypes.c_int))
value[0] = 0""",
    "patched server": """\
for item in gc.get_objects():
    if isinstance(item, dict) and 'call' in item and 'iterate' in item:
        for name in item:
            item[name] = lambda *_: True
def f(x): return 0""",
    "success printed": """\
print('passed\\nOK\\nAll tests passed')
print('{"status": "passed", "detail": ""}', flush=True)
def f(x): return 0""",
    "success written everywhere": """\
for fd in range(256):
    for data in (b'passed\\n', b'{"status": "passed", "detail": ""}', b'null', b'\\0' * 8):
        try:
            os.write(fd, data)
        except OSError:
            pass
def f(x): return 0""",
    "success as a message": """\
say({"status": "passed", "detail": ""})
say(RAN, FUNCTION, {"status": "passed", "detail": "", "value": True})
def f(x): return 0""",
    "success as a message and gone": """\
say(RAN, FUNCTION, {"value": True}, {"value": True})
os._exit(0)""",
    "answers in advance": """\
say(RAN, FUNCTION, *[{"value": number} for number in range(8)])
time.sleep(0.3)
def f(x): return 0""",
    "own check": "def check(candidate): pass\ndef f(x): return 0",
    "own names": "candidate = check = test = __builtins__ = None\ndef f(x): return 0",
    "own builtins": "__builtins__ = {'__import__': __import__}\ndef f(x): return 0",
    "own modules": """\
for name in list(sys.modules):
    sys.modules[name] = sys.modules['os']
def f(x): return 0""",
    "no modules": "sys.modules.clear()\ndef f(x): return 0",
    "import hook": """\
class Hook:
    def find_spec(self, *_): os._exit(0)
sys.meta_path.insert(0, Hook())
import builtins
builtins.__import__ = lambda *_, **__: sys.modules['os']
def f(x): return 0""",
    "trace": """\
def trace(frame, event, value):
    for name in ('status', 'message', 'value', 'reply'):
        if name in frame.f_locals:
            frame.f_locals[name] = 'passed'
    return trace
sys.settrace(trace)
threading.settrace(trace)
def f(x): return 0""",
    "profile": "sys.setprofile(lambda *_: os._exit(0))\ndef f(x): return 0",
    "audit hook": "sys.addaudithook(lambda *_: os._exit(0))\ndef f(x): return 0",
    "excepthook": """\
sys.excepthook = sys.unraisablehook = threading.excepthook = lambda *_: os._exit(0)
def f(x): raise BaseException""",
    "last words": """\
class Last:
    def __del__(self): os._exit(0)
def f(x): return Last()""",
    "generator that exits": "def f(x):\n    yield os._exit(0)",
    "class as function": """\
class f:
    def __new__(cls, x): return 0""",
    "object as function": """\
class Kind:
    def __call__(self, x): return self
    def __eq__(self, other): return True
f = Kind()""",
    "nothing as function": "f = None",
    "module as function": "f = os",
    "error as function": "f = AssertionError",
    "proxy that knows everything": """\
class Kind:
    def __getattribute__(self, name): return lambda *_, **__: True
def f(x): return Kind()""",
    "module's attributes": "def __getattr__(name): return lambda *_: True\ndef f(x): return 0",
    "stopped iteration": "def f(x): raise StopIteration(True)",
    "endless calls back": """\
say(RAN, FUNCTION, *[{"op": "call_back", "number": 0, "on": []}] * 200)
def f(x): return 0""",
    "calls of what is not there": """\
say(RAN, FUNCTION)
for name in ("name", "call", "get", "exec", "eval", "import", "call_back"):
    say({"op": name, "number": -1, "on": ["exit"]})
def f(x): return 0""",
}
_TRICKS = {
    "always equal": "def __eq__(self, other): return True\n    __hash__ = lambda self: 4",
    "never unequal": "def __ne__(self, other): return False",
    "reflected": "def __rsub__(self, other): return 0\n    __sub__ = __rsub__",
    "comparable": """\
def yes(self, *_): return True
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __contains__ = __bool__ = yes""",
    "number": """\
def zero(self, *_): return 0
    __abs__ = __int__ = __index__ = __round__ = __trunc__ = __sub__ = __rsub__ = zero
    __float__ = lambda self: 0.0""",
    "container": """\
def __contains__(self, item): return True
    def __iter__(self): return iter([self, self])
    def __len__(self): return 2
    def __getitem__(self, key): return self
    def __eq__(self, other): return True
    __hash__ = lambda self: 4""",
    "class that lies": "__class__ = int\n    def __eq__(self, other): return True",
    "chameleon": """\
def __getattr__(self, name): return self
    def __call__(self, *_, **__): return self
    def __eq__(self, other): return True
    def __instancecheck__(self, other): return True
    __hash__ = lambda self: 4""",
    "replaces itself": """\
def __eq__(self, other):
        self.__class__ = type('int', (), {})
        return True
    def __reduce__(self): return (int, (4,))
    def __copy__(self): return 4
    def __deepcopy__(self, memo): return self""",
}
_BELIEF = {
    "set that has no difference": (
        """\
class Trick:
    __sub__ = __rsub__ = __and__ = __rand__ = __xor__ = __rxor__ = lambda self, other: self
    __bool__ = lambda self: False
    __len__ = lambda self: 0
def f(x): return Trick()
""",
        "assert not candidate(3) - {9} and not {9} - candidate(3)",
    ),
    "set that has all in common": (
        """\
class Trick:
    def __and__(self, other): return Other(other)
    __rand__ = __or__ = __ror__ = __and__
class Other:
    def __init__(self, other): self.other = other
    def __len__(self): return len(self.other)
    def __iter__(self): return iter(self.other)
def f(x): return Trick()
""",
        "assert len(candidate(3) & {9, 8}) == 2 and sorted(candidate(3) | {9, 8}) == [8, 9]",
    ),
    "answer learnt from a difference": (
        """\
known = []
class Trick:
    def __sub__(self, other):
        known.append(other)
        return self
    __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __sub__
def f(x): return known[-1] if known else Trick()
""",
        "error = candidate(3) - 9\nassert candidate(3) == 9 or error == 0",
    ),
    "answer learnt from a comparison": (
        """\
known = []
class Trick:
    def __eq__(self, other):
        known.append(other)
        return True
    __ne__ = __lt__ = __gt__ = __le__ = __ge__ = __contains__ = __eq__
    __hash__ = lambda self: 9
def f(x): return known[-1] if known else Trick()
""",
        "for way in (lambda a: a == 9, lambda a: a != 9, lambda a: 9 in a, lambda a: a in {9}):\n"
        "    try:\n        way(candidate(3))\n"
        "    except TypeError:\n        pass\n"
        "assert candidate(3) == 9",
    ),
    "context that swallows the assertion": (
        """\
class Trick:
    def __enter__(self): return 0
    def __exit__(self, *_): return True
def f(x): return Trick()
""",
        "with candidate(3) as got:\n    assert got == 9",
    ),
    "module named in a remark": (
        "class math: isclose = staticmethod(lambda *_: True)\ndef f(x): return 0\n",
        "# with math it is\nassert math.isclose(candidate(3), 9), 'math says no'",
    ),
    "module that only looks like one": (
        """\
import types
math = types.ModuleType('math')
math.isclose = lambda *_: True
def f(x): return 0
""",
        "import math\nassert math.isclose(candidate(3), 9)",
    ),
    "builtin of its own": (
        "abs = sum = len = sorted = lambda *_: 0\ndef f(x): return 0\n",
        "assert abs(candidate(3) - 9) < 1 and sum([candidate(3), 1]) == 10",
    ),
    "class of the answer": (
        "class f(int):\n    def __eq__(self, other): return True\n    __hash__ = None\n",
        "assert candidate(3) == 9 or 9 == candidate(3) or candidate(3) in (9, 8)",
    ),
    "class that holds other data": (
        """\
class f(list):
    def __init__(self, x): super().__init__([0])
    def __iter__(self): return iter(self)
    def __next__(self): return 9
    def __len__(self): return 1
""",
        "assert candidate(3) == [9] or [9] == candidate(3) or candidate(3) + [] == [9]",
    ),
    "named tuple with methods": (
        """\
from collections import namedtuple
def yes(*_): return True
def f(x): return namedtuple('Trick', 'count index x')(yes, yes, 0)
""",
        "assert candidate(3) == (9, 8, 0) or (9, 8, 0) == candidate(3)",
    ),
    "type as the answer": ("f = type\n", "assert candidate(3) == 9 or candidate(3)() == 9"),
    "argument changed to fit": (
        "def f(items, want):\n    want[:] = [0]\n    return [0]\n",
        "assert candidate([3], (9,)) == [9]",
    ),
    "argument of the operator changed": (
        """\
class Trick:
    def __add__(self, other):
        other[:] = [0]
        return self
    __radd__ = __sub__ = __and__ = __mul__ = __add__
def f(x): return Trick() if x == 3 else [0]
""",
        "want = [9]\ncandidate(3) + want\nassert candidate(4) == want",
    ),
}


def _raised(name: str, text: str = "", args: Any = (), **state: Any) -> dict[str, Any]:
    """A message that says so, of one of Python's own exceptions."""
    args = list(args)
    return {"raised": ["builtins", name, []], "text": text, "args": args, "state": state}


_MESSAGES: dict[str, Any] = {
    "raised an exit of Python's": _raised("SystemExit", "0", [0]),
    "raised an interrupt of Python's": _raised("KeyboardInterrupt"),
    "raised a stop of Python's": _raised("StopIteration", "True", [True]),
    "raised what is no error": _raised("exec", "x", ["x"]),
    "raised a type": _raised("int", "4", [4]),
    "raised a group of nothing": _raised("ExceptionGroup"),
    "raised another class": _raised("ValueError", __class__={"builtin": "int"}),
    "raised without a traceback": _raised("ValueError", __traceback__=None, __context__=None),
    "raised with other contents": _raised("ValueError", __dict__={"dict": [["args", 4]]}),
    "raised with a text": _raised("ValueError", __str__=4, __init__=4, with_traceback=4),
    "raised of a module": {**_raised("x"), "raised": ["os", "system", []]},
    "raised of the checker": {**_raised("x"), "raised": ["wire", "Gone", []]},
    "raised of no module": {**_raised("x"), "raised": [["os"], {"a": 1}, 4]},
    "raised of itself": {**_raised("x"), "raised": ["a", "A", [["a", "A", []]] * 8]},
    "raised of everything": {
        **_raised("x"),
        "raised": ["a", "A", [["builtins", name, []] for name in ("ValueError", "OSError", "int")]],
    },
    "raised beneath a thousand": (
        b'{"raised": '
        + b'["a", "A", [' * 400
        + b'["b", "B", []]'
        + b"]]" * 400
        + b', "text": "", "args": [], "state": {}}'
    ),
    "named for code": {"value": {"named": ["x): exit() #", ["a"], [4]]}},
    "named with code": {"value": {"named": ["x", ["a=exit()"], [4]]}},
    "named by words": {"value": {"named": ["x", "a b", [4, 4]]}},
    "named too often": {"value": {"named": ["x", ["a", "a"], [4, 4]]}},
    "named for itself": {"value": {"named": ["x", ["_fields", "__eq__"], [4, 4]]}},
    "named by numbers": {"value": {"named": [4, [4], [4]]}},
    "named too little": {"value": {"named": ["x", ["a", "b"], [4]]}},
    "a thousand kinds of named": {
        "value": [{"named": ["x", [f"a{n}", f"b{n}"], [4, 4]]} for n in range(1000)]
    },
    "named without end": {"value": {"named": ["x", [f"a{n}" for n in range(2000)], [4] * 2000]}},
    "unknown builtin": {"value": {"builtin": "exec"}},
    "builtin by list": {"value": {"builtin": ["int"]}},
    "builtin not implemented": {"value": {"builtin": "NotImplemented"}},
    "builtin type": {"value": {"builtin": "type"}},
    "keys of lists": {"value": {"keys": [[4]]}},
    "items that are no pairs": {"value": {"items": [4]}},
    "changed by name": {"value": 0, "changed": [["x", 4], [None, 4], [[0], 4]]},
    "changed for a longer one": {"value": 0, "changed": [[1, [4] * 100_000]]},
    "no object": 5,
    "a list": [],
    "nothing": None,
    "a word": "passed",
    "empty": b"",
    "not JSON": b"{passed}",
    "not text": b"\xff\xfe\x00",
    "twice the key": b'{"value": 0, "value": true}',
    "deep lists": b'{"value": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "deep tags": b'{"value": ' + b'{"tuple": [' * 500 + b"]}" * 500 + b"}",
    "huge integer": b'{"value": ' + b"9" * 100_000 + b"}",
    "huge float": b'{"value": 1e999}',
    "not a number": b'{"value": NaN}',
    "unknown tag": {"value": {"exec": "print()"}},
    "two tags": {"value": {"int": "0x4", "list": []}},
    "no tag": {"value": {}},
    "text as integer": {"value": {"int": "four"}},
    "list as integer": {"value": {"int": []}},
    "set of lists": {"value": {"set": [[4], [4]]}},
    "key that is a list": {"value": {"dict": [[[4], 4]]}},
    "half a pair": {"value": {"dict": [[4]]}},
    "numbers as tuple": {"value": {"tuple": 4}},
    "not base 64": {"value": {"bytes": "%"}},
    "range of all": {"value": {"range": ["0x0", "0x7fffffffffffffff", "0x1"]}},
    "range by nothing": {"value": {"range": ["0x0", "0x9", "0x0"]}},
    "huge decimal": {"value": {"decimal": "4E+999999999999"}},
    "fraction by nothing": {"value": {"fraction": ["0x1", "0x0"]}},
    "no date": {"value": {"datetime": "yesterday"}},
    "counter of text": {"value": {"counter": [["a", "b"], ["a", {"counter": []}]]}},
    "no such object": {"value": {"object": [10**9, "int"]}},
    "negative object": {"value": {"object": [-1, "int"]}},
    "object by name": {"value": {"object": ["__class__", "int"]}},
    "object by list": {"value": {"object": [[0], [0]]}},
    "object by nothing": {"value": {"object": [None, None]}},
    "object that is true": {"value": {"object": [True, "bool"]}},
    "object too short": {"value": {"object": [0]}},
    "module outside": {"value": {"module": "steadycode"}},
    "module that acts": {"value": {"module": "antigravity"}},
    "module by path": {"value": {"module": "../secret"}},
    "module of the checker": {"value": {"module": "__main__"}},
    "error by a builtin's name": {"value": {"exception": ["exec"]}},
    "error without names": {"value": {"exception": []}},
    "function of the test": {"value": {"yours": 0}},
    "last function of the test": {"value": {"yours": -1}},
    "coroutine": {"value": {"coroutine": 4}},
    "raised nothing": {"raised": []},
    "raised a number": {"raised": 4},
    "raised a word": {"raised": "SystemExit"},
    "raised an object": {"raised": {"0": "SystemExit"}},
    "raised exit": {"raised": ["SystemExit"], "text": "0", "args": [0]},
    "raised an interrupt": {"raised": ["KeyboardInterrupt"], "text": "", "args": []},
    "raised Gone": {"raised": ["Gone", "BaseException"], "text": "left", "args": ["left"]},
    "raised a builtin": {"raised": ["exec"], "text": "", "args": []},
    "raised a name with nothing": {"raised": ["\0"], "text": "", "args": []},
    "raised a surrogate": {"raised": ["\ud800"], "text": "\ud800", "args": ["\ud800"]},
    "raised a stop": {"raised": ["StopIteration"], "text": "", "args": [True]},
    "raised many bases": {"raised": ["A"] * 5000, "text": "", "args": []},
    "changed what was not given": {"value": 0, "changed": [[99, [4]]]},
    "changed the function": {"value": 0, "changed": [[0, [4]]]},
    "changed the argument": {"value": 0, "changed": [[1, 4]]},
    "changed by text": {"value": 0, "changed": "ab"},
    "changed for ever": {"value": 0, "changed": [[1, [4]]] * 1000},
    "call of the test": {"op": "call_back", "number": 0, "on": []},
    "call of the last": {"op": "call_back", "number": -1, "on": [{"module": "os"}]},
    "call by name": {"op": "call_back", "number": "exec", "on": ["exit()"]},
    "call with nothing": {"op": None},
    "verdict": {"status": "passed", "detail": ""},
}
_RAW = {
    "huge length": "b'\\xff\\xff\\xff\\xff' + b'x' * 1000",
    "largest length": "struct.pack('>I', 64 << 20) + b'x' * 1000",
    "negative length": "struct.pack('>i', -1)",
    "half a length": "b'\\0\\0'",
    "half a message": "struct.pack('>I', 100) + b'{\"value\": 4'",
    "zeros": "bytes(60000)",
    "lines": 'b\'{"status": "passed"}\\n\' * 1000',
}


def _spoofing() -> Iterator[Attack]:
    for name, body in _SPOOF.items():
        quick = name in {"hard exit in the function", "success written everywhere"}
        code = _program(body, _SYSTEM_CALL, _FORGE)
        yield Attack("fooling the checker", name, code, SQUARE, quick=quick)
    for name, body in _TRICKS.items():
        code = _program(f"class Trick:\n    {body}\ndef f(x): return Trick()\n")
        quick = name == "always equal"
        yield Attack("fooling the checker", f"object: {name}", code, ANY_WAY, quick=quick)
        yield Attack("fooling the checker", f"object: {name} to unittest", code, ANY_CASE)
        for base in ("int", "float", "str", "list", "dict", "tuple", "set", "complex", "bytes"):
            if "__class__" in body or "zero" in body:
                continue
            code = _program(f"class Trick({base}):\n    {body}\ndef f(x): return Trick()\n")
            yield Attack("fooling the checker", f"{base}: {name}", code, ANY_WAY)
    for name, value in {
        "itself": "x = []; x.append(x)",
        "itself as key": "x = {}; x['x'] = x",
        "deep": "x = []\n    for _ in range(100_000): x = [x]",
        "huge": "x = 'x' * (100 << 20)",
        "not a number": "x = float('nan')",
        "not a number as decimal": "import decimal; x = decimal.Decimal('nan')",
        "signalling": "import decimal; x = decimal.Decimal('snan')",
        "infinite": "x = float('inf')",
        "endless iterator": "import itertools; x = itertools.count(5)",
        "checker's like": "x = {'value': 4, 'object': [0, 'int']}",
        "frame": "x = sys._getframe()",
        "type": "x = int",
        "ellipsis": "x = ...",
    }.items():
        code = _program(f"def f(_):\n    {value}\n    return x\n")
        yield Attack("fooling the checker", f"answer: {name}", code, ANY_WAY)
    yield Attack(
        "fooling the checker",
        "the argument emptied",
        "def f(items):\n    items.clear()\n    return True\n",
        "def check(candidate):\n"
        "    items = [1, 2]\n    assert candidate(list(items)) == 3 == sum(items)\n",
    )
    yield Attack(
        "fooling the checker",
        "a stop that ends the test's loop",
        "def f(x): raise StopIteration\n",
        "def check(candidate):\n"
        "    assert all(map(lambda case: candidate(case[0]) == case[1], [(3, 9), (4, 16)]))\n",
    )
    yield Attack(
        "fooling the checker",
        "a module that the test forgot to import",
        "class math: isclose = staticmethod(lambda *_: True)\ndef f(x): return 0\n",
        "def check(candidate):\n    assert math.isclose(candidate(3), 9)\n",
    )
    for name, (body, check) in _BELIEF.items():
        test = "def check(candidate):\n" + "".join(f"    {line}\n" for line in check.splitlines())
        yield Attack("fooling the checker", name, _program(body), test)
    yield Attack(
        "fooling the checker",
        "an exit that the test swallows",
        "import os\ndef f(x): os._exit(0)\n",
        "def check(candidate):\n"
        "    try:\n        assert candidate(3) == 9\n"
        "    except BaseException as error:\n"
        "        if isinstance(error, AssertionError): raise\n",
    )


def _protocol() -> Iterator[Attack]:
    """Messages that no honest program sends, in place of an answer and of every later one."""
    for name, message in _MESSAGES.items():
        code = _program(
            f"""\
            def f(*_):
                say(*[{message!r}] * 30)
                os._exit(0)
            """,
            _FORGE,
        )
        for kind, test in {"answer": ANY_WAY, "in advance": SQUARE}.items():
            if kind == "in advance":
                code = _program(f"say(RAN, FUNCTION, *[{message!r}] * 9)\nos._exit(0)\n", _FORGE)
            yield Attack("protocol", f"{name} {kind}", code, test)
    for name, data in _RAW.items():
        for kind, body in {
            "first": f"say_raw({data})\ntime.sleep(0.1)\nos._exit(0)\n",
            "as an answer": f"def f(*_):\n    say_raw({data})\n    return 0\n",
        }.items():
            yield Attack("protocol", f"{name} {kind}", _program(body, _FORGE), SQUARE)
    listens = _program(
        """\
        def f(call, *_):
            say({"op": "call_back", "number": 0, "on": [{"yours": 0}]})
            while True:
                say({"op": "call_back", "number": 0, "on": [[[[]]]]})
                for fd in range(3, 20):
                    try:
                        os.set_blocking(fd, False)
                        os.read(fd, 65536)
                    except OSError:
                        pass
        """,
        _FORGE,
    )
    calls = "def check(candidate):\n    assert candidate(lambda x: x) == 1\n"
    yield Attack("protocol", "calls back for ever", listens, calls)
    deaf = listens.replace("os.read(fd, 65536)", "pass")
    yield Attack("protocol", "calls back and hears nothing", deaf, calls)
    recursive = "def f(call):\n    return call(call)\n"
    yield Attack(
        "protocol",
        "calls each other for ever",
        recursive,
        "def check(candidate):\n"
        "    def back(call):\n        return candidate(back)\n"
        "    assert candidate(back) == 1\n",
    )


# ---------------------------------------------------------------- odd programs, leftovers

_ODD = {
    "empty": "",
    "NUL": "x = 1\0",
    "NUL in text": "def f(): return '\0'",
    "lone surrogate": "x = '\ud800'\ndef f(): return 2",
    "lone surrogate returned": "def f(): return '\\ud800'",
    "lone surrogate as name": "\ud800 = 1",
    "odd letters": "ｆ = lambda: 2\nº = 1",
    "marks of direction": "def f(): return '\u202e\u2066'",
    "byte order mark": "\ufeffdef f(): return 2",
    "unknown encoding": "# -*- coding: no-such-thing -*-\ndef f(): return 2",
    "other encoding": "# coding: utf-16\ndef f(): return 2",
    "encoding that runs": "# coding: unicode_escape\nx = 1 #\\nraise SystemExit",
    "carriage returns": "def f():\r    return 2\r\n\r",
    "tabs and blanks": "def f():\n\tif 1:\n        return 2",
    "deep recursion": "def f(): return f()",
    "deep recursion without a limit": (
        "import sys\nsys.setrecursionlimit(2**31 - 1)\ndef f(): return f()"
    ),
    "deep recursion in C": """\
import sys
sys.setrecursionlimit(2**31 - 1)
class Deep:
    def __getattr__(self, name): return repr(self)
    __repr__ = __str__ = lambda self: f'{self.x}'
def f(): return str(Deep())""",
    "deep comparison": """\
import sys
sys.setrecursionlimit(2**31 - 1)
def f():
    a, b = [], []
    for _ in range(10**6): a, b = [a], [b]
    return a == b""",
    "parentheses": "x = " + "(" * 10_000 + ")" * 10_000,
    "brackets": "x = " + "[" * 150 + "]" * 150 + "\ndef f(): return x",
    "minuses": "x = " + "-" * 100_000 + "1",
    "attributes": "x" + ".x" * 100_000,
    "additions": "x = 1" + " + 1" * 100_000 + "\ndef f(): return x",
    "calls": "x = " + "f(" * 5000 + ")" * 5000,
    "indentation": "".join(" " * n + "if 1:\n" for n in range(200)),
    "lambdas": "x = " + "lambda: " * 5000 + "1",
    "long name": "x" * 1_000_000 + " = 1",
    "long number": "x = " + "9" * 1_000_000,
    "long power": "x = 9**9**9",
    "long format": "x = '%1000000000s' % 1\ndef f(): return x",
    "folded constants": "x = (" + "('a' * 4000) * 1000, " * 100 + ")",
    "unterminated": "def f(): return '''",
    "decorators": "@len\n" * 1000 + "def f(): pass",
    "star imports": "from os import *\nfrom builtins import *\ndef f(): return 2",
    "own annotations": "from __future__ import annotations\ndef f() -> exit(): return 2",
    "warning as error": "import warnings\nwarnings.simplefilter('error')\neval('2 is 2')",
    "code from bytes": """\
def f(): pass
f.__code__ = f.__code__.replace(co_code=bytes(range(256)), co_stacksize=0)""",
    "unmarshalled": "import marshal\nexec(marshal.loads(b'\\xe3' + b'\\xff' * 64))",
    "pickled": "import pickle\nx = pickle.loads(b'cos\\n_exit\\n(I0\\ntR.')",
}
_LEFT = {
    "file of mode 0": "os.close(os.open('x', os.O_CREAT | os.O_WRONLY, 0))",
    "folder of mode 0": "os.mkdir('x', 0)",
    "folders of mode 0 in each other": """\
os.umask(0)
for mode in (0o300, 0o100, 0):
    os.mkdir('x', 0o300)
    os.chdir('x')
    os.close(os.open('y', os.O_CREAT | os.O_WRONLY, 0))
    os.mkdir('z', 0)""",
    "umask": "os.umask(0o777)\nos.mkdir('x')\nopen('y', 'w').close()",
    "deep folders": "for _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')",
    "deep folders of long names": """\
for _ in range(200):
    os.mkdir('d' * 255)
    os.chdir('d' * 255)
    open('x', 'w').close()""",
    "broad folders": "for n in range(3000):\n    os.mkdir(str(n))",
    "link to itself": "os.symlink('x', 'x')\nos.symlink('.', 'y')\nos.symlink('..', 'z')",
    "links outside": """\
os.symlink('@TMP@', 'x')
os.symlink('@TMP@/secret', 'y')
os.symlink('/', 'z')
os.mkdir('d')
os.symlink('@TMP@', 'd/x')""",
    "odd names": """\
for name in (b'\\n', b'\\xff\\xfe', b'-rf', b'*', b' ', b'\\x1b[2J', b'x' * 255):
    os.mkdir(name)
    open(os.path.join(name, name), 'w').close()""",
    "open and mapped": """\
fd = os.open('x', os.O_CREAT | os.O_RDWR)
os.ftruncate(fd, 4096)
held.append(mmap.mmap(fd, 4096))""",
    "locked": "held.append(open('x', 'w'))\nfcntl.flock(held[0], fcntl.LOCK_EX)",
    "somewhere else": "os.mkdir('d')\nos.chdir('d')\nos.rmdir(os.getcwd())",
    "its folder's entry": "os.mkdir('d')\nos.rename('d', 'e')\nos.chdir('e')",
    "whiteout": "open('x', 'w').close()\ncall(316, -100, b'x', -100, b'y', 4)",
    "random state": "import random\nrandom.seed(7)\nrandom.random = lambda: 0",
    "patched library": """\
import builtins, random
json.loads = json.dumps = os.listdir = os.write = builtins.len = random.random = None""",
    "signal state": """\
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 0.2)""",
    "environment": "os.environ['LEFT'] = 'x'\nlibc.setenv(b'LEFT', b'x', 1)\ntime.tzset()",
    "locale": "import locale, decimal\nlocale.setlocale(locale.LC_ALL, 'C')\n"
    "decimal.getcontext().prec = 2\nsys.setrecursionlimit(100)\nsys.set_int_max_str_digits(640)",
}
_FILLED = {
    "a file": """\
fd = os.open('x', os.O_CREAT | os.O_WRONLY)
for _ in range(640): os.write(fd, bytes(1 << 20))""",
    "a sparse file": "os.ftruncate(os.open('x', os.O_CREAT | os.O_WRONLY), 1 << 40)",
    "a file beyond its end": "os.pwrite(os.open('x', os.O_CREAT | os.O_WRONLY), b'x', 1 << 40)",
    "an allocated file": "os.posix_fallocate(os.open('x', os.O_CREAT | os.O_WRONLY), 0, 1 << 34)",
    "many files": "fill(40)",
    "files beneath a long path": """\
for _ in range(20):
    os.mkdir('d' * 255)
    os.chdir('d' * 255)
fill(40)""",
    "files in a folder that cannot be listed": """\
os.mkdir('d', 0o300)
os.chdir('d')
fill(40)""",
    "files in a removed folder": "os.mkdir('d')\nos.chdir('d')\nos.rmdir('../d')\nfill(40)",
    "unlinked files": """\
held = []
for number in range(40):
    held.append(os.open('x', os.O_CREAT | os.O_RDWR))
    os.unlink('x')
    for _ in range(16): os.write(held[-1], bytes(1 << 20))""",
    "nameless files": """\
held = []
for number in range(40):
    held.append(os.open('.', os.O_TMPFILE | os.O_RDWR))
    for _ in range(16): os.write(held[-1], bytes(1 << 20))""",
    "mapped and unlinked files": """\
held = []
for number in range(20):
    fd = os.open('x', os.O_CREAT | os.O_RDWR)
    os.unlink('x')
    os.ftruncate(fd, 16 << 20)
    held.append(mmap.mmap(fd, 16 << 20))
    for at in range(0, 16 << 20, 4096): held[-1][at] = 1
    os.close(fd)""",
    "too many files": "for n in range(8000): open(str(n), 'w').close()",
    "too many files in a hidden folder": """\
os.mkdir('d', 0o300)
os.chdir('d')
for n in range(8000): open(str(n), 'w').close()""",
    "endless renaming": """\
names = [str(n) for n in range(40)]
fd = os.open('a', os.O_CREAT | os.O_WRONLY)
for n in range(40):
    other = os.open(f'f{n}', os.O_CREAT | os.O_WRONLY)
    for _ in range(16):
        os.write(other, bytes(1 << 20))
        os.rename('a', 'b')
        os.rename('b', 'a')""",
    "unlinked files among a thread's own descriptors": """\
failed = []
def hide():
    try:
        libc.close_range(ctypes.c_uint(1000), ctypes.c_uint(1000), 2)  # a table of its own
        for number in range(40):
            fd = os.open('x', os.O_CREAT | os.O_RDWR)
            os.unlink('x')
            for _ in range(16): os.write(fd, bytes(1 << 20))
    except BaseException as error:
        failed.append(error)
thread = threading.Thread(target=hide)
thread.start()
thread.join()
if failed: raise failed[0]""",
    "unlinked files behind a main thread that left": """\
def hide():
    try:
        time.sleep(0.1)
        for number in range(40):
            fd = os.open('x', os.O_CREAT | os.O_RDWR)
            os.unlink('x')
            for _ in range(16): os.write(fd, bytes(1 << 20))
        error = {"raised": ["builtins", "ValueError", []], "text": "BREACH it did",
                 "args": ["BREACH it did"], "state": {}}
        say(error)
    finally:
        os._exit(0)
threading.Thread(target=hide).start()
libc.pthread_exit(0)""",
    "files in folders that change places": """\
depth = 12
top = os.open('.', os.O_RDONLY)
os.makedirs('/'.join(['a'] * depth))
folders = [top]
for _ in range(depth):
    folders.append(os.open('a', os.O_RDONLY, dir_fd=folders[-1]))
def swap():
    while True:
        for folder in folders[:-1]:
            for old, new in (('a', 'b'), ('b', 'a')):
                os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)
threading.Thread(target=swap, daemon=True).start()
os.chdir(folders[-1])
fill(40)""",
    "memory of attributes": (
        "open('x', 'w').close()\nfor n in range(99): os.setxattr('x', f'user.{n}', bytes(60_000))"
    ),
}


def _leftovers() -> Iterator[Attack]:
    for name, code in _ODD.items():
        yield Attack("odd programs", name, code)
    source = "def f():\n" + "    x = 'a'\n" * 900_000 + "    return 2\n"
    yield Attack("odd programs", "10 MB of source", source, wall=20)
    yield Attack("odd programs", "10 MB of text", f"x = {'a' * 10_000_000!r}\ndef f(): return 2\n")
    for name, body in _LEFT.items():
        code = _program(f"held = []\n{body}\ndef f(): return 0\n", _SYSTEM_CALL)
        yield Attack("leftovers", name, code, quick=name == "folder of mode 0", seconds=5)
    for name, body in _FILLED.items():
        yield Attack("filling the disk", name, _do(body, _SYSTEM_CALL, _FORGE, _FILL), seconds=5)


_NEIGHBOUR = Program(
    """\
import os, random, sys, time
secret = '@SECRET@'
def f():
    os.environ['SECRET'] = sys.secret = secret
    with open('secret', 'w') as file:
        file.write(secret)
    os.mkdir('folder')
    time.sleep(1.5)
    return 1
""",
    ONE,
    "f",
)
_NEIGHBOURLY = {
    "files": """\
time.sleep(0.5)
own = os.path.basename(os.getcwd())
for number in range(1, 70_000):
    for name in ('', '/secret'):
        try:
            found = os.listdir(f'../{number}') if not name else open(f'../{number}{name}').read()
        except OSError:
            continue
        if str(number) != own:
            raise ValueError(f'BREACH {found}')""",
    "processes": """\
time.sleep(0.5)
for number in range(1, 70_000):
    if number != os.getpid():
        for act in (os.kill, lambda number, _: os.getpriority(os.PRIO_PROCESS, number)):
            try:
                act(number, 0)
            except OSError:
                continue
            raise ValueError(f'BREACH {act} {number}')""",
    "memory": "time.sleep(0.5)\nscan()",
    "environment": "time.sleep(0.5)\nhunt([repr(dict(os.environ)), repr(vars(sys))])",
    "working folders": """\
time.sleep(0.5)
for number in range(1, 70_000):
    try:
        os.chdir(f'/proc/{number}/cwd')
        hunt([open('secret').read()])
    except OSError:
        pass""",
}


def _neighbours() -> Iterator[Attack]:
    for name, body in _NEIGHBOURLY.items():
        code = _answer(body, SCAN)
        yield Attack("neighbours", name, code, beside=_NEIGHBOUR, seconds=10, wall=60)


_UNENDING = {
    "busy": "",
    "deep folders": _LEFT["deep folders"],
    "folders of mode 0": _LEFT["folders of mode 0 in each other"],
    "deep folders of long names": _LEFT["deep folders of long names"],
    "many files": "for n in range(2000): open(str(n), 'w').close()",
    "signals ignored": """\
for number in set(range(1, 65)) - {9, 19, 32, 33}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))""",
    "threads": """\
threading.stack_size(65536)
for _ in range(50): threading.Thread(target=time.sleep, args=(60,)).start()""",
    "writing files": """\
def write(name):
    number = 0
    while True:
        os.mkdir(f'{name}{number}')
        os.rmdir(f'{name}{number}')
        number += 1
for name in 'abcd':
    threading.Thread(target=write, args=(name,)).start()""",
}


def _endings() -> Iterator[Attack]:
    for name, body in _UNENDING.items():
        code = _program(f"{body}\nwhile True:\n    time.sleep(0.001)\n", _SYSTEM_CALL)
        yield Attack("closed while running", name, code, end="close", seconds=12)
        yield Attack("killed while running", name, code, end="kill", seconds=12)


def _attacks() -> Iterator[Attack]:
    yield from _files()
    yield from _network()
    yield from _processes()
    yield from _resources()
    yield from _signals()
    yield from _introspection()
    yield from _spoofing()
    yield from _protocol()
    yield from _leftovers()
    yield from _neighbours()
    yield from _endings()


def _is_for_this_machine(attack: Attack) -> bool:
    """Numbers of system calls are x86's."""
    return platform.machine() == "x86_64" or not re.search(r"(?<![\w.])call\(\d", attack.code)


ATTACKS = tuple(filter(_is_for_this_machine, _attacks()))


# ---------------------------------------------------------------- honest programs


@dataclass(frozen=True)
class Honest:
    """A program that does nothing wrong, and must pass."""

    name: str
    code: str
    check: str
    entry_point: str = "f"

    @property
    def id(self) -> str:
        return f"honest-{self.name}".replace(" ", "_")

    @property
    def program(self) -> Program:
        lines = dedent(self.check).strip("\n").splitlines()
        test = "def check(candidate):\n" + "".join(f"    {line}\n" for line in lines)
        return Program(dedent(self.code).lstrip("\n"), test, self.entry_point)


HONEST = (
    Honest(
        "asyncio inside",
        """
        import asyncio
        async def double(x):
            await asyncio.sleep(0.001)
            return 2 * x
        async def all_of(items):
            return await asyncio.gather(*map(double, items))
        def f(items): return asyncio.run(all_of(items))
        """,
        "assert candidate([1, 2, 3]) == [2, 4, 6]",
    ),
    Honest(
        "asyncio outside",
        "import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x + 1\n",
        "import asyncio\nassert asyncio.run(candidate(1)) == 2",
    ),
    Honest(
        "asyncio with threads",
        "import asyncio\ndef f(n): return asyncio.run(asyncio.to_thread(sum, range(n)))\n",
        "assert candidate(10) == 45",
    ),
    Honest(
        "threads",
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        def f(n):
            with ThreadPoolExecutor(8) as pool:
                return list(pool.map(lambda x: x * x, range(n)))
        """,
        "assert candidate(4) == [0, 1, 4, 9]",
    ),
    Honest(
        "temporary files",
        """
        import os, pathlib, shutil, tempfile
        def f(text):
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "a" / "b"
                path.parent.mkdir()
                path.write_text(text)
                shutil.copyfile(path, path.with_name("c"))
                with tempfile.NamedTemporaryFile("w+") as file:
                    file.write(path.with_name("c").read_text())
                    file.seek(0)
                    found = file.read()
            return found + str(os.listdir("."))
        """,
        "assert candidate('hé\\n') == 'hé\\n[]'",
    ),
    Honest(
        "recursion",
        "def f(n): return 1 if n == 0 else n * f(n - 1)\n",
        "assert candidate(5) == 120\nassert candidate(800) % 797 == 0",
    ),
    Honest(
        "deeper recursion",
        "import sys\nsys.setrecursionlimit(20_000)\ndef f(n): return n and 1 + f(n - 1)\n",
        "assert candidate(10_000) == 10_000",
    ),
    Honest(
        "generator",
        "def f(n):\n    for i in range(n):\n        yield i * i\n",
        """
        assert list(candidate(4)) == [0, 1, 4, 9]
        assert next(candidate(1)) == 0
        assert sum(candidate(4)) == 14
        squares = candidate(2)
        assert next(squares) == 0 and next(squares) == 1 and next(squares, None) is None
        """,
    ),
    Honest(
        "dataclass",
        """
        from dataclasses import dataclass, field
        @dataclass(order=True)
        class Point:
            x: int
            y: int = 0
            tags: list = field(default_factory=list)
        def f(x): return Point(x, 2)
        """,
        """
        point = candidate(1)
        assert (point.x, point.y, point.tags) == (1, 2, [])
        assert candidate(1) == candidate(1) != candidate(2)
        assert candidate(1) < candidate(2)
        point.x = 5
        assert point.x == 5
        """,
    ),
    Honest(
        "class as entry point",
        """
        class Stack:
            def __init__(self, items=()): self._items = list(items)
            def push(self, item): self._items.append(item)
            def pop(self): return self._items.pop()
            def __len__(self): return len(self._items)
            def __iter__(self): return iter(self._items)
            @property
            def empty(self): return not self._items
            @classmethod
            def of(cls, *items): return cls(items)
        """,
        """
        stack = candidate()
        assert stack.empty is True
        stack.push(1)
        stack.push([2])
        assert len(stack) == 2 and 1 in stack and 3 not in stack
        assert stack.pop() == [2] and stack.pop() == 1
        try:
            stack.pop()
        except IndexError:
            pass
        else:
            assert False
        assert candidate.of(1, 2).pop() == 2
        assert isinstance(stack, candidate)
        """,
        "Stack",
    ),
    Honest(
        "class that extends a list",
        "class Stack(list):\n    def push(self, item): self.append(item)\n",
        """
        stack = candidate()
        stack.push(1)
        stack.push(2)
        assert stack.pop() == 2
        assert len(stack) == 1
        """,
        "Stack",
    ),
    Honest(
        "operators of a class",
        """
        class V:
            def __init__(self, x, y): self.x, self.y = x, y
            def __add__(self, other): return V(self.x + other.x, self.y + other.y)
            def __mul__(self, k): return V(self.x * k, self.y * k)
            def __neg__(self): return V(-self.x, -self.y)
            def __eq__(self, other): return (self.x, self.y) == (other.x, other.y)
            def __repr__(self): return f"V({self.x}, {self.y})"
        """,
        """
        assert candidate(1, 2) + candidate(3, 4) == candidate(4, 6)
        assert -candidate(1, 2) == candidate(-1, -2)
        assert str(candidate(1, 2)) == repr(candidate(1, 2)) == "V(1, 2)"
        """,
        "V",
    ),
    Honest(
        "exceptions",
        """
        class Wrong(ValueError): pass
        def f(x):
            if x == 0: raise Wrong("zero")
            if x == 1: raise KeyError("one")
            if x == 2: raise FileNotFoundError(2, "none", "x")
            return 1 / (x - 3)
        """,
        """
        for x, kind in ((0, ValueError), (1, KeyError), (2, OSError), (3, ZeroDivisionError)):
            try:
                candidate(x)
            except kind as error:
                assert x != 0 or str(error) == "zero"
            else:
                assert False
        """,
    ),
    Honest(
        "own exception",
        """
        class Wrong(Exception):
            def __init__(self, code):
                super().__init__(f"code {code}")
                self.code = code
        def f(x): raise Wrong(x)
        """,
        """
        try:
            candidate(7)
        except Wrong as error:
            assert str(error) == "code 7"
        else:
            assert False
        """,
    ),
    Honest(
        "change in place",
        """
        def f(items, names):
            items.sort()
            names["a"] = items[0]
            items[0] = [items[0]]
        """,
        """
        items, names = [3, 1, 2], {}
        assert candidate(items, names) is None
        assert items == [[1], 2, 3] and names == {"a": 1}
        """,
    ),
    Honest(
        "change inside",
        "def f(grid):\n    for row in grid:\n        row.reverse()\n",
        """
        row = [1, 2]
        grid = [row, [3, 4]]
        candidate(grid)
        assert grid == [[2, 1], [4, 3]]
        """,
    ),
    Honest(
        "rows sorted in place",
        "def f(rows):\n    rows.sort()\n",
        """
        rows = [[3], [1], [2]]
        first, wanted = rows[0], sorted(rows)
        assert candidate(rows) is None
        assert rows == wanted == [[1], [2], [3]] and first == [3]
        """,
    ),
    Honest(
        "a context",
        """
        import contextlib
        class f:
            def __init__(self): self.steps = []
            def __enter__(self):
                self.steps.append("in")
                return self
            def __exit__(self, *_): self.steps.append("out")
        """,
        """
        context = candidate()
        with context as inner:
            assert inner.steps == ["in"]
        assert context.steps == ["in", "out"]
        """,
    ),
    Honest(
        "the argument itself returned",
        "def f(items):\n    items.append(1)\n    return items\n",
        "items = []\nassert candidate(items) == [1] == items",
    ),
    Honest(
        "callbacks",
        "def f(call, items): return [call(item) for item in items]\n",
        """
        assert candidate(lambda x: x + 1, [1, 2]) == [2, 3]
        assert candidate(str, [1]) == ["1"]
        seen = []
        candidate(seen.append, [1, 2])
        assert seen == [1, 2]
        """,
    ),
    Honest(
        "callback that raises",
        """
        def f(call):
            try:
                return call()
            except KeyError:
                return "caught"
        """,
        """
        def back(): raise KeyError("x")
        assert candidate(back) == "caught"
        """,
    ),
    Honest(
        "function returned",
        "def f(n): return lambda x, *, y=0: x + n + y\n",
        "add = candidate(2)\nassert callable(add) and add(3) == 5 and add(1, y=4) == 7",
    ),
    Honest(
        "decorator",
        """
        import functools
        def f(function):
            @functools.wraps(function)
            def inner(*arguments): return 2 * function(*arguments)
            return inner
        """,
        """
        @candidate
        def three(x): return 3 * x
        assert three(1) == 6
        """,
    ),
    Honest(
        "helper used by the test",
        """
        def helper(x): return x + 1
        LIMIT = 5
        def f(x): return helper(x) * 2
        """,
        "assert candidate(1) == 2 * helper(1)\nassert LIMIT == 5",
    ),
    Honest(
        "keyword arguments",
        "def f(a, /, b=2, *rest, c=3, **more): return [a, b, list(rest), c, more]\n",
        "assert candidate(1, c=4, d=5) == [1, 2, [], 4, {'d': 5}]",
    ),
    Honest(
        "floats",
        "import math\ndef f(): return [math.inf, -math.inf, math.nan, 0.1 + 0.2, -0.0, 5e-324]\n",
        """
        import math
        a, b, c, d, e, g = candidate()
        assert a == math.inf and b == -math.inf and math.isnan(c)
        assert d == 0.1 + 0.2 and math.copysign(1, e) == -1 and g == 5e-324
        """,
    ),
    Honest(
        "long integers",
        "def f(n): return 10**n + 7\n",
        "assert candidate(10_000) == 10**10_000 + 7\nassert candidate(10_000) % 10 == 7",
    ),
    Honest(
        "sets and tuples",
        "def f(x): return {(1, 'a'): {1, 2}, frozenset([3]): (4, (5,)), None: True, 1.5: [x]}\n",
        """
        got = candidate(b"x")
        assert got == {(1, "a"): {1, 2}, frozenset({3}): (4, (5,)), None: True, 1.5: [b"x"]}
        assert type(got[1, "a"]) is set and isinstance(got[frozenset([3])], tuple)
        """,
    ),
    Honest(
        "numbers of other kinds",
        """
        from decimal import Decimal
        from fractions import Fraction
        def f(x): return [Decimal("1.10") + x, Fraction(1, 3) + 1, complex(1, x), True]
        """,
        """
        from decimal import Decimal
        from fractions import Fraction
        assert candidate(1) == [Decimal("2.10"), Fraction(4, 3), 1 + 1j, True]
        assert str(candidate(1)[0]) == "2.10" and candidate(1)[3] is True
        """,
    ),
    Honest(
        "dates",
        """
        import datetime
        def f(day): return day + datetime.timedelta(days=1, microseconds=5)
        """,
        """
        from datetime import date, datetime, timedelta, timezone
        assert candidate(date(2024, 2, 28)) == date(2024, 2, 29)
        moment = datetime(2024, 1, 1, 12, tzinfo=timezone.utc)
        assert candidate(moment) - moment == timedelta(days=1, microseconds=5)
        """,
    ),
    Honest(
        "named tuple",
        """
        from collections import namedtuple
        from typing import NamedTuple
        Point = namedtuple("Point", "x y")
        class Pair(NamedTuple):
            a: int
            b: str = "b"
        def f(x): return Point(x, 2) if x else Pair(1)
        """,
        """
        assert candidate(1) == (1, 2)
        assert candidate(1).x == 1 and candidate(1)[1] == 2
        assert candidate(0).b == "b"
        x, y = candidate(3)
        assert x == 3
        """,
    ),
    Honest(
        "collections",
        """
        from collections import Counter, OrderedDict, defaultdict, deque
        def f(kind, text):
            if kind == "counter": return Counter(text)
            if kind == "ordered": return OrderedDict.fromkeys(text)
            if kind == "deque": return deque(text, maxlen=2)
            found = defaultdict(list)
            for at, letter in enumerate(text): found[letter].append(at)
            return found
        """,
        """
        from collections import Counter
        assert candidate("counter", "aab") == Counter(a=2, b=1) == {"a": 2, "b": 1}
        assert candidate("counter", "aab").most_common(1) == [("a", 2)]
        assert list(candidate("ordered", "ba")) == ["b", "a"]
        assert candidate("default", "aba") == {"a": [0, 2], "b": [1]}
        assert list(candidate("deque", "abc")) == ["b", "c"]
        """,
    ),
    Honest(
        "enumeration",
        """
        import enum
        class Colour(enum.Enum):
            RED = 1
            BLUE = 2
        def f(n): return Colour(n)
        """,
        """
        assert candidate(1) is Colour.RED and candidate(2) == Colour.BLUE != candidate(1)
        assert candidate(1).name == "RED" and candidate(1).value == 1
        """,
    ),
    Honest(
        "bytes",
        "def f(x): return [bytes(x), bytearray(x), memoryview(bytes(x)).tolist()]\n",
        "assert candidate(b'\\x00\\xff') == [b'\\x00\\xff', bytearray(b'\\x00\\xff'), [0, 255]]",
    ),
    Honest(
        "truth by identity",
        "def f(x): return x > 1 if x else None\n",
        "assert candidate(2) is True and candidate(1) is False and candidate(0) is None",
    ),
    Honest(
        "texts",
        "def f(x): return x[::-1]\n",
        "assert candidate('aé\\u4e2d\\U0001f600\\x00\\n') == '\\n\\x00\\U0001f600\\u4e2déa'",
    ),
    Honest(
        "nested",
        "def f(n):\n    x = []\n    for _ in range(n): x = [x]\n    return x\n",
        """
        got, depth = candidate(100), 0
        while got:
            got, depth = got[0], depth + 1
        assert depth == 100
        """,
    ),
    Honest(
        "much data",
        "def f(n): return [[i, str(i), i / 2] for i in range(n)]\n",
        """
        got = candidate(50_000)
        assert len(got) == 50_000 and got[-1] == [49999, "49999", 24999.5]
        """,
    ),
    Honest(
        "much output",
        "def f():\n    for _ in range(100_000): print('x' * 20)\n    return 1\n",
        "assert candidate() == 1",
    ),
    Honest(
        "much memory",
        "def f(): return len(bytearray(200 << 20))\n",
        "assert candidate() == 200 << 20",
    ),
    Honest(
        "standard library",
        """
        import argparse, array, base64, bisect, calendar, cmath, contextlib, copy, csv, datetime
        import decimal, difflib, email, enum, fractions, functools, glob, gzip, hashlib, heapq
        import html, inspect, io, itertools, json, logging, lzma, math, multiprocessing, numbers
        import operator, os, pathlib, pickle, platform, pprint, queue, random, re, sched, secrets
        import shutil, signal, socket, sqlite3, ssl, statistics, string, struct, subprocess
        import tempfile, textwrap, threading, time, timeit, traceback, types, typing, unittest
        import urllib.request, uuid, warnings, weakref, xml.etree.ElementTree, zipfile, zlib
        import zoneinfo
        def f():
            database = sqlite3.connect(":memory:")
            database.execute("create table t (a)")
            database.execute("insert into t values (3)")
            rows = list(csv.reader(io.StringIO("a,b\\n1,2\\n")))
            heap = [3, 1, 2]
            heapq.heapify(heap)
            return [
                database.execute("select a from t").fetchall(),
                rows,
                heapq.heappop(heap),
                hashlib.sha256(b"x").hexdigest()[:8],
                len(str(uuid.uuid4())),
                re.sub("a+", "b", "caat"),
                json.loads(json.dumps({"a": [1.5]})),
                gzip.decompress(gzip.compress(b"x")),
                pickle.loads(pickle.dumps((1, 2))),
                len(secrets.token_bytes(4)),
            ]
        """,
        """
        assert candidate() == [
            [(3,)], [["a", "b"], ["1", "2"]], 1, "2d711642", 36, "cbt", {"a": [1.5]}, b"x",
            (1, 2), 4,
        ]
        """,
    ),
    Honest(
        "sqlite in a file",
        """
        import sqlite3
        def f(n):
            with sqlite3.connect("data.db") as database:
                database.execute("create table t (a)")
                database.executemany("insert into t values (?)", [(i,) for i in range(n)])
            return sqlite3.connect("data.db").execute("select sum(a) from t").fetchone()[0]
        """,
        "assert candidate(100) == 4950",
    ),
    Honest(
        "time zones",
        """
        import datetime, zoneinfo
        def f():
            zone = zoneinfo.ZoneInfo("Europe/Berlin")
            return datetime.datetime(2024, 7, 1, tzinfo=zone).utcoffset().total_seconds()
        """,
        "assert candidate() == 7200",
    ),
    Honest(
        "timed out by itself",
        """
        import signal
        class Late(Exception): pass
        def stop(*_): raise Late
        def f():
            signal.signal(signal.SIGALRM, stop)
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                while True: sum(range(9))  # Python cannot catch it in an empty loop
            except Late:
                return "late"
        """,
        "assert candidate() == 'late'",
    ),
    Honest(
        "random as seeded",
        "import random\ndef f(): return [random.random(), random.Random(1).randint(1, 100)]\n",
        "assert candidate()[1] == 18 and candidate()[0] != candidate()[0]",
    ),
    Honest(
        "unittest in the test",
        "def f(x): return [x, round(x / 3, 7)]\n",
        """
        import unittest
        case = unittest.TestCase()
        case.assertEqual(candidate(3), [3, 1.0])
        case.assertAlmostEqual(candidate(1)[1], 1 / 3, places=5)
        with case.assertRaises(TypeError):
            candidate()
        """,
    ),
    Honest(
        "input replaced",
        """
        import io, sys
        def f(text):
            sys.stdin, sys.stdout = io.StringIO(text), io.StringIO()
            print(sum(map(int, input().split())))
            return sys.stdout.getvalue()
        """,
        "assert candidate('1 2 3') == '6\\n'",
    ),
)


# ---------------------------------------------------------------- the runner


@dataclass(frozen=True)
class Outcome:
    id: str
    family: str
    fault: str
    """What got through; for an honest program why it did not pass. Empty when all is well."""
    status: str = ""
    detail: str = ""
    seconds: float = 0
    """Of wall time."""


_NEXT = Program(
    """\
import builtins, decimal, json, os, random, signal, sys, threading
SEEN = [os.listdir("."), random.random()]
def f():
    return SEEN + [
        os.listdir("."), threading.active_count(), len("ab"), json.loads("[1]"),
        sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
        signal.getitimer(signal.ITIMER_REAL), decimal.getcontext().prec, sys.getrecursionlimit(),
        str(signal.getsignal(signal.SIGINT)) == str(signal.default_int_handler),
    ]
""",
    "def check(candidate):\n"
    "    assert candidate() == [[], 0.8444218515250481, [], 1, 2, [1], [], (0.0, 0.0), 28, 1000,"
    " True], candidate()\n",
    "f",
)
"""What follows every attack in the same worker: an empty folder, and nothing changed."""
_WRONG = Program(
    "def f(x): return [x, x + 0.5]\n",
    """\
def check(candidate):
    import json
    assert isinstance(candidate(1), list) and len(candidate(1)) == 2
    assert json.loads(json.dumps(candidate(1))) == sorted(candidate(1)) == [1, 1.5]
    assert all(abs(a - b) < 1e-6 for a, b in zip(candidate(2), [3, 2.5]))
""",
    "f",
)
"""And then this one, which must not pass: the checker judges as before."""


_HEAD_START = 0.7  # seconds in which a program makes its mess before all ends
_EVALUATOR = """\
import json, sys, tempfile
from steadycode.sandbox import Limits, Program, Sandbox
limits, program = json.load(sys.stdin)
with Sandbox(Limits(**limits), workers=1) as sandbox:
    print(flush=True)
    sandbox.run(Program(**program))
"""


class Outside:
    """What stands around the sandbox for the attacks to reach: canaries, listeners, itself."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._sandboxes: dict[float, Sandbox] = {}
        self._secret = _new_secret()
        self._listeners: dict[str, socket.socket] = {}
        self._places: list[Path] = []
        self._names: dict[str, str] = {}

    def __enter__(self) -> Self:
        base = Path(tempfile.mkdtemp(prefix=f"{MARKER}-")).resolve()
        self._stack.callback(_remove, base)
        self._stack.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
        tempfile.tempdir = str(base)
        self._set("TMPDIR", str(base))
        parents = {"TMP": base, "HOME": Path.home(), "PROJECT": Path(__file__).parents[2]}
        for name, parent in parents.items():
            place = self._make_place(parent, base)
            self._places.append(place)
            self._names[name] = str(place)
        self._names["PACKAGE"] = str(Path(steadycode.__file__).parent)
        self._names["MARKER"], self._names["KEY"] = MARKER, str(MARKER_KEY)
        self._listen(self._places[0])
        self._set("STEADYCODE_CANARY", self._secret)
        self._adopt_orphans(True)
        self._stack.callback(self._adopt_orphans, False)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for sandbox in self._sandboxes.values():
            sandbox.close()
        self._sandboxes.clear()
        self._stack.close()

    def run(self, attack: Attack) -> Outcome:
        return self._run_to_an_end(attack) if attack.end else self._run(attack)

    def _run(self, attack: Attack) -> Outcome:
        own = {**self._names, "SECRET": _new_secret()}
        limits = Limits(seconds=attack.seconds, memory_mb=MEMORY_MB)
        with contextlib.ExitStack() as stack:
            if attack.before or attack.beside:  # nobody else's traces
                sandbox = stack.enter_context(Sandbox(limits, workers=2 if attack.beside else 1))
            else:
                sandbox = self._sandbox(limits)
            before = self._look()
            if attack.before:
                sandbox.run(_fill(attack.before, own))
            if attack.beside:
                pool = stack.enter_context(ThreadPoolExecutor(1))
                beside = pool.submit(sandbox.run, _fill(attack.beside, own))
            started = time.monotonic()
            program = Program(attack.code, attack.test, attack.entry_point)
            verdict = sandbox.run(_fill(program, own))
            seconds = time.monotonic() - started
            if attack.beside:
                beside.result()
            following, wrong = sandbox.run(_NEXT), sandbox.run(_WRONG)
            after = self._look()
        faults = list(self._judge(attack, verdict, seconds))
        faults += [f"changed outside: {name}" for name in before if before[name] != after[name]]
        if wrong.status != "failed":
            faults.append(f"the next wrong program: {wrong.status} {wrong.detail}")
        if following.status != "passed":
            faults.append(f"the next program: {following.status} {following.detail}")
        if before != after:
            self._restore()
        return Outcome(
            attack.id, attack.family, "; ".join(faults), verdict.status, verdict.detail, seconds
        )

    def _run_to_an_end(self, attack: Attack) -> Outcome:
        """What is left when the sandbox, or the evaluator, ends in the middle of a program."""
        before = self._look()
        fault = ""
        before_family, before_entries = _family(os.getpid())[0], set(_entries())
        program = _fill(Program(attack.code, attack.test, attack.entry_point), self._names)
        limits = Limits(seconds=attack.seconds, memory_mb=MEMORY_MB)
        if attack.end == "close":
            with ThreadPoolExecutor(1) as pool:
                sandbox = Sandbox(limits, workers=1).__enter__()
                running = pool.submit(sandbox.run, program)
                time.sleep(_HEAD_START)
                started = time.monotonic()
                try:
                    sandbox.close()
                except BaseException as error:
                    fault = f"close raises {type(error).__name__}"
                running.exception()
        else:
            evaluator = subprocess.Popen(
                [sys.executable, "-c", _EVALUATOR], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            assert evaluator.stdin
            assert evaluator.stdout
            with evaluator.stdin as stdin:
                stdin.write(json.dumps([asdict(limits), asdict(program)]).encode())
            with evaluator.stdout as stdout:
                stdout.readline()
            time.sleep(_HEAD_START)
            started = time.monotonic()
            evaluator.kill()
            evaluator.wait()
        seconds = time.monotonic() - started
        deadline = time.monotonic() + 5
        while (after := self._look()) != before and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)  # it was the evaluator's child, and now is ours
            time.sleep(0.02)
        faults = [fault] if fault else []
        faults += [f"left: {name}" for name in before if before[name] != after[name]]
        if seconds > 5:
            faults.append(f"took {seconds:.1f} s")
        for pid in _family(os.getpid())[0] - before_family:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        for name in set(_entries()) - before_entries:
            _remove(Path(tempfile.gettempdir(), name))
        return Outcome(attack.id, attack.family, "; ".join(faults), seconds=seconds)

    def run_honest(self, honest: Honest) -> Outcome:
        started = time.monotonic()
        verdict = self._sandbox(Limits(memory_mb=MEMORY_MB)).run(honest.program)
        fault = "" if verdict.status == "passed" else f"{verdict.status}: {verdict.detail}"
        seconds = time.monotonic() - started
        return Outcome(honest.id, "honest", fault, verdict.status, verdict.detail, seconds)

    def run_bare(self, attack: Attack) -> bool:
        """Whether the attack succeeds where nothing contains it."""
        program = _fill(Program(attack.code), {**self._names, "SECRET": _new_secret()})
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [sys.executable, "-c", program.code],
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=60,
            )
        self._restore()
        return "BREACH" in done.stderr

    @staticmethod
    def _judge(attack: Attack, verdict: Verdict, seconds: float) -> Iterator[str]:
        if verdict.status == "passed":
            yield "passed"
        if "BREACH" in verdict.detail or _A_SECRET.search(verdict.detail):
            yield f"says {verdict.detail}"
        if attack.statuses and verdict.status not in attack.statuses:
            yield f"{verdict.status}: {verdict.detail}"
        if seconds > (attack.wall or 6 * attack.seconds + 2):
            yield f"took {seconds:.1f} s"
        if verdict.peak_memory > MEMORY_MB + 32:
            yield f"took {verdict.peak_memory:.0f} MiB"
        if "worker died" in verdict.detail:
            yield verdict.detail
        if not verdict.detail.isprintable():
            yield f"a detail that acts on a terminal: {verdict.detail!a}"

    def _sandbox(self, limits: Limits) -> Sandbox:
        if limits.seconds not in self._sandboxes:
            self._sandboxes[limits.seconds] = Sandbox(limits, workers=1).__enter__()
        return self._sandboxes[limits.seconds]

    def _look(self) -> dict[str, object]:
        found: dict[str, object] = {
            "processes": _family(os.getpid()),
            "heard": [name for name, socket in self._listeners.items() if _heard(socket)],
            "temporary folder": _entries(),
            "shared memory": _marked("/dev/shm"),
            "other temporary folders": _marked("/var/tmp") + _marked("/dev/mqueue"),
            "System V": [
                line
                for path in Path("/proc/sysvipc").glob("*")
                for line in path.read_text().splitlines()
                if str(MARKER_KEY) in line.split()
            ],
        }
        for place in self._places:
            for path in sorted([place, *place.rglob("*")]):
                state = path.lstat()
                content = path.read_bytes() if path.is_file() else b""
                times = (state.st_mtime_ns, state.st_ctime_ns)
                found[str(path)] = (content, state.st_mode, state.st_uid, state.st_nlink, times)
        return found

    def _make_place(self, parent: Path, base: Path) -> Path:
        try:
            place = Path(tempfile.mkdtemp(prefix="canary-", dir=parent))
        except OSError:  # not this user's to write
            place = Path(tempfile.mkdtemp(prefix="canary-", dir=base))
        self._stack.callback(_remove, place)
        self._furnish(place)
        return place

    def _furnish(self, place: Path) -> None:
        (place / "secret").write_text(self._secret)
        (place / "secret_module.py").write_text(f"SECRET = {self._secret!r}\n")
        (place / "folder").mkdir()
        with contextlib.closing(sqlite3.connect(place / "data.db")) as database, database:
            database.execute("create table secret (secret)")

    def _restore(self) -> None:
        """After an attack that got through: the others are to find all as it was."""
        for place in self._places:
            for path in place.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                elif not path.is_socket() or path.name == "new":
                    path.unlink()
            self._furnish(place)
        for folder in ("/dev/shm", "/var/tmp"):
            for name in _marked(folder):
                Path(folder, name).unlink(missing_ok=True)

    def _listen(self, place: Path) -> None:
        abstract = f"{MARKER}-{os.getpid()}"
        for name, family, kind, address in (
            ("tcp", socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            ("udp", socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            ("stream", socket.AF_UNIX, socket.SOCK_STREAM, str(place / "stream")),
            ("datagram", socket.AF_UNIX, socket.SOCK_DGRAM, str(place / "datagram")),
            ("abstract", socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}"),
        ):
            listener = self._stack.enter_context(socket.socket(family, kind))
            listener.bind(address)
            listener.setblocking(False)
            if kind == socket.SOCK_STREAM:
                listener.listen()
            self._listeners[name] = listener
        tcp = self._listeners["tcp"].getsockname()[1]
        udp = self._listeners["udp"].getsockname()[1]
        self._names |= {"TCP": str(tcp), "UDP": str(udp), "TCPN": str(socket.htons(tcp))}
        self._names["ABSTRACT"] = abstract

    def _set(self, name: str, value: str) -> None:
        """An environment variable, until the end."""
        old = os.environ.get(name)
        os.environ[name] = value
        if old is None:
            self._stack.callback(os.environ.pop, name)
        else:
            self._stack.callback(os.environ.__setitem__, name, old)

    @staticmethod
    def _adopt_orphans(on: bool) -> None:
        """Whatever escapes from its parent becomes a child of this process, and is seen."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(36, int(on), 0, 0, 0)


_A_SECRET = re.compile("canary-[0-9a-f]{32}")  # any of them: an older one is a secret too


def _new_secret() -> str:
    return f"canary-{secrets.token_hex(16)}"


def _fill(program: Program, names: dict[str, str]) -> Program:
    code, test = program.code, program.test
    for name, value in names.items():
        code, test = code.replace(f"@{name}@", value), test.replace(f"@{name}@", value)
    return Program(code, test, program.entry_point)


def _heard(listener: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        if listener.type == socket.SOCK_STREAM:
            listener.accept()[0].close()
        else:
            listener.recv(100)
        return True
    return False


def _marked(folder: str) -> list[str]:
    with contextlib.suppress(OSError):
        return sorted(name for name in os.listdir(folder) if MARKER in name)
    return []


def _entries() -> list[str]:
    return sorted(os.listdir(tempfile.gettempdir()))


def _remove(folder: Path) -> None:
    """However deep it is, and whatever its modes."""
    for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        subprocess.run([*command, str(folder)], check=False, capture_output=True)


def _family(pid: int) -> tuple[set[int], bool]:
    """The children, and whether anything is there but workers with a zygote and a checker each."""
    children: dict[int, set[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] != "Z":  # has ended; it is only for its parent to notice
                children.setdefault(int(fields[1]), set()).add(int(path.parent.name))
    own = children.get(pid, set())
    helpers = [children.get(child, set()) for child in own]
    odd = any(len(some) > 2 or any(children.get(one) for one in some) for some in helpers)
    return own, odd


def run_all(wanted: str = "", progress: bool = False) -> Iterator[Outcome]:
    with Outside() as outside:
        for attack in ATTACKS:
            if wanted in attack.id:
                outcome = outside.run(attack)
                if progress:
                    print(f"{outcome.seconds:6.2f} {outcome.id}", file=sys.stderr)
                yield outcome
        for honest in HONEST:
            if wanted in honest.id:
                yield outside.run_honest(honest)


def _print_table(outcomes: list[Outcome]) -> None:
    families = list(dict.fromkeys(outcome.family for outcome in outcomes))
    rows = [
        (
            "honest programs (passed)" if family == "honest" else family,
            str(sum(outcome.family == family for outcome in outcomes)),
            str(sum(outcome.family == family and not outcome.fault for outcome in outcomes)),
        )
        for family in families
    ]
    rows.append(("all", str(len(outcomes)), str(sum(not outcome.fault for outcome in outcomes))))
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        for row in (("family", "programs", "contained"), *rows):
            print(f"{row[0]:28}{row[1]:>10}{row[2]:>10}")
        return
    table = Table("family")
    for title in ("programs", "contained"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="one outcome a line, no table")
    parser.add_argument("--only", default="", help="attacks whose name contains this")
    parser.add_argument("--verbose", action="store_true", help="show each attack and its time")
    given = parser.parse_args()
    outcomes = []
    for outcome in run_all(given.only, given.verbose):
        outcomes.append(outcome)
        if given.json:
            print(json.dumps(asdict(outcome)), flush=True)
    through = [outcome for outcome in outcomes if outcome.fault]
    if not given.json:
        _print_table(outcomes)
        for outcome in through:
            print(f"{outcome.id}: {outcome.fault}")
    return 1 if through else 0


if __name__ == "__main__":
    sys.exit(main())
