"""The system calls that a program may make, as a filter that the kernel runs before each of them.

The list says what is allowed, not what is forbidden, so that a call that a future kernel adds is
refused. Every call in it acts on the calling process alone. Missing on purpose, beside the obvious,
are kill and its kin; prctl beyond naming a thread (a program must not outlive its parent); fcntl
that makes the kernel send signals; setsid (a program stays in its group); chmod, chown, utime and
xattr (Landlock does not bind them); truncate by name and by opening for reading (early Landlock
does not bind that); fallocate (it fills a disk at once); memory that outlives its process; and all
that hides what a process holds from whoever looks at it: descriptors of one thread alone or on
their way through a socket, pages in a pipe that are a file's (sendfile, splice), and large maps
that could be shared, of which the kernel keeps all while one page of them is mapped.
"""

import errno
import os
import tempfile
from functools import cache
from typing import Any

from steadycode.sandbox.holdings import SHARED_MAP

_ALWAYS = """
access arch_prctl brk chdir clock_getres clock_gettime clock_nanosleep close dup dup2
dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd2 exit
exit_group faccessat faccessat2 fadvise64 fchdir fdatasync flock fstat fstatfs fsync
ftruncate futex futex_waitv get_robust_list getcwd getdents getdents64 getegid geteuid getgid
getgroups getitimer getpgid getpgrp getpid getppid getrandom getresgid getresuid getrlimit
getrusage getsid getsockname getsockopt gettid gettimeofday getuid link linkat lseek lstat madvise
membarrier
mincore mkdir mkdirat mprotect mremap msync munmap nanosleep newfstatat pause pipe
pipe2 poll ppoll pread64 preadv preadv2 pselect6 pwrite64 pwritev pwritev2 read readlink readlinkat
readv recvfrom recvmsg rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
rt_sigpending rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigtimedwait sched_get_priority_max
sched_get_priority_min sched_getaffinity sched_getparam sched_getscheduler sched_yield select
set_robust_list set_tid_address setitimer alarm shutdown sigaltstack stat statfs statx
symlink symlinkat sysinfo time times umask uname unlink unlinkat wait4 waitid write writev
"""
_CLONE_PARENT, _SIGCHLD = 0x00008000, 17
_ABSENT = "clone3"  # its flags lie behind a pointer; libc falls back to clone on ENOSYS

_CLONE_THREAD = 0x00010000
_THREAD = _CLONE_THREAD | 0x100 | 0x200 | 0x400 | 0x800  # memory, folder, descriptors, handlers
_OF_A_THREAD = 0x017C0000  # what it may have of its own: where its id is told, and the like
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPE = 1, 1, 0xF
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 1030, 1032)  # duplicate, flags, locks; pipe size
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # is it a terminal, how big; fd flags
_PRCTL = (15, 16)  # a thread's name
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP = 1, 22
_ALL_BITS = (1 << 64) - 1


@cache
def build_filters() -> tuple[bytes, bytes]:
    """Two filters in the form that the kernel takes, an array of ``struct sock_filter``.

    The first one holds for the zygote too, which has to make processes and to confine them. The
    second takes that away; it is short, since every program has to load it. Raises OSError or
    ImportError without libseccomp.
    """
    return _shared(), _alone()


def _shared() -> bytes:
    import pyseccomp as seccomp  # loads libseccomp, which only Linux has

    allow, masked, equal = seccomp.ALLOW, seccomp.MASKED_EQ, seccomp.EQ
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in _ALWAYS.split():
        _add(rules, allow, name)
    _add(rules, seccomp.ERRNO(errno.ENOSYS), _ABSENT)
    # a thread shares everything: what one of them holds can be seen at any other
    _add(rules, allow, "clone", seccomp.Arg(0, masked, ~_OF_A_THREAD & _ALL_BITS, _THREAD))
    _add(rules, allow, "clone", seccomp.Arg(0, equal, _CLONE_PARENT | _SIGCHLD))
    for kind in (_MAP_SHARED, _MAP_ANONYMOUS):
        _add(rules, allow, "mmap", seccomp.Arg(3, masked, kind, 0))
    _add(rules, allow, "mmap", seccomp.Arg(1, seccomp.LE, SHARED_MAP))
    _add(rules, allow, "prlimit64", seccomp.Arg(0, equal, 0))
    _add(
        rules,
        allow,
        "socketpair",  # what asyncio wakes itself with
        seccomp.Arg(0, equal, _AF_UNIX),
        seccomp.Arg(1, masked, _SOCK_TYPE, _SOCK_STREAM),
    )
    _add(rules, allow, "close_range", seccomp.Arg(2, equal, 0))  # without a table of its own
    _add(rules, allow, "sendto", seccomp.Arg(4, equal, 0))  # to the other end of the pair only
    for name, flags in (("open", 1), ("openat", 2)):
        _add(rules, allow, name, seccomp.Arg(flags, masked, os.O_TRUNC, 0))
        for access in (os.O_WRONLY, os.O_RDWR):
            _add(rules, allow, name, seccomp.Arg(flags, masked, os.O_ACCMODE, access))
    for name, commands in (("fcntl", _FCNTL), ("ioctl", _IOCTL)):
        for command in commands:
            _add(rules, allow, name, seccomp.Arg(1, equal, command))
    for option in (*_PRCTL, _PR_SET_PDEATHSIG, _PR_SET_SECCOMP):
        _add(rules, allow, "prctl", seccomp.Arg(0, equal, option))
    return _exported(rules)


def _alone() -> bytes:
    """The second filter: threads but no processes; its limits can be read but not set; prctl can
    only name a thread."""
    import pyseccomp as seccomp

    rules, refuse = seccomp.SyscallFilter(seccomp.ALLOW), seccomp.ERRNO(errno.EPERM)
    _add(rules, refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, 0))
    _add(rules, refuse, "prlimit64", seccomp.Arg(2, seccomp.NE, 0))
    for option in (_PR_SET_PDEATHSIG, _PR_SET_SECCOMP):
        _add(rules, refuse, "prctl", seccomp.Arg(0, seccomp.EQ, option))
    return _exported(rules)


def _exported(rules: Any) -> bytes:
    with tempfile.TemporaryFile() as out:
        rules.export_bpf(out)
        out.seek(0)
        return out.read()


def _add(rules: object, action: int, name: str, *arguments: object) -> None:
    """Add a rule for the call ``name``, unless this architecture has no such call."""
    import pyseccomp as seccomp

    try:
        number = seccomp.resolve_syscall(seccomp.system_arch(), name)
    except ValueError:
        return
    if number >= 0:
        rules.add_rule(action, number, *arguments)  # type: ignore[attr-defined]
