"""Honest programs, which must pass as if there were no sandbox."""

from dataclasses import dataclass
from textwrap import dedent

from steadycode.sandbox import Program


@dataclass(frozen=True)
class Honest:
    """A program that does nothing wrong, and must pass."""

    name: str
    code: str
    check: str
    entry_point: str = "f"

    @property
    def id(self) -> str:
        return f"honest-{self.name}".replace(" ", "_")

    @property
    def program(self) -> Program:
        lines = dedent(self.check).strip("\n").splitlines()
        test = "def check(candidate):\n" + "".join(f"    {line}\n" for line in lines)
        return Program(dedent(self.code).lstrip("\n"), test, self.entry_point)


HONEST = (
    Honest(
        "asyncio inside",
        """
        import asyncio
        async def double(x):
            await asyncio.sleep(0.001)
            return 2 * x
        async def all_of(items):
            return await asyncio.gather(*map(double, items))
        def f(items): return asyncio.run(all_of(items))
        """,
        "assert candidate([1, 2, 3]) == [2, 4, 6]",
    ),
    Honest(
        "asyncio outside",
        "import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x + 1\n",
        "import asyncio\nassert asyncio.run(candidate(1)) == 2",
    ),
    Honest(
        "asyncio with threads",
        "import asyncio\ndef f(n): return asyncio.run(asyncio.to_thread(sum, range(n)))\n",
        "assert candidate(10) == 45",
    ),
    Honest(
        "threads",
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        def f(n):
            with ThreadPoolExecutor(8) as pool:
                return list(pool.map(lambda x: x * x, range(n)))
        """,
        "assert candidate(4) == [0, 1, 4, 9]",
    ),
    Honest(
        "temporary files",
        """
        import os, pathlib, shutil, tempfile
        def f(text):
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "a" / "b"
                path.parent.mkdir()
                path.write_text(text)
                shutil.copyfile(path, path.with_name("c"))
                with tempfile.NamedTemporaryFile("w+") as file:
                    file.write(path.with_name("c").read_text())
                    file.seek(0)
                    found = file.read()
            return found + str(os.listdir("."))
        """,
        "assert candidate('hé\\n') == 'hé\\n[]'",
    ),
    Honest(
        "recursion",
        "def f(n): return 1 if n == 0 else n * f(n - 1)\n",
        "assert candidate(5) == 120\nassert candidate(800) % 797 == 0",
    ),
    Honest(
        "deeper recursion",
        "import sys\nsys.setrecursionlimit(20_000)\ndef f(n): return n and 1 + f(n - 1)\n",
        "assert candidate(10_000) == 10_000",
    ),
    Honest(
        "generator",
        "def f(n):\n    for i in range(n):\n        yield i * i\n",
        """
        assert list(candidate(4)) == [0, 1, 4, 9]
        assert next(candidate(1)) == 0
        assert sum(candidate(4)) == 14
        squares = candidate(2)
        assert next(squares) == 0 and next(squares) == 1 and next(squares, None) is None
        """,
    ),
    Honest(
        "dataclass",
        """
        from dataclasses import dataclass, field
        @dataclass(order=True)
        class Point:
            x: int
            y: int = 0
            tags: list = field(default_factory=list)
        def f(x): return Point(x, 2)
        """,
        """
        point = candidate(1)
        assert (point.x, point.y, point.tags) == (1, 2, [])
        assert candidate(1) == candidate(1) != candidate(2)
        assert candidate(1) < candidate(2)
        point.x = 5
        assert point.x == 5
        """,
    ),
    Honest(
        "class as entry point",
        """
        class Stack:
            def __init__(self, items=()): self._items = list(items)
            def push(self, item): self._items.append(item)
            def pop(self): return self._items.pop()
            def __len__(self): return len(self._items)
            def __iter__(self): return iter(self._items)
            @property
            def empty(self): return not self._items
            @classmethod
            def of(cls, *items): return cls(items)
        """,
        """
        stack = candidate()
        assert stack.empty is True
        stack.push(1)
        stack.push([2])
        assert len(stack) == 2 and 1 in stack and 3 not in stack
        assert stack.pop() == [2] and stack.pop() == 1
        try:
            stack.pop()
        except IndexError:
            pass
        else:
            assert False
        assert candidate.of(1, 2).pop() == 2
        assert isinstance(stack, candidate)
        """,
        "Stack",
    ),
    Honest(
        "class that extends a list",
        "class Stack(list):\n    def push(self, item): self.append(item)\n",
        """
        stack = candidate()
        stack.push(1)
        stack.push(2)
        assert stack.pop() == 2
        assert len(stack) == 1
        """,
        "Stack",
    ),
    Honest(
        "operators of a class",
        """
        class V:
            def __init__(self, x, y): self.x, self.y = x, y
            def __add__(self, other): return V(self.x + other.x, self.y + other.y)
            def __mul__(self, k): return V(self.x * k, self.y * k)
            def __neg__(self): return V(-self.x, -self.y)
            def __eq__(self, other): return (self.x, self.y) == (other.x, other.y)
            def __repr__(self): return f"V({self.x}, {self.y})"
        """,
        """
        assert candidate(1, 2) + candidate(3, 4) == candidate(4, 6)
        assert -candidate(1, 2) == candidate(-1, -2)
        assert str(candidate(1, 2)) == repr(candidate(1, 2)) == "V(1, 2)"
        """,
        "V",
    ),
    Honest(
        "exceptions",
        """
        class Wrong(ValueError): pass
        def f(x):
            if x == 0: raise Wrong("zero")
            if x == 1: raise KeyError("one")
            if x == 2: raise FileNotFoundError(2, "none", "x")
            return 1 / (x - 3)
        """,
        """
        for x, kind in ((0, ValueError), (1, KeyError), (2, OSError), (3, ZeroDivisionError)):
            try:
                candidate(x)
            except kind as error:
                assert x != 0 or str(error) == "zero"
            else:
                assert False
        """,
    ),
    Honest(
        "own exception",
        """
        class Wrong(Exception):
            def __init__(self, code):
                super().__init__(f"code {code}")
                self.code = code
        def f(x): raise Wrong(x)
        """,
        """
        try:
            candidate(7)
        except Wrong as error:
            assert str(error) == "code 7"
        else:
            assert False
        """,
    ),
    Honest(
        "change in place",
        """
        def f(items, names):
            items.sort()
            names["a"] = items[0]
            items[0] = [items[0]]
        """,
        """
        items, names = [3, 1, 2], {}
        assert candidate(items, names) is None
        assert items == [[1], 2, 3] and names == {"a": 1}
        """,
    ),
    Honest(
        "change inside",
        "def f(grid):\n    for row in grid:\n        row.reverse()\n",
        """
        row = [1, 2]
        grid = [row, [3, 4]]
        candidate(grid)
        assert grid == [[2, 1], [4, 3]]
        """,
    ),
    Honest(
        "rows sorted in place",
        "def f(rows):\n    rows.sort()\n",
        """
        rows = [[3], [1], [2]]
        first, wanted = rows[0], sorted(rows)
        assert candidate(rows) is None
        assert rows == wanted == [[1], [2], [3]] and first == [3]
        """,
    ),
    Honest(
        "a context",
        """
        import contextlib
        class f:
            def __init__(self): self.steps = []
            def __enter__(self):
                self.steps.append("in")
                return self
            def __exit__(self, *_): self.steps.append("out")
        """,
        """
        context = candidate()
        with context as inner:
            assert inner.steps == ["in"]
        assert context.steps == ["in", "out"]
        """,
    ),
    Honest(
        "the argument itself returned",
        "def f(items):\n    items.append(1)\n    return items\n",
        "items = []\nassert candidate(items) == [1] == items",
    ),
    Honest(
        "callbacks",
        "def f(call, items): return [call(item) for item in items]\n",
        """
        assert candidate(lambda x: x + 1, [1, 2]) == [2, 3]
        assert candidate(str, [1]) == ["1"]
        seen = []
        candidate(seen.append, [1, 2])
        assert seen == [1, 2]
        """,
    ),
    Honest(
        "callback that raises",
        """
        def f(call):
            try:
                return call()
            except KeyError:
                return "caught"
        """,
        """
        def back(): raise KeyError("x")
        assert candidate(back) == "caught"
        """,
    ),
    Honest(
        "function returned",
        "def f(n): return lambda x, *, y=0: x + n + y\n",
        "add = candidate(2)\nassert callable(add) and add(3) == 5 and add(1, y=4) == 7",
    ),
    Honest(
        "decorator",
        """
        import functools
        def f(function):
            @functools.wraps(function)
            def inner(*arguments): return 2 * function(*arguments)
            return inner
        """,
        """
        @candidate
        def three(x): return 3 * x
        assert three(1) == 6
        """,
    ),
    Honest(
        "helper used by the test",
        """
        def helper(x): return x + 1
        LIMIT = 5
        def f(x): return helper(x) * 2
        """,
        "assert candidate(1) == 2 * helper(1)\nassert LIMIT == 5",
    ),
    Honest(
        "keyword arguments",
        "def f(a, /, b=2, *rest, c=3, **more): return [a, b, list(rest), c, more]\n",
        "assert candidate(1, c=4, d=5) == [1, 2, [], 4, {'d': 5}]",
    ),
    Honest(
        "floats",
        "import math\ndef f(): return [math.inf, -math.inf, math.nan, 0.1 + 0.2, -0.0, 5e-324]\n",
        """
        import math
        a, b, c, d, e, g = candidate()
        assert a == math.inf and b == -math.inf and math.isnan(c)
        assert d == 0.1 + 0.2 and math.copysign(1, e) == -1 and g == 5e-324
        """,
    ),
    Honest(
        "long integers",
        "def f(n): return 10**n + 7\n",
        "assert candidate(10_000) == 10**10_000 + 7\nassert candidate(10_000) % 10 == 7",
    ),
    Honest(
        "sets and tuples",
        "def f(x): return {(1, 'a'): {1, 2}, frozenset([3]): (4, (5,)), None: True, 1.5: [x]}\n",
        """
        got = candidate(b"x")
        assert got == {(1, "a"): {1, 2}, frozenset({3}): (4, (5,)), None: True, 1.5: [b"x"]}
        assert type(got[1, "a"]) is set and isinstance(got[frozenset([3])], tuple)
        """,
    ),
    Honest(
        "numbers of other kinds",
        """
        from decimal import Decimal
        from fractions import Fraction
        def f(x): return [Decimal("1.10") + x, Fraction(1, 3) + 1, complex(1, x), True]
        """,
        """
        from decimal import Decimal
        from fractions import Fraction
        assert candidate(1) == [Decimal("2.10"), Fraction(4, 3), 1 + 1j, True]
        assert str(candidate(1)[0]) == "2.10" and candidate(1)[3] is True
        """,
    ),
    Honest(
        "dates",
        """
        import datetime
        def f(day): return day + datetime.timedelta(days=1, microseconds=5)
        """,
        """
        from datetime import date, datetime, timedelta, timezone
        assert candidate(date(2024, 2, 28)) == date(2024, 2, 29)
        moment = datetime(2024, 1, 1, 12, tzinfo=timezone.utc)
        assert candidate(moment) - moment == timedelta(days=1, microseconds=5)
        """,
    ),
    Honest(
        "named tuple",
        """
        from collections import namedtuple
        from typing import NamedTuple
        Point = namedtuple("Point", "x y")
        class Pair(NamedTuple):
            a: int
            b: str = "b"
        def f(x): return Point(x, 2) if x else Pair(1)
        """,
        """
        assert candidate(1) == (1, 2)
        assert candidate(1).x == 1 and candidate(1)[1] == 2
        assert candidate(0).b == "b"
        x, y = candidate(3)
        assert x == 3
        """,
    ),
    Honest(
        "collections",
        """
        from collections import Counter, OrderedDict, defaultdict, deque
        def f(kind, text):
            if kind == "counter": return Counter(text)
            if kind == "ordered": return OrderedDict.fromkeys(text)
            if kind == "deque": return deque(text, maxlen=2)
            found = defaultdict(list)
            for at, letter in enumerate(text): found[letter].append(at)
            return found
        """,
        """
        from collections import Counter
        assert candidate("counter", "aab") == Counter(a=2, b=1) == {"a": 2, "b": 1}
        assert candidate("counter", "aab").most_common(1) == [("a", 2)]
        assert list(candidate("ordered", "ba")) == ["b", "a"]
        assert candidate("default", "aba") == {"a": [0, 2], "b": [1]}
        assert list(candidate("deque", "abc")) == ["b", "c"]
        """,
    ),
    Honest(
        "enumeration",
        """
        import enum
        class Colour(enum.Enum):
            RED = 1
            BLUE = 2
        def f(n): return Colour(n)
        """,
        """
        assert candidate(1) is Colour.RED and candidate(2) == Colour.BLUE != candidate(1)
        assert candidate(1).name == "RED" and candidate(1).value == 1
        """,
    ),
    Honest(
        "bytes",
        "def f(x): return [bytes(x), bytearray(x), memoryview(bytes(x)).tolist()]\n",
        "assert candidate(b'\\x00\\xff') == [b'\\x00\\xff', bytearray(b'\\x00\\xff'), [0, 255]]",
    ),
    Honest(
        "truth by identity",
        "def f(x): return x > 1 if x else None\n",
        "assert candidate(2) is True and candidate(1) is False and candidate(0) is None",
    ),
    Honest(
        "texts",
        "def f(x): return x[::-1]\n",
        "assert candidate('aé\\u4e2d\\U0001f600\\x00\\n') == '\\n\\x00\\U0001f600\\u4e2déa'",
    ),
    Honest(
        "nested",
        "def f(n):\n    x = []\n    for _ in range(n): x = [x]\n    return x\n",
        """
        got, depth = candidate(100), 0
        while got:
            got, depth = got[0], depth + 1
        assert depth == 100
        """,
    ),
    Honest(
        "much data",
        "def f(n): return [[i, str(i), i / 2] for i in range(n)]\n",
        """
        got = candidate(50_000)
        assert len(got) == 50_000 and got[-1] == [49999, "49999", 24999.5]
        """,
    ),
    Honest(
        "much output",
        "def f():\n    for _ in range(100_000): print('x' * 20)\n    return 1\n",
        "assert candidate() == 1",
    ),
    Honest(
        "much memory",
        "def f(): return len(bytearray(200 << 20))\n",
        "assert candidate() == 200 << 20",
    ),
    Honest(
        "standard library",
        """
        import argparse, array, base64, bisect, calendar, cmath, contextlib, copy, csv, datetime
        import decimal, difflib, email, enum, fractions, functools, glob, gzip, hashlib, heapq
        import html, inspect, io, itertools, json, logging, lzma, math, multiprocessing, numbers
        import operator, os, pathlib, pickle, platform, pprint, queue, random, re, sched, secrets
        import shutil, signal, socket, sqlite3, ssl, statistics, string, struct, subprocess
        import tempfile, textwrap, threading, time, timeit, traceback, types, typing, unittest
        import urllib.request, uuid, warnings, weakref, xml.etree.ElementTree, zipfile, zlib
        import zoneinfo
        def f():
            database = sqlite3.connect(":memory:")
            database.execute("create table t (a)")
            database.execute("insert into t values (3)")
            rows = list(csv.reader(io.StringIO("a,b\\n1,2\\n")))
            heap = [3, 1, 2]
            heapq.heapify(heap)
            return [
                database.execute("select a from t").fetchall(),
                rows,
                heapq.heappop(heap),
                hashlib.sha256(b"x").hexdigest()[:8],
                len(str(uuid.uuid4())),
                re.sub("a+", "b", "caat"),
                json.loads(json.dumps({"a": [1.5]})),
                gzip.decompress(gzip.compress(b"x")),
                pickle.loads(pickle.dumps((1, 2))),
                len(secrets.token_bytes(4)),
            ]
        """,
        """
        assert candidate() == [
            [(3,)], [["a", "b"], ["1", "2"]], 1, "2d711642", 36, "cbt", {"a": [1.5]}, b"x",
            (1, 2), 4,
        ]
        """,
    ),
    Honest(
        "sqlite in a file",
        """
        import sqlite3
        def f(n):
            with sqlite3.connect("data.db") as database:
                database.execute("create table t (a)")
                database.executemany("insert into t values (?)", [(i,) for i in range(n)])
            return sqlite3.connect("data.db").execute("select sum(a) from t").fetchone()[0]
        """,
        "assert candidate(100) == 4950",
    ),
    Honest(
        "small memory maps",
        """
        import mmap, time
        def f(n):
            held = [mmap.mmap(-1, 4096) for _ in range(n)]
            for number, one in enumerate(held):
                one[0] = number
            time.sleep(0.15)
            return sum(one[0] for one in held)
        """,
        "assert candidate(20) == 190",
    ),
    Honest(
        "memory maps of every kind",
        """
        import mmap
        def f():
            kinds = [mmap.ACCESS_READ, mmap.ACCESS_WRITE, mmap.ACCESS_COPY]
            held = [mmap.mmap(-1, 10, access=kind) for kind in kinds]
            held.append(mmap.mmap(fileno=-1, length=100 << 20, flags=mmap.MAP_SHARED))
            held.append(mmap.mmap(-1, 10, mmap.MAP_PRIVATE, mmap.PROT_READ))
            both = mmap.PROT_READ | mmap.PROT_WRITE
            held.append(mmap.mmap(-1, 10, mmap.MAP_SHARED, both, mmap.ACCESS_DEFAULT, 0))
            held[1][:2] = held[3][:2] = b"ab"
            written = []
            for one in held:
                try:
                    one[5] = 7
                    written.append(one[5])
                except TypeError:
                    written.append(None)
            return [written, held[3].find(b"b"), all(isinstance(one, mmap.mmap) for one in held)]
        """,
        "assert candidate() == [[None, 7, 7, 7, None, 7], 1, True]",
    ),
    Honest(
        "memory maps of files",
        """
        import mmap, os, tempfile, time
        def f():
            held = []
            for size in (1, 1 << 20):
                for _ in range(12):
                    with tempfile.TemporaryFile() as file:
                        file.truncate(size)
                        held.append(mmap.mmap(file.fileno(), 1))
            with open("x (deleted)", "w+b") as file:
                file.write(bytes(3 << 20))
                file.flush()
                held.append(mmap.mmap(file.fileno(), 0))
            time.sleep(0.15)
            return sum(len(one) for one in held)
        """,
        "assert candidate() == 24 + (3 << 20)",
    ),
    Honest(
        "a removed file held many times",
        """
        import os, time
        def f():
            fd = os.open("x", os.O_CREAT | os.O_RDWR)
            os.unlink("x")
            for _ in range(10):
                os.write(fd, bytes(1 << 20))
            held = [os.dup(fd) for _ in range(5)]
            time.sleep(0.15)
            return [os.fstat(one).st_size for one in held]
        """,
        "assert candidate() == [10 << 20] * 5",
    ),
    Honest(
        "a copied file",
        """
        import os, shutil
        def f():
            with open("a", "wb") as file:
                file.write(os.urandom(1 << 20))
            shutil.copyfile("a", "b")
            with open("a", "rb") as one, open("b", "rb") as other:
                return one.read() == other.read()
        """,
        "assert candidate() is True",
    ),
    Honest(
        "time zones",
        """
        import datetime, zoneinfo
        def f():
            zone = zoneinfo.ZoneInfo("Europe/Berlin")
            return datetime.datetime(2024, 7, 1, tzinfo=zone).utcoffset().total_seconds()
        """,
        "assert candidate() == 7200",
    ),
    Honest(
        "timed out by itself",
        """
        import signal
        class Late(Exception): pass
        def stop(*_): raise Late
        def f():
            signal.signal(signal.SIGALRM, stop)
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                while True: sum(range(9))  # Python cannot catch it in an empty loop
            except Late:
                return "late"
        """,
        "assert candidate() == 'late'",
    ),
    Honest(
        "random as seeded",
        "import random\ndef f(): return [random.random(), random.Random(1).randint(1, 100)]\n",
        "assert candidate()[1] == 18 and candidate()[0] != candidate()[0]",
    ),
    Honest(
        "unittest in the test",
        "def f(x): return [x, round(x / 3, 7)]\n",
        """
        import unittest
        case = unittest.TestCase()
        case.assertEqual(candidate(3), [3, 1.0])
        case.assertAlmostEqual(candidate(1)[1], 1 / 3, places=5)
        with case.assertRaises(TypeError):
            candidate()
        """,
    ),
    Honest(
        "input replaced",
        """
        import io, sys
        def f(text):
            sys.stdin, sys.stdout = io.StringIO(text), io.StringIO()
            print(sum(map(int, input().split())))
            return sys.stdout.getvalue()
        """,
        "assert candidate('1 2 3') == '6\\n'",
    ),
)
