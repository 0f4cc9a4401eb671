"""Memory, time and output without end."""

from collections.abc import Iterator

from hostile.attack import ONE, SYSTEM_CALL, Attack, answering, assemble

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


def resource_attacks() -> Iterator[Attack]:
    for name, body in _MEMORY.items():
        code = "held = bytearray(4 << 30)\n" if body is None else answering(body, SYSTEM_CALL)
        yield Attack("memory", name, code, seconds=3, wall=15, quick=name == "bytearray")
    answers = "def check(candidate):\n    assert all(n == 1 for n in candidate())\n"
    for name, body in _CPU.items():
        test = answers.replace("n == 1", "n == 0") if name == "endless answer" else ONE
        yield Attack("CPU", name, answering(body, SYSTEM_CALL), test, quick=name == "loop")
    for name, body in _TIME.items():
        yield Attack("time", name, answering(body, SYSTEM_CALL), quick=name == "sleep")
    yield Attack(
        "time",
        "just enough work",
        answering("while True:\n    time.sleep(0.15)\n    for _ in range(10**6):\n        pass"),
        wall=15,
    )
    yield Attack(
        "time",
        "a test that waits for a silent program",
        assemble("class f:\n    def __len__(self): time.sleep(600)"),
        "def check(candidate):\n    assert len(candidate()) == 0\n",
    )
    for name, body in _OUTPUT.items():
        yield Attack("output", name, answering(body, SYSTEM_CALL))
