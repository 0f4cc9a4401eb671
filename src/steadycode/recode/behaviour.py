"""Which programs do the same, because they differ in their layout and docstrings alone."""

from collections.abc import Hashable
from types import CodeType

_SEES_ITSELF = (
    "__dict__", "__doc__", "__code__", "__file__", "_getframe", "currentframe", "doctest", "getdoc",
    "getsource", "help(", "inspect", "lineno", "linecache", "pydoc", "traceback", "vars(",
    "warnings",
)  # fmt: skip
"""Words of programs that may read their own text, docstrings or line numbers."""


def behaviour(source: str, test: str = "") -> Hashable:
    """Equal for two programs only if they compile to the same instructions, docstrings and line
    numbers apart; for one that may read those itself, or whose ``test`` may, its whole text.

    Raises what ``compile`` raises when ``source`` is not Python: SyntaxError, ValueError,
    RecursionError or MemoryError.
    """
    without_docstrings = "assert" not in source  # the compiler drops both or neither
    code = compile(
        source, "<program>", "exec", dont_inherit=True, optimize=2 if without_docstrings else 0
    )
    if any(word in source or word in test for word in _SEES_ITSELF):
        return source
    return _instructions(code)


def _instructions(code: CodeType) -> Hashable:
    constants = tuple(
        _instructions(value) if isinstance(value, CodeType) else (type(value), repr(value))
        for value in code.co_consts
    )
    return (
        code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars,
        code.co_cellvars, code.co_exceptiontable, code.co_name, code.co_flags, code.co_argcount,
        code.co_posonlyargcount, code.co_kwonlyargcount,
    )  # fmt: skip
