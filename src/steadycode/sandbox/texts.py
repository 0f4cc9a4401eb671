"""Keeps the checker from running what the program answered: text, a pickle, or a docstring.

A test may ``eval`` an answer, or let Python do so (annotations, doctests, pickles). Whatever runs
there could write the verdict, so only what can do nothing runs: the rest ends the test, which is
then unsupported. This file imports nothing of steadycode, since the worker loads it.
"""

import ast
import dis
import sys
from types import CodeType
from typing import Any

_PURE = frozenset(
    (
        "abs", "all", "any", "bool", "bytearray", "bytes", "chr", "complex", "dict", "divmod",
        "enumerate", "filter", "float", "frozenset", "hash", "int", "len", "list", "map", "max",
        "min", "object", "ord", "pow", "print", "range", "repr", "reversed", "round", "set",
        "slice", "sorted", "str", "sum", "tuple", "zip", "ArithmeticError", "AssertionError",
        "AttributeError", "Exception", "IndexError", "KeyError", "LookupError",
        "NotImplementedError", "RuntimeError", "TypeError", "ValueError", "ZeroDivisionError",
        "inf", "nan",
    )
)  # fmt: skip
_TYPES = frozenset(
    (
        "typing", "Any", "Callable", "Dict", "FrozenSet", "Generator", "Iterable", "Iterator",
        "List", "Literal", "Mapping", "Optional", "Sequence", "Set", "Tuple", "Type", "Union",
    )
)  # fmt: skip
_NAMING = (
    *("STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL", "IMPORT_NAME", "MATCH_CLASS"),
)
"""Instructions that could change what the test means, or look behind an object."""
_PICKLED = {
    "builtins": _PURE - {"filter", "map", "print"},
    "collections": frozenset({"OrderedDict", "defaultdict", "deque"}),
    "_codecs": frozenset({"encode"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
}
"""No class that is written in Python, for a pickle may change it."""
_LIBRARY = (ast.__file__.rpartition("/")[0] + "/", "<frozen ")
_MAKERS = ("collections/__init__.py", "dataclasses.py")
"""What of the library runs text that it has made, out of names that it has checked."""


class Refused(BaseException):
    """The test would have run what the program may have written."""


class Guard:
    """Looks at all code that is run in this process; ``refused`` names what was not."""

    def __init__(self) -> None:
        self.refused = ""
        self._test, self._entry = "", ""

    def watch(self, test: str, entry_point: str | None) -> None:
        self.refused, self._test, self._entry = "", test, entry_point or ""

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "exec":
            if self._may_run(args[0], sys._getframe(1).f_code.co_filename):
                return
        elif event == "pickle.find_class":
            if args[1] in _PICKLED.get(args[0], ()):
                return
        elif event != "marshal.loads" or sys._getframe(1).f_code.co_filename[:8] == "<frozen ":
            return
        self.refused = "the test runs what the program may have written"
        raise Refused(self.refused)

    def _may_run(self, code: CodeType, caller: str) -> bool:
        return (
            code.co_filename == "<test>"
            or code.co_filename.startswith(_LIBRARY)
            or (caller.startswith(_LIBRARY[0]) and caller.endswith(_MAKERS))
            or (caller.endswith("unittest/mock.py") and any(_same(t, code) for t in _mocked(code)))
            or _is_harmless(code, {"candidate", self._entry})
            or any(_same(text, code) for text in self._texts())
        )

    def _texts(self) -> list[str]:
        nodes = ast.walk(ast.parse(self._test))
        return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def _mocked(code: CodeType) -> list[str]:
    """What ``create_autospec`` runs, in one version of Python or another, for such a function."""
    name = code.co_names[0] if code.co_names and code.co_names[0].isidentifier() else ""
    return [_MOCKED.format(name, what) for what in ("mock", name)]


_MOCKED = """def {}(*args, **kwargs):
    _checksig_(*args, **kwargs)
    return {}(*args, **kwargs)"""


def _is_harmless(code: CodeType, known: set[str]) -> bool:
    """Whether it only calculates: it reads no attribute and no name but those of pure functions."""
    return _names(code) <= _PURE | _TYPES | known and not any(
        each.opname in _NAMING for each in dis.get_instructions(code)
    )


def _names(code: CodeType) -> set[str]:
    inner = [_names(each) for each in code.co_consts if isinstance(each, CodeType)]
    return {*code.co_names}.union(*inner)


def _same(text: str, code: CodeType) -> bool:
    for mode in ("eval", "exec", "single"):
        try:
            if compile(text, code.co_filename, mode) == code:
                return True
        except (SyntaxError, ValueError):
            continue
    return False
