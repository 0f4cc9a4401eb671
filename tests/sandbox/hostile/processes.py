"""More processes, other programs, and what the kernel offers."""

from collections.abc import Iterator

from hostile.attack import SYSTEM_CALL, Attack, assemble, doing

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


def process_attacks() -> Iterator[Attack]:
    for name, statement in _PROCESSES.items():
        quick = name in {"fork", "subprocess"}
        yield Attack("processes", name, doing(statement, SYSTEM_CALL), quick=quick)
    for name, statement in _EXEC.items():
        code = doing(statement, SYSTEM_CALL)
        yield Attack("processes", name, code, statuses=("blocked", "failed"))
    refused = "{errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ESRCH}"
    for name, statement in _KERNEL.items():
        body = "\n".join(f"    {line}" for line in statement.splitlines())
        # any other error means that the kernel looked at what was asked
        code = assemble(
            f"try:\n{body}\nexcept OSError as error:\n"
            f"    if error.errno in {refused}:\n        raise\n"
            "    raise ValueError(f'BREACH only {error}')\n"
            "raise ValueError('BREACH it did')\n",
            SYSTEM_CALL,
        )
        yield Attack("kernel", name, code, quick=name in {"io_uring", "ptrace attach"})
    for name, statement in _LIMITS.items():
        yield Attack("limits", name, doing(statement))
