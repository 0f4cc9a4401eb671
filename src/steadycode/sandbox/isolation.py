"""Confines the calling process for good, which every program and every checker does first.

Landlock lets it read the Python runtime and one folder, and write that folder only; a seccomp
filter (``syscalls.py``) lets it make only calls that act on itself; it gives up every capability,
so that root is nobody special; resource limits bound the rest. On Linux all of this is open to
ordinary users. This file imports nothing of steadycode, since the worker loads it.
"""

import contextlib
import ctypes
import glob
import os
import resource
import struct
import sys
import sysconfig
from typing import Any

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_CAPABILITIES_VERSION = 0x20080522
_CLONE_PARENT, _SIGCHLD = 0x8000, 17
_CLONE = {"x86_64": 56, "aarch64": 220}
_NEW_NAMESPACES = 0x10000000 | 0x40000000 | 0x08000000 | 0x04000000  # user, network, ipc, uts

_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_READ = _READ_FILE | _READ_DIR
_WRITE_FILE, _REFER, _TRUNCATE = 1 << 1, 1 << 13, 1 << 14
_CHANGE = _WRITE_FILE | sum(1 << bit for bit in (4, 5, 7, 8, 12))  # remove, make file, folder, link
_ALL = (1 << 13) - 1  # all of Landlock's first version: also execute, make devices, sockets, pipes
_OPEN_FILES, _STACK = 64, 8 << 20

_libc = ctypes.CDLL(None, use_errno=True)
_python_fork = ctypes.PyDLL(None, use_errno=True).fork  # keeps the interpreter's lock
_python_syscall = ctypes.PyDLL(None, use_errno=True).syscall
if sys.platform == "linux":
    _prctl, _syscall, _capset, _unshare = _libc.prctl, _libc.syscall, _libc.capset, _libc.unshare

_MACHINE = os.uname().machine

Missing = dict[str, str]
"""Why each thing that cannot be enforced cannot be."""


def leave_namespaces() -> None:
    """Enter new namespaces, without any network and without others' shared memory, if the kernel
    lets an ordinary user have them. This is a second wall, which the others do not need."""
    if sys.platform == "linux" and not _unshare(_NEW_NAMESPACES):
        _prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)  # or the worker may not look at its own programs


def stay_on(processor: int | None) -> None:
    """Keep this process on one processor. A worker, its programs and their checker take turns, and
    to wake one up on another processor takes longer than what it does there."""
    if processor is not None and hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {processor})


def die_with_parent(sign: int) -> None:
    """Let Linux send this process the signal ``sign`` when the thread that started it ends."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, sign, 0, 0, 0)


def fork() -> int:
    """Fork a process that has only one thread, without all that Python does after ``os.fork``:
    every page that a fork touches is copied, which costs more than what is done in it."""
    pid: int = _python_fork()
    if pid < 0:
        raise OSError(ctypes.get_errno(), "fork failed")
    return pid


def can_copy_for_parent() -> bool:
    """Whether ``copy_for_parent`` works on this machine."""
    return sys.platform == "linux" and _MACHINE in _CLONE


def copy_for_parent() -> int:
    """Fork like ``fork``, but make the new process a child of this one's parent."""
    pid: int = _python_syscall(_CLONE[_MACHINE], _CLONE_PARENT | _SIGCHLD, 0, 0, 0, 0)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone failed")
    return pid


class Confinement:
    """The confinement that a process enters, prepared so that little is left to do after a fork."""

    def __init__(self, folder: str, calls: bytes, alone: bytes, limits: dict[str, Any]) -> None:
        """``calls`` and ``alone`` are the seccomp filters, which are empty without libseccomp."""
        self._folder = os.fsencode(folder)
        self._bounds = _bounds(limits)
        self._seconds = -int(-limits["seconds"] // 1) + 1
        self._ruleset = _build_ruleset(folder)
        self._calls, self._alone = _Filter(calls), _Filter(alone)
        self._header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITIES_VERSION, 0))
        self._no_capabilities = ctypes.create_string_buffer(2 * 3 * 4)

    @property
    def files(self) -> list[int]:
        """The files that have to stay open until ``enter`` closes them."""
        return [] if self._ruleset is None else [self._ruleset]

    def close(self) -> None:
        """Close the files, where nobody will enter any more."""
        for fd in self.files:
            os.close(fd)
        self._ruleset = None

    def enter(self) -> Missing:
        """Enter all that a child inherits; return what could not be enforced."""
        _offer_to_the_kernel()
        os.chdir(self._folder)
        missing: Missing = {}
        for name, (kind, bound) in self._bounds.items():
            missing |= _limit(name, kind, bound)
        if sys.platform != "linux":
            return {**missing, "landlock": "this is not Linux", "seccomp": "this is not Linux"}
        _capset(self._header, self._no_capabilities)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if self._ruleset is None:
            missing["landlock"] = "this kernel has no Landlock (it came with 5.13), or it is off"
        else:
            if _syscall(_LANDLOCK_RESTRICT_SELF, self._ruleset, 0):
                missing["landlock"] = _reason()
            os.close(self._ruleset)
        return {**missing, **self._calls.enter()}

    def enter_alone(self, cpu: bool) -> Missing:
        """Enter the rest: no more processes, and no more changes to the confinement. ``cpu`` also
        limits CPU time, which only a process for one program can do."""
        missing: Missing = {}
        if cpu:  # the worker looks at the clock; this is in case it cannot
            missing = _limit("CPU seconds (ulimit -t)", resource.RLIMIT_CPU, self._seconds)
        return {**missing, **self._alone.enter()}


