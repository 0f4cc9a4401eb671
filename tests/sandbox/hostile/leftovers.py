"""Odd programs, and what one leaves for the next."""

from collections.abc import Iterator

from hostile.attack import FILL, FORGE, ONE, SCAN, SYSTEM_CALL, Attack, answering, assemble, doing
from steadycode.sandbox import Program

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


def leftover_attacks() -> Iterator[Attack]:
    for name, code in _ODD.items():
        yield Attack("odd programs", name, code)
    source = "def f():\n" + "    x = 'a'\n" * 900_000 + "    return 2\n"
    yield Attack("odd programs", "10 MB of source", source, wall=20)
    yield Attack("odd programs", "10 MB of text", f"x = {'a' * 10_000_000!r}\ndef f(): return 2\n")
    for name, body in _LEFT.items():
        code = assemble(f"held = []\n{body}\ndef f(): return 0\n", SYSTEM_CALL)
        yield Attack("leftovers", name, code, quick=name == "folder of mode 0", seconds=5)
    for name, body in _FILLED.items():
        yield Attack("filling the disk", name, doing(body, SYSTEM_CALL, FORGE, FILL), seconds=5)


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


def neighbour_attacks() -> Iterator[Attack]:
    for name, body in _NEIGHBOURLY.items():
        code = answering(body, SCAN)
        yield Attack("neighbours", name, code, beside=_NEIGHBOUR, seconds=10, wall=60)


def _nobody_locks(path: str) -> str:
    return f"""\
try:
    fcntl.flock(os.open({path!r}, os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB)
    sys.exit('as new')
except BlockingIOError:
    pass"""


_HANDED_ON = {
    "size of the folder": (
        """\
for n in range(1000): open(f'{n:0200}', 'w').close()
for n in range(1000): os.unlink(f'{n:0200}')""",
        """\
now = os.stat('.')
os.mkdir('d')
new = os.stat('d')
if (now.st_size, now.st_blocks) == (new.st_size, new.st_blocks): sys.exit('as new')""",
    ),
    "size of the folder with all that is in it": (
        "for n in range(1000): open(f'{n:0200}', 'w').close()",
        """\
now = os.stat('.')
os.mkdir('d')
new = os.stat('d')
if (now.st_size, now.st_blocks) == (new.st_size, new.st_blocks): sys.exit('as new')""",
    ),
    "time of the folder's last change": (
        "time.sleep(1.2)\nos.mkdir('d')\nos.rmdir('d')",
        "if time.time() - seen.st_mtime > 1: sys.exit('as new')",
    ),
    "time of the folder's last reading": (
        "time.sleep(1.2)\nos.mkdir('d')\nos.listdir('.')",
        "if time.time() - seen.st_atime > 1: sys.exit('as new')",
    ),
    "flags of standard input": (
        "fcntl.fcntl(0, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK)",
        "if not fcntl.fcntl(0, fcntl.F_GETFL) & (os.O_APPEND | os.O_NONBLOCK): sys.exit('as new')",
    ),
    "lock on standard input": (
        "fcntl.flock(0, fcntl.LOCK_EX)",
        _nobody_locks("/dev/null"),
    ),
    "lock on the folder": (
        "fcntl.flock(os.open('.', os.O_RDONLY), fcntl.LOCK_EX)",
        _nobody_locks("."),
    ),
    "mask of rights": (
        "os.umask(0o077)",
        "if os.umask(0) == 0o022: sys.exit('as new')",
    ),
}
"""What one program does, and what the next raises nothing at where it can see that."""


def handing_on_attacks() -> Iterator[Attack]:
    for name, (before, after) in _HANDED_ON.items():
        first = Program(assemble(f"{before}\ndef f(): return 1\n"), ONE, "f")
        # looked at first: to import may mean to read the folder
        code = f"import os\nseen = os.stat('.')\n{doing(after)}"
        quick = name == "flags of standard input"
        yield Attack("handed on", name, code, before=first, seconds=5, quick=quick)


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


def ending_attacks() -> Iterator[Attack]:
    for name, body in _UNENDING.items():
        code = assemble(f"{body}\nwhile True:\n    time.sleep(0.001)\n", SYSTEM_CALL)
        yield Attack("closed while running", name, code, end="close", seconds=12)
        yield Attack("killed while running", name, code, end="kill", seconds=12)
