"""Passing without a right answer."""

from collections.abc import Iterator
from typing import Any

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


def protocol_attacks() -> Iterator[Attack]:
    """Messages that no honest program sends, in place of an answer and of every later one."""
    for name, message in _MESSAGES.items():
        code = assemble(
            f"""\
            def f(*_):
                say(*[{message!r}] * 30)
                os._exit(0)
            """,
            FORGE,
        )
        for kind, test in {"answer": ANY_WAY, "in advance": SQUARE}.items():
            if kind == "in advance":
                code = assemble(f"say(RAN, FUNCTION, *[{message!r}] * 9)\nos._exit(0)\n", FORGE)
            yield Attack("protocol", f"{name} {kind}", code, test)
    for name, data in _RAW.items():
        for kind, body in {
            "first": f"say_raw({data})\ntime.sleep(0.1)\nos._exit(0)\n",
            "as an answer": f"def f(*_):\n    say_raw({data})\n    return 0\n",
        }.items():
            yield Attack("protocol", f"{name} {kind}", assemble(body, FORGE), SQUARE)
    listens = assemble(
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
        FORGE,
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
