"""What an entry point names: a function, a class, or a method as ``Class().method``."""

import re

_METHOD = re.compile(r"(?P<holder>[^\W\d]\w*)(?:\(\))?\.(?P<method>[^\W\d]\w*)")


def outermost(entry_point: str) -> str:
    """The name at the top level of a program: the function, the class, or the class of a method."""
    method = _METHOD.fullmatch(entry_point)
    return method["holder"] if method else entry_point


def method_of(entry_point: str) -> str:
    """The name of the method; empty for a function or class."""
    method = _METHOD.fullmatch(entry_point)
    return method["method"] if method else ""


def plain_name(entry_point: str) -> str:
    """A name by which a program can have it: ``Class().method`` becomes ``Class_method``."""
    method = method_of(entry_point)
    return f"{outermost(entry_point)}_{method}" if method else entry_point