class _Filter:
    """A seccomp filter in the form that the kernel takes, ``struct sock_fprog``."""

    def __init__(self, calls: bytes) -> None:
        self._calls = ctypes.create_string_buffer(calls, len(calls))
        count, address = len(calls) // 8, ctypes.addressof(self._calls)
        self._program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", count, address))

    def enter(self) -> Missing:
        if sys.platform != "linux":
            return {}
        if not len(self._calls):
            return {"seccomp": "libseccomp is missing"}
        if _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, self._program):
            return {"seccomp": _reason()}
        return {}


def _bounds(limits: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Kind and value of every limit of resources, by name and by how a shell calls it."""
    memory, files = limits["memory_mb"] << 20, limits["files_mb"] << 20
    return {
        "memory (ulimit -v)": (resource.RLIMIT_AS, memory),
        "data (ulimit -d)": (resource.RLIMIT_DATA, memory),
        "stack (ulimit -s)": (resource.RLIMIT_STACK, _STACK),
        "file size (ulimit -f)": (resource.RLIMIT_FSIZE, files),
        "open files (ulimit -n)": (resource.RLIMIT_NOFILE, _OPEN_FILES),
        "core files (ulimit -c)": (resource.RLIMIT_CORE, 0),
    }


def _limit(name: str, kind: int, bound: int) -> Missing:
    """Set a limit to exactly ``bound``: a stricter one would change verdicts without a word."""
    try:
        resource.setrlimit(kind, (bound, bound))
    except (ValueError, OSError) as error:
        hard = resource.getrlimit(kind)[1]
        if 0 <= hard < bound:
            return {f"limit of {name}": f"to be {bound}, but the hard limit here is {hard}"}
        return {f"limit of {name}": str(error)}
    return {}


def _offer_to_the_kernel() -> None:
    """When the machine's memory runs out, let the kernel end this process and not the evaluator.
    Everybody may raise the score that it goes by; a program cannot lower it."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def _reason() -> str:
    return os.strerror(ctypes.get_errno())


def _build_ruleset(folder: str) -> int | None:
    """Make a Landlock ruleset: read the runtime, use ``folder``, nothing else of the file system.
    Returns its file descriptor, or None when the kernel has no Landlock."""
    if sys.platform != "linux":
        return None
    version = _syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return None
    newer = (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    attributes = struct.pack("Q", _ALL | newer)
    ruleset: int = _syscall(
        _LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0
    )
    if ruleset < 0:
        return None
    for path in _runtime():
        _allow(ruleset, path, _READ if os.path.isdir(path) else _READ_FILE)
    _allow(ruleset, os.devnull, _READ_FILE | _WRITE_FILE | newer & _TRUNCATE)
    _allow(ruleset, folder, _READ | _CHANGE | newer)
    return ruleset


def _runtime() -> list[str]:
    """The paths of the standard library, without installed packages, and of system libraries."""
    library = sysconfig.get_path("stdlib")
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    paths = [path for path in glob.glob(f"{library}/*") if not path.endswith("-packages")]
    paths += glob.glob(f"{sys.base_prefix}/lib/*.so*")
    paths += [f"/lib/{multiarch}", f"/usr/lib/{multiarch}"] if multiarch else []
    paths += ["/lib64", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo"]
    paths += ["/usr/lib/locale", "/etc/mime.types"]
    paths += ["/etc/localtime", "/dev/urandom", "/dev/zero"]
    return [path for path in paths if os.path.exists(path)]


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(OSError):  # what this user may not read anyway
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, beneath)
        _syscall(_LANDLOCK_ADD_RULE, ruleset, 1, rule, 0)
        os.close(beneath)
