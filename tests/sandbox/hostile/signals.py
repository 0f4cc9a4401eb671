"""Signals to others, and threads."""

from collections.abc import Iterator

from hostile.attack import ONE, SYSTEM_CALL, Attack, answering, doing

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


def signal_attacks() -> Iterator[Attack]:
    for name, statement in _SIGNALS.items():
        quick = name == "stop the parent"
        yield Attack("signals", name, doing(statement, SYSTEM_CALL), quick=quick)
    for name, body in _DISTURB.items():
        yield Attack("signals", name, answering(body, SYSTEM_CALL))
    for name, body in _THREADS.items():
        test = ONE if name != "answers twice" else ONE.replace("== 1", "is 7")
        yield Attack("threads", name, answering(body, SYSTEM_CALL), test)
