"""Lets code recurse as deep as it could in a script, whatever of ours runs beneath it.

This file imports nothing of steadycode, since the worker loads it.
"""

import sys
from typing import Any

_LIMIT = 1000  # Python's
_LARGEST = 2**31 - 1
_set, _get = sys.setrecursionlimit, sys.getrecursionlimit


def depth() -> int:
    """How deep the caller is, as Python counts; its message names it when the limit is too low."""
    try:
        _set(1)
    except RecursionError as error:
        return _named(error)
    raise AssertionError("the limit of recursion can be 1")


def _named(error: RecursionError) -> int:
    """The depth in the words "at the recursion depth 5: the limit is too low"."""
    return int(str(error).rpartition(":")[0].rpartition(" ")[2])


PROBE = compile("found = depth()", "<test>", "exec")
"""Executed where other code will be, says how deep that is."""


def probe() -> dict[str, Any]:
    """A namespace for ``PROBE``, which leaves ``found`` in it."""
    return {"depth": depth}


class Limit:
    """The limit of recursion as code sees it and meets it that runs on top of ours."""

    def __init__(self, script: int) -> None:
        """``script`` is what ``depth`` returns at the outermost level of a script."""
        self._script = script
        self._beneath = 0
        self._of_calls = 0

    def enter(self, found: int) -> None:
        """What is executed at the depth ``found`` meets the limit of a script from now on."""
        self._beneath = found - self._script
        sys.getrecursionlimit, sys.setrecursionlimit = (
            self.getrecursionlimit,
            self.setrecursionlimit,
        )
        _set(_LIMIT + self._beneath)

    def leave(self) -> None:
        """Let Python's own limit hold again."""
        sys.getrecursionlimit, sys.setrecursionlimit = _get, _set
        _set(_LIMIT)

    def rehearse(self, module: int, called: int) -> None:
        """Learn how much more of ours is beneath a function that a test calls than beneath its
        module, from what ``depth`` returned in both."""
        self._of_calls = called - module - 2  # in a script: the test's function, and it

    def enter_calls(self) -> None:
        """After ``enter``: what is called from now on is called by a test."""
        seen = self.getrecursionlimit()
        self._beneath += self._of_calls
        _set(min(seen + self._beneath, _LARGEST))

    def getrecursionlimit(self) -> int:
        return _get() - self._beneath

    def setrecursionlimit(self, limit: int, /) -> None:
        if not isinstance(limit, int) or not 0 < limit <= _LARGEST:
            return _set(limit)  # which says what is wrong
        try:
            _set(min(limit + self._beneath, _LARGEST))
        except RecursionError as error:
            now = _named(error) - self._beneath - 1  # without this call
            raise RecursionError(
                f"cannot set the recursion limit to {limit} at the recursion depth {now}:"
                " the limit is too low"
            ) from None
