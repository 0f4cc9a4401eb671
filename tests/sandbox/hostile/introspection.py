"""Looking for secrets in the process, its parent and the sandbox itself."""

from collections.abc import Iterator

from hostile.attack import ONE, SCAN, SECRET, Attack, answering
from steadycode.sandbox import Program

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


def introspection_attacks() -> Iterator[Attack]:
    for name, body in _LOOK.items():
        code = answering(body, SCAN)
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
            code = answering(_LOOK[name], SCAN)
            title = f"{where} in {name}"
            yield Attack("looking back", title, code, before=before, seconds=10, wall=60)
