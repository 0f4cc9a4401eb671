"""What a program can do with what the test lends it, and with the channel itself."""

import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import Mock

import pytest
from hostile.attack import FORGE, IMPORTS

import steadycode.sandbox
from steadycode.sandbox import Limits, Program, Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(seconds=2, memory_mb=512), workers=1) as running:
        yield running


CLASSES = """\
from unittest.mock import Mock
class Own:
    def __init__(self): self._hidden, self.shown = 9, 1
    def method(self): return 9
"""
NAMES = (
    *("__globals__", "__code__", "__closure__", "__self__", "__func__", "__builtins__", "__dict__"),
    *("__init__", "__getattribute__", "__reduce_ex__", "__subclasshook__", "_hidden", "gi_frame"),
    *("gi_code", "cr_frame", "f_globals", "mro", "__mro__", "__subclasses__", "__wrapped__"),
)


@pytest.mark.parametrize(
    "deed",
    [
        "x.method = lambda: 5", "del x.method", "x.__class__ = list", "x._hidden = 5",
        "x.__init__()", "x.method.__globals__", "m.assert_called_once = print",
        "m.assert_not_called()", "m.reset_mock()", "m.configure_mock(a=1)", "m.a = 5",
        "m.side_effect = 5", "x['a']", "vars(x)", "next(x)",
    ],
)  # fmt: skip
def test_what_is_not_for_the_program_fails(sandbox: Sandbox, deed: str) -> None:
    test = f"{CLASSES}def check(candidate):\n    candidate(Own(), Mock())\n"
    assert sandbox.run(Program(f"def f(x, m):\n    {deed}\n", test, "f")).status != "passed"


@pytest.fixture(scope="module")
def lending() -> Iterator[Any]:
    """As the worker loads it: by its bare name."""
    folder = str(Path(steadycode.sandbox.__file__).parent)
    sys.path.insert(0, folder)
    import lending

    yield lending
    sys.path.remove(folder)


class Own:
    __module__ = "test"

    def method(self) -> int:
        return 9


def generate() -> Iterator[int]:
    yield 9


@pytest.mark.parametrize("name", NAMES)
def test_nothing_behind_what_is_lent_can_be_reached(lending: Any, name: str) -> None:
    own = Own()
    for thing in (generate, own, own.method, Own, generate(), StringIO("x"), Random(1), object()):
        lent = lending.Lent()
        lent.lend(thing)
        with pytest.raises(AttributeError):
            lent.use("get", (thing, name), {})


@pytest.mark.parametrize(
    ("operation", "on"),
    [
        ("set", ("method", 5)), ("delete", ("method",)), ("set", ("__class__", list)),
        ("get", ("__class__",)), ("get", ("_hidden",)), ("set", ("_hidden", 5)),
    ],
)  # fmt: skip
def test_names_that_are_for_the_test_alone(
    lending: Any, operation: str, on: tuple[Any, ...]
) -> None:
    lent, own = lending.Lent(), Own()
    lent.lend(own)
    with pytest.raises(AttributeError):
        lent.use(operation, (own, *on), {})
    assert own.method() == 9


@pytest.mark.parametrize("name", ["assert_called_once", "reset_mock", "side_effect", "anything"])
def test_a_mock_is_not_changed_by_the_program(lending: Any, name: str) -> None:
    lent, mock = lending.Lent(), Mock()
    lent.lend(mock)
    assert lent.use("call", (mock, 1), {}) is mock.return_value
    with pytest.raises(AttributeError):
        lent.use("set", (mock, name, print), {})
    with pytest.raises(AssertionError):
        mock.assert_called_once_with(2)


@pytest.mark.parametrize(
    ("operation", "on"),
    [
        ("call", (print, 5)), ("operator", ("call", print, 5)), ("exec", ("5",)), ("call", ()),
        ("operator", ("eq", 5, 6)), ("get", (5, "real")),
    ],
)  # fmt: skip
def test_what_was_not_lent_cannot_be_used(
    lending: Any, operation: str, on: tuple[Any, ...]
) -> None:
    lent = lending.Lent()
    lent.lend(Own())
    with pytest.raises(lending.wire.Gone):
        lent.use(operation, on, {})


