"""Says why a test failed, and what in a test may not be the same in two processes.

This file imports nothing of steadycode, since the worker loads it.
"""

import ast
import contextlib
import re
import reprlib
import types
from typing import Any

SHORT = 200  # characters of each text in a verdict
ACTUAL, EXPECTED = "_steadycode_actual", "_steadycode_expected"
"""The names in a prepared test (``prepare.py``) that hold the two sides of its last assertion."""

_ALIKE = (
    "bisect|cmath|collections(?:\\.abc)?|copy|dataclasses|datetime|enum|fractions"
    "|functools|heapq|itertools|json|math|numbers|operator|re|statistics|string|typing"
)
_IMPORT = re.compile(rf"(?:^|;)\s*(?:import|from)\s+(?!(?:{_ALIKE})\b(?!\.))([\w.]+)", re.M)
_WORDS = re.compile(
    r"(?<![.\w])(id|type|vars|globals|locals|eval|exec|compile|open|input|print|setattr|delattr"
    r"|global|__\w+__)\b|\b(__traceback__|__context__|is_|is_not)\b"
)
_IDENTITY = re.compile(r"\bis\s+(?:not\s+)?+(?:\(\w+ := )?+(?!None\b|True\b|False\b)[\w\[{(\"']+")


def doubt_by_words(test: str) -> str:
    """What in the test may be otherwise in one process with the program; "" when nothing may.

    A doubt costs time and no more, so it may be raised by a word in a remark.
    """
    if found := _IMPORT.search(test):
        return f"the test imports {found[1]}"
    if found := _WORDS.search(test):
        return f"the test uses {found[1] or found[2]}"
    if found := _IDENTITY.search(test):
        return f"the test compares by identity ({found[0]})"
    return ""


def doubt_by_names(names: dict[Any, Any]) -> str:
    """As ``doubt_by_words``, by what the test defines."""
    for name, value in names.items():
        if name not in _OURS and getattr(value, "__module__", "test") == "test":
            return f"the test defines {name}"
    return ""


_OURS = ("__name__", "__builtins__", "check", "METADATA")


def verdict(error: BaseException, test: str, foreign: str = "") -> dict[str, str]:
    """The fields of the verdict on a test that ``error`` ended."""
    if isinstance(error, MemoryError):
        return {"status": "out_of_memory", "detail": "MemoryError"}
    status = "blocked" if isinstance(error, PermissionError) else "failed"
    detail = type(error).__name__
    with contextlib.suppress(BaseException):
        detail = f"{detail}: {' '.join(str(error).split())}".removesuffix(": ")
    if foreign:
        detail = f"{detail} ({foreign})"
    fields = {"status": status, "detail": detail[:SHORT]}
    with contextlib.suppress(BaseException):
        fields |= _sides(error, test)
    return fields


def takes_for_module(test: str, name: str) -> bool:
    """Whether the test, which may rely on the program's imports, uses ``name`` as a module."""
    nodes = list(ast.walk(ast.parse(test)))
    all_uses = sum(isinstance(node, ast.Name) and node.id == name for node in nodes)
    owners = [node.value for node in nodes if isinstance(node, ast.Attribute)]
    as_module = sum(isinstance(owner, ast.Name) and owner.id == name for owner in owners)
    return all_uses == as_module > 0


def _sides(error: BaseException, test: str) -> dict[str, str]:
    """The two sides of the assertion that ``error`` comes from; {} when it is another error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        if _is_unittest(trace.tb_next.tb_frame):
            break
        trace = trace.tb_next
    if trace is None or not isinstance(error, AssertionError):
        return {}
    if trace.tb_next is not None:
        inner = trace.tb_next.tb_frame.f_locals
        pairs = {"actual": "first", "expected": "second"}
        return {side: short(inner[name]) for side, name in pairs.items() if name in inner}
    line = test.splitlines()[trace.tb_lineno - 1]
    if trace.tb_frame.f_code.co_filename != "<test>" or not line.lstrip().startswith("assert"):
        return {}
    inner = trace.tb_frame.f_locals
    pairs = {"actual": ACTUAL, "expected": EXPECTED}
    written = {side: name for side, name in pairs.items() if name in line and name in inner}
    return {side: short(inner[name]) for side, name in written.items()}


def _is_unittest(frame: types.FrameType) -> bool:
    return frame.f_code.co_filename.endswith("unittest/case.py")


class _Shown(reprlib.Repr):
    """Writes values without looking at more of them than is shown, and without asking the program
    how its own objects look."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 5
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = SHORT // 3
        self.maxdict = self.maxarray = SHORT // 4
        self.maxstring = self.maxlong = self.maxother = SHORT

    def repr_int(self, x: int, level: int) -> str:
        return super().repr_int(x, level) if abs(x) < 1 << 4000 else f"<{x.bit_length()} bits>"

    def repr_instance(self, x: Any, level: int) -> str:
        kind = type(x)
        if kind.__module__ == "builtins" or kind.__module__ in _SHOWN:
            return super().repr_instance(x, level)
        return f"<{kind.__name__} object>"


_SHOWN = ("collections", "datetime", "decimal", "fractions", "pathlib", "uuid")


def short(value: Any) -> str:
    """The value as Python writes it, in at most ``SHORT`` printable characters."""
    text = _Shown().repr(value)
    text = text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
