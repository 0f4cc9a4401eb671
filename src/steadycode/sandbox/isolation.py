"""What a program may not do, enforced by the Linux kernel: two unprivileged filters, via ctypes.

Seccomp refuses new processes, sockets, signals to others, more resources, and what only an
administrator needs; Landlock refuses writing outside one folder. Both need Linux on x86-64 or
AArch64; elsewhere the functions return False and the limits of ``worker.py`` stand alone.
Imports nothing of steadycode: it is loaded by the worker, which must stay light.
"""

import ctypes
import errno
import os
import platform
import signal
import struct
import sys

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_SECCOMP_MODE_FILTER = 2
_CLONE_THREAD = 0x00010000
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Machine -> its AUDIT_ARCH number and its column below."""

_CONDITIONAL = {
    "clone": (56, 220),  # threads yes, processes no
    "clone3": (435, 435),  # its flags lie behind a pointer: libc falls back to clone
    "kill": (62, 129),
    "tgkill": (234, 131),
    "prlimit64": (302, 261),  # reading a limit yes, setting one no
}
_REFUSED = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "socket": (41, 198),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "setrlimit": (160, 164),
    "unshare": (272, 97),
    "setns": (308, 268),
    "chroot": (161, 51),
    "mount": (165, 40),
    "umount2": (166, 39),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "sethostname": (170, 161),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
}

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """On Linux, this process is killed when the thread that started it ends."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def refuse_system_calls() -> bool:
    """Load the seccomp filter into this process, for good. False where that is not possible."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return False
    architecture, column = _ARCHITECTURES[platform.machine()]
    code = _filter(architecture, column, os.getpid())
    count = len(code) // 8
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", count, ctypes.addressof(buffer))
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    taken = _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(program))
    return bool(taken == 0)


def _filter(architecture: int, column: int, pid: int) -> bytes:
    """A classic BPF program over ``struct seccomp_data``: number at 0, arguments from 16."""
    load, equal, at_least, has_bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse, absent = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS

    def argument(index: int) -> int:
        return 16 + 8 * index

    numbers = {name: both[column] for name, both in (_CONDITIONAL | _REFUSED).items()}
    steps = [
        (load, 0, 0, 4),
        (equal, 1, 0, architecture),
        (give, 0, 0, refuse),
        (load, 0, 0, 0),
        (at_least, 0, 1, 0x40000000),  # the x32 numbers
        (give, 0, 0, refuse),
        (equal, 0, 1, numbers["clone3"]),
        (give, 0, 0, absent),
        (equal, 0, 4, numbers["clone"]),
        (load, 0, 0, argument(0)),
        (has_bits, 0, 1, _CLONE_THREAD),
        (give, 0, 0, allow),
        (give, 0, 0, refuse),
        (equal, 0, 6, numbers["prlimit64"]),
        (load, 0, 0, argument(2)),
        (equal, 0, 3, 0),
        (load, 0, 0, argument(2) + 4),
        (equal, 0, 1, 0),
        (give, 0, 0, allow),
        (give, 0, 0, refuse),
    ]
    for name in ("kill", "tgkill"):  # a program may signal itself: abort() does
        steps += [
            (equal, 0, 4, numbers[name]),
            (load, 0, 0, argument(0)),
            (equal, 0, 1, pid),
            (give, 0, 0, allow),
            (give, 0, 0, refuse),
        ]
    for name in _REFUSED:
        number = numbers[name]
        if number is not None:
            steps += [(equal, 0, 1, number), (give, 0, 0, refuse)]
    steps.append((give, 0, 0, allow))
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def write_rules(folder: str) -> int | None:
    """A Landlock ruleset that allows writing below ``folder`` and to /dev/null only.

    Returns its file descriptor, for ``restrict_writes``; None where the kernel has no Landlock.
    """
    if sys.platform != "linux":
        return None
    version = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return None
    write_file, truncate = 1 << 1, 1 << 14
    changing = write_file | sum(1 << bit for bit in range(4, 13))  # remove and make, each kind
    changing |= (1 << 13 if version >= 2 else 0) | (truncate if version >= 3 else 0)
    attributes = struct.pack("Q", changing)
    ruleset: int = _libc.syscall(
        _LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0
    )
    if ruleset < 0:
        return None
    for path, rights in ((folder, changing), ("/dev/null", changing & (write_file | truncate))):
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, beneath)
        _libc.syscall(_LANDLOCK_ADD_RULE, ruleset, 1, rule, 0)
        os.close(beneath)
    return ruleset


def restrict_writes(ruleset: int | None) -> bool:
    """Enter the ruleset, for good. False where there is none."""
    if ruleset is None:
        return False
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(_libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0)