def _error(module: str, name: str, bases: Any = ()) -> dict[str, Any]:
    written = [[module, name, list(bases)], "", [], [], [None, None, False]]
    return {"raised": {"error": written}}


KIND = [["__call__", "__eq__", "__len__"], "builtins", ["Mapping"], ["a"]]
MESSAGES: dict[str, Any] = {
    "skips": _error("unittest.case", "SkipTest", [["builtins", "Exception", []]]),
    "stops": _error("builtins", "StopIteration"),
    "leaves": _error("builtins", "SystemExit"),
    "error of the checker": _error("wire", "Gone", [["builtins", "BaseException", []]]),
    "error of no module": _error("", "", []),
    "error of itself": {"raised": {"error": [["a", "A", [["a", "A", []]]], "", [], [], [0, 0, 0]]}},
    "error that is data": {"raised": 5},
    "error of the test": {"raised": {"again": 0}},
    "kind of data": {"value": {"object": [5, "int#1", ["__eq__"], "builtins", [], []]}},
    "kind without end": {"value": {"object": [5, "k#1", ["__call__"] * 10000, "m", [], []]}},
    "kind by lists": {"value": {"object": [[], [], [], [], [], []]}},
    "kind with fields": {"value": {"object": [5, "k#1", [], "m", [], ["a b", "5"]]}},
    "kind with protocol": {"value": {"object": [5, "k#1", *KIND]}},
    "lent by nothing": {"value": {"yours": 0}},
    "lent from behind": {"value": {"yours": -1}},
    "uses nothing": {"op": "call", "data": {"tuple": [{"tuple": []}, {"tuple": []}]}},
    "uses data": {"op": "get", "data": {"tuple": [{"tuple": [5, "real"]}, {"tuple": []}]}},
    "unknown use": {"op": "exec", "data": {"tuple": [{"tuple": ["5"]}, {"tuple": []}]}},
    "around by words": {"value": 0, "around": "passed"},
    "around by lists": {"value": 0, "around": {"printed": 5, "warned": [[5]], "logged": [[]]}},
    "refused": {"value": 0, "refused": ["os"] * 9, "doubt": {"a": 1}},
    "counts": {"value": 0, "to": 10**30},
    "counts by words": {"value": 0, "to": "all"},
    "frees all": {"value": 0, "freed": list(range(1000))},
    "changes itself": {"value": 0, "changed": [[0, [{"at": 0}]]]},
    "default of nothing": {"value": {"default": [5, []]}},
    "typing's function": {"value": {"typing": ["get_type_hints", None]}},
    "typing's cast": {"value": {"typing": ["cast", {"tuple": []}]}},
    "generic of all": {"value": {"generic": [5, 5]}},
    "zone of a path": {"value": {"zone of the world": "../../etc/passwd"}},
    "path": {"value": {"path": ["a"]}},
    "memory": {"value": {"memoryview": "%%"}},
}
TEST = """\
import contextlib, io, random, unittest, warnings, logging
def check(candidate):
    with contextlib.redirect_stdout(io.StringIO()):
        for x in (3, 4):
            case = unittest.FunctionTestCase(lambda: None)
            case.assertEqual(candidate(x, lambda: 5, [1]), x * x)
"""


@pytest.mark.parametrize("name", MESSAGES)
def test_no_message_fakes_a_pass(sandbox: Sandbox, name: str) -> None:
    for code in (
        f"def f(*_):\n    say(*[{MESSAGES[name]!r}] * 30)\n    os._exit(0)\n",
        f"say(RAN, FUNCTION, *[{MESSAGES[name]!r}] * 9)\ntime.sleep(0.1)\nos._exit(0)\n",
    ):
        verdict = sandbox.run(Program(IMPORTS + FORGE + code, TEST, "f"))
        assert verdict.status in ("failed", "blocked", "unsupported"), verdict
    assert sandbox.run(Program("def f(x, *_): return x * x", TEST, "f")).status == "passed"
