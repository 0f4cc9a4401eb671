# ruff: noqa: E501
"""What a test can ask of a program in another process, and what a program can make of it."""

from collections.abc import Iterator

import pytest

from steadycode.sandbox import Limits, Program, Sandbox, Verdict


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=2, memory_mb=512), workers=1) as running:
        yield running


def judged(sandbox: Sandbox, code: str, test: str) -> Verdict:
    body = "".join(f"    {line}\n" for line in test.splitlines())
    return sandbox.run(Program(code, f"def check(candidate):\n{body}", "f"))


HONEST = {
    "argument changed": ("def f(x): x.sort()", "a = [2, 1]\nassert candidate(a) is None and a == [1, 2]"),
    "named argument": ("def f(*, x): x.append(1)", "a = []\ncandidate(x=a)\nassert a == [1]"),
    "inner list": ("def f(x): x[0].append(1)", "i = []\ncandidate([i])\nassert i == [1]"),
    "sorted rows": ("def f(x): x.sort()", "a = [[3], [1]]\nb = a[0]\ncandidate(a)\nassert a == [[1], [3]] and b == [3] and a[1] is b"),
    "rows that moved and changed": (
        "def f(d):\n    d['b'] = d.pop('a')\n    d['b'].append(2)\n    d['c'] = [d['b']]",
        "i = [1]\nd = {'a': i}\ncandidate(d)\nassert i == [1, 2] and d == {'b': [1, 2], 'c': [[1, 2]]} and d['b'] is i",
    ),
    "beside an object": (
        "class L(list): pass\ndef f(o, x): x.append(len(o))",
        "a, o = [], L([1, 2])\ncandidate(o, a)\nassert a == [2] and len(o) == 2",
    ),
    "in a tuple": ("def f(x): x[1][0] = 5", "i = [0]\ncandidate((1, i))\nassert i == [5]"),
    "before it raised": (
        "def f(x):\n    x.clear()\n    raise KeyError('k')",
        "a = {1: 2}\ntry:\n    candidate(a)\nexcept KeyError as e:\n    assert e.args == ('k',)\nassert a == {}",
    ),
    "a function": ("def f(g, xs): return [g(x) for x in xs]", "assert candidate(lambda x: -x, [1]) == [-1]"),
    "its name": ("def f(g): return g.__name__", "def double(x): return 2 * x\nassert candidate(double) == 'double'"),
    "by keyword": ("def f(g): return g(b=2)", "assert candidate(lambda a=1, b=1: (a, b)) == (1, 2)"),
    "from threads": (
        "from concurrent.futures import ThreadPoolExecutor\ndef f(g, xs):\n"
        "    with ThreadPoolExecutor(4) as pool: return list(pool.map(g, xs))",
        "assert candidate(lambda x: x + 1, list(range(50))) == list(range(1, 51))",
    ),
    "calling back and forth": (
        "def f(g, n): return 0 if n == 0 else g(n)",
        "assert candidate(lambda n: candidate(None, 0) + n, 5) == 5",
    ),
    "a callback that raises": (
        "def f(g):\n    try: g()\n    except KeyError as e: return e.args",
        "assert candidate(lambda: {}['k']) == ('k',)",
    ),
    "an iterator": ("def f(x): return [next(x), *x]", "assert candidate(iter([1, 2, 3])) == [1, 2, 3]"),
    "a type": ("def f(x, t): return isinstance(x, t)", "assert candidate(1, int) and not candidate('', int)"),
    "a type returned": ("def f(x): return type(x)", "assert candidate(1) is int and candidate('') == str"),
    "views": ("def f(d): return d.keys(), d.values(), d.items()",
              "k, v, i = candidate({'a': 1})\nassert k == {'a'} and list(v) == [1] and list(i) == [('a', 1)]"),
    "a named tuple": ("from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef f(): return P(1, 2)",
                      "assert candidate() == (1, 2) and candidate().y == 2"),
    "its own exceptions": (
        "class A(KeyError, ValueError):\n    def __init__(self, n):\n        super().__init__(n)\n        self.n = n\n"
        "    def __str__(self): return f'<{self.n}>'\nclass B(A): pass\ndef f(n): raise B(n)",
        "for kind in (B, A, KeyError, ValueError):\n    try:\n        candidate(3)\n"
        "    except kind as e:\n        assert e.n == 3 and str(e) == '<3>'\n    else:\n        assert False",
    ),
    "a library's exception": (
        "import json, decimal\ndef f(x): return json.loads(x)",
        "import json\ntry:\n    candidate('{')\nexcept json.JSONDecodeError: pass\nelse:\n    assert False",
    ),
    "objects": (
        "class V:\n    def __init__(s, x): s.x = x\n    def __eq__(s, o): return s.x == o.x\n"
        "    def __add__(s, o): return V(s.x + o.x)\n    def __mul__(s, n): return V(s.x * n)\n    __rmul__ = __mul__\n"
        "    def __lt__(s, o): return s.x < o.x\n    def __repr__(s): return f'V({s.x})'\n    _number = 7\ndef f(x): return V(x)",
        "assert candidate(1) + candidate(2) == V(3)\n"
        "assert candidate(1) < candidate(2) and repr(candidate(1)) == 'V(1)' and candidate(1)._number == 7\n"
        "assert isinstance(candidate(1), V) and sorted([V(2), V(1)])[0].x == 1",
    ),
    "a class that extends a list": (
        "class f(list):\n    def push(s, x): s.append(x)",
        "s = candidate([1])\ns.push(2)\nassert len(s) == 2 and list(s) == [1, 2] and s[1] == 2",
    ),
    "a negative": ("class f:\n    def __neg__(s): return s", "a = candidate()\nassert -a == a"),
    "a context": (
        "class C:\n    def __enter__(s): return [1]\n    def __exit__(s, *_): return False\ndef f(): return C()",
        "with candidate() as found:\n    assert found == [1]",
    ),
    "a generator": ("def f(n): yield from range(n)", "g = candidate(3)\nassert next(g) == 0 and list(g) == [1, 2]"),
    "async": ("import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x",
              "import asyncio\nassert asyncio.run(candidate(4)) == 4"),
    "many threads": (
        "import threading\ndef f(n):\n    go, done = threading.Event(), []\n"
        "    ts = [threading.Thread(target=lambda: (go.wait(), done.append(1))) for _ in range(n)]\n"
        "    [t.start() for t in ts]; go.set(); [t.join() for t in ts]\n    return len(done)",
        "assert candidate(40) == 40",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_passes(sandbox: Sandbox, name: str) -> None:
    assert judged(sandbox, *HONEST[name]).detail == ""


_WRITES_A_VERDICT = (
    "[__import__('os').write(fd, __import__('struct').pack('>?I', False, 34)"
    ' + b\'{"status": "passed", "detail": ""}\') for fd in range(3, 9)'
    " if __import__('contextlib').suppress(OSError)]"
)
CHEATS = {
    "equal to all": ("class A:\n    def __eq__(s, o): return True\ndef f(): return A()", "assert candidate() == 5"),
    "in a list": ("class A:\n    def __eq__(s, o): return True\ndef f(): return [A()]", "assert candidate() == [5]"),
    "difference": ("class A:\n    def __sub__(s, o): return 0.0\ndef f(): return A()", "assert abs(candidate() - 5) < 1e-6"),
    "reflected": ("class A:\n    def __rsub__(s, o): return 0.0\ndef f(): return A()", "assert abs(5 - candidate()) < 1e-6"),
    "less than all": ("class A:\n    def __lt__(s, o): return True\ndef f(): return A()", "assert candidate() < 5"),
    "contains all": ("class A:\n    def __contains__(s, o): return True\ndef f(): return A()", "assert 5 in candidate()"),
    "stops the test's loop": ("def f(x): raise StopIteration", "assert all(map(lambda x: candidate(x) == x, [1]))"),
    "its own math": ("class M:\n    def fabs(s, x): return 0.0\nmath = M()\ndef f(): return 9", "assert math.fabs(candidate() - 5) < 1"),
    "a size of nothing": ("class A:\n    def __sub__(s, o): return s\n    def __abs__(s): return 0.0\ndef f(): return A()", "assert abs(candidate() - 5) < 1e-6"),
    "learns": ("class A:\n    def __sub__(s, o):\n        global seen\n        seen = o\n        return s\nseen = None\ndef f(): return seen or A()",
               "try: candidate() - 5\nexcept TypeError: pass\nassert candidate() == 5"),
    "swallows": ("class A:\n    def __enter__(s): return 1\n    def __exit__(s, *_): return True\ndef f(): return A()",
                 "with candidate() as x: assert x == 5"),
    "math in a remark": ("class M:\n    def fabs(s, x): return 0.0\nmath = M()\ndef f(): return 9", "# math is fun\nassert math.fabs(candidate() - 5) < 1"),
    "skips": ("import unittest\ndef f(): raise unittest.SkipTest",
              "import unittest\nclass T(unittest.TestCase):\n    def test(s): s.assertEqual(candidate(), 5)\n"
              "assert unittest.TextTestRunner().run(T('test')).wasSuccessful()"),
    "names of Python's": ("len = all = any = abs = lambda *_: True\ndef f(): return []", "assert len(candidate()) == 5"),
    "text that the test evaluates": (f"def f(): return {_WRITES_A_VERDICT!r}", "assert eval(candidate()) == 5"),
    "an annotation": (f"def f(): pass\nf.__annotations__['x'] = {_WRITES_A_VERDICT!r}",
                      "import typing\nassert typing.get_type_hints(candidate) == {}"),
    "a pickle": (f"import pickle\nclass A:\n    def __reduce__(s): return eval, ({_WRITES_A_VERDICT!r},)\n"
                 "def f(): return pickle.dumps(A())", "import pickle\nassert pickle.loads(candidate()) == 5"),
    "a docstring": (f"def f(): pass\nf.__doc__ = '>>> ' + {_WRITES_A_VERDICT!r}",
                    "import doctest\ndoctest.run_docstring_examples(candidate, {})\nassert 0"),
    "a type that evaluates": ("h = eval\ndef f(): return 'candidate'", "assert h(candidate()) is candidate"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_fails(sandbox: Sandbox, name: str) -> None:
    verdict = judged(sandbox, *CHEATS[name])
    assert verdict.status in ("failed", "unsupported"), verdict


def test_the_detail_names_a_type_that_was_not_expected(sandbox: Sandbox) -> None:
    verdict = judged(sandbox, *CHEATS["equal to all"])
    assert verdict.detail == "the program's own type 'A' taken for int"


SCAN = r"""
import ctypes, os, re
MARK = re.compile(b"".join(b"[\\x%02x]" % byte for byte in [{mark}]))  # never in one piece
read, write = os.pipe()
os.set_blocking(write, False)
libc = ctypes.CDLL(None)
found = 0
small, large = id(object()) >> 12 << 12, id(bytes(5000)) >> 12 << 12  # two heaps
for start in (small, large):
    for page in range(start - (32 << 20), start + (32 << 20), 4096):
        if libc.write(write, ctypes.c_void_p(page), ctypes.c_size_t(4096)) == 4096:
            found += MARK.search(os.read(read, 4096)) is not None
raise ValueError(f"found {{found}}")
"""


def test_nothing_of_a_program_is_in_the_memory_of_the_next() -> None:
    """Its code, its test, and what both said. The scan finds what its own code says."""
    secret = "swordfish-" * 3
    mark = ",".join(str(byte) for byte in secret.encode())
    with Sandbox(Limits(seconds=20), workers=1) as sandbox:
        itself = sandbox.run(Program(SCAN.format(mark=mark) + f"# {secret}"))
        before = judged(
            sandbox,
            f"SECRET = '{secret}'\ndef f(): return SECRET",
            f"assert candidate() == 1, '{secret} was expected'",
        )
        crashed = sandbox.run(
            Program(f"import ctypes\nprint('{secret}', flush=True)\nctypes.string_at(0)")
        )
        after = sandbox.run(Program(SCAN.format(mark=mark)))
    assert itself.detail.startswith("ValueError: found ")
    assert itself.detail != "ValueError: found 0"
    assert secret in before.detail
    assert secret in crashed.detail
    assert after.detail == "ValueError: found 0"


def test_memory_that_a_test_took_is_given_back() -> None:
    test = "data = bytes(300 << 20)\ndef check(candidate): assert candidate() >= 0"
    with Sandbox(Limits(memory_mb=512), workers=1) as sandbox:
        found = sandbox.run_all(Program(f"def f(): return {n}", test, "f") for n in range(6))
        assert {verdict.status for verdict in found} == {"passed"}
