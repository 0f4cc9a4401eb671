"""Runs program and test in one process, as plain Python does.

The program can make this say anything, so a pass here proves nothing: ``worker.py`` asks for it
only where the two processes may differ from one, and believes it only against the program. This
file imports nothing of steadycode, since the worker loads it.
"""

import explain  # type: ignore[import-not-found]
import program  # type: ignore[import-not-found]
import recursion  # type: ignore[import-not-found]

_exec, _compile = exec, compile  # kept here, since a program may replace Python's


def judge(
    code: str, test: str, entry_point: str | None, name: str, limit: recursion.Limit
) -> dict[str, str]:
    """The fields of the verdict on ``code`` as module ``name``, with the test in its namespace."""
    names = program.enter_module(name).__dict__
    check = _compile("check(candidate)", "<test>", "exec")
    _exec(recursion.PROBE, probe := recursion.probe())
    limit.enter(probe["found"])
    try:
        _exec(_compile(code, "<program>", "exec"), names)
        candidate = names[entry_point or ""]  # which may be named "check" too
        _exec(_compile(test, "<test>", "exec"), names)
        _exec(check, names, {"check": names["check"], "candidate": candidate})
    except BaseException as error:
        return dict(explain.verdict(error, test))
    return {"status": "passed", "detail": ""}
