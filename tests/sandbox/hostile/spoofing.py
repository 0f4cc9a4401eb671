"""Passing without a right answer."""

from collections.abc import Iterator

from hostile.attack import ANY_CASE, ANY_WAY, FORGE, SQUARE, SYSTEM_CALL, Attack, assemble

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


def spoofing_attacks() -> Iterator[Attack]:
    for name, body in _SPOOF.items():
        quick = name in {"hard exit in the function", "success written everywhere"}
        code = assemble(body, SYSTEM_CALL, FORGE)
        yield Attack("fooling the checker", name, code, SQUARE, quick=quick)
    for name, body in _TRICKS.items():
        code = assemble(f"class Trick:\n    {body}\ndef f(x): return Trick()\n")
        quick = name == "always equal"
        yield Attack("fooling the checker", f"object: {name}", code, ANY_WAY, quick=quick)
        yield Attack("fooling the checker", f"object: {name} to unittest", code, ANY_CASE)
        for base in ("int", "float", "str", "list", "dict", "tuple", "set", "complex", "bytes"):
            if "__class__" in body or "zero" in body:
                continue
            code = assemble(f"class Trick({base}):\n    {body}\ndef f(x): return Trick()\n")
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
        code = assemble(f"def f(_):\n    {value}\n    return x\n")
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
        yield Attack("fooling the checker", name, assemble(body), test)
    yield Attack(
        "fooling the checker",
        "an exit that the test swallows",
        "import os\ndef f(x): os._exit(0)\n",
        "def check(candidate):\n"
        "    try:\n        assert candidate(3) == 9\n"
        "    except BaseException as error:\n"
        "        if isinstance(error, AssertionError): raise\n",
    )
