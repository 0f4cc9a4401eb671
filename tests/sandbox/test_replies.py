"""What a program sends in place of an honest reply is one failure, and no error of the test."""

import gc
import json
import os
import random
import re
import secrets
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hostile.attack import FORGE, IMPORTS
from hostile.fuzz import TEST, conversations

import steadycode.sandbox
from steadycode.sandbox import Limits, Program, Sandbox, Verdict
from steadycode.sandbox.contract import Status


@pytest.fixture(scope="module")
def checker() -> Iterator[Any]:
    """As the worker loads it: by its bare name."""
    folder = str(Path(steadycode.sandbox.__file__).parent)
    sys.path.insert(0, folder)
    import checker

    gc.freeze()  # a checker collects after each test, and is a small process
    yield checker
    gc.unfreeze()
    sys.path.remove(folder)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    if sys.platform != "linux":
        pytest.skip("programs are confined on Linux only")
    with Sandbox(Limits(seconds=2, memory_mb=512), workers=1) as running:
        yield running


def judged(checker: Any, said: list[Any], test: str) -> dict[str, str] | None:
    """The verdict of a checker that hears ``said``, whatever it asks."""
    bodies = [json.dumps(message).encode() for message in said]
    state = random.getstate()
    with tempfile.TemporaryFile() as heard, open(os.devnull, "wb") as nothing:
        heard.write(b"".join(struct.pack(">I", len(body)) + body for body in bodies))
        heard.seek(0)
        channel = checker.wire.Channel(heard.fileno(), nothing.fileno())
        limit = checker.recursion.Limit(checker.recursion.depth())
        try:
            found: dict[str, str] | None = checker.judge(test, "f", "", channel, limit)[0]
        finally:
            random.setstate(state)
    return found


OURS = ("AssertionError", "UserWarning")


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_no_damaged_reply_is_an_error_of_the_test(checker: Any) -> None:
    counted = dict[str, int]()
    for said in conversations(seed=1, count=600):
        verdict = judged(checker, said, TEST.replace("@SECRET@", secrets.token_hex(8)))
        if verdict is None:  # it had nothing more to say
            continue
        assert verdict["status"] in ("failed", "unsupported", "blocked", "out_of_memory"), said
        detail = verdict["detail"]
        kind = re.match(r"\w*", detail)[0]  # type: ignore[index]
        named = kind in OURS or f'"{kind}"' in json.dumps(said)
        known = detail.startswith("the program ") or verdict["status"] == "unsupported"
        assert named or known, (detail, said)
        counted[kind] = counted.get(kind, 0) + 1
    assert counted["the"] > 200
    assert counted["AssertionError"] > 10


def test_no_damaged_reply_changes_a_verdict(sandbox: Sandbox) -> None:
    programs = []
    for said in conversations(seed=2, count=200):
        code = f"for message in json.loads({json.dumps(said)!r}): say(message)\nos._exit(0)\n"
        test = TEST.replace("@SECRET@", secrets.token_hex(8))
        programs.append(Program("import json, os, struct\n" + FORGE + code, test, "f"))
        programs += [Program(code, "def check(c): assert c(3) == 9", "f") for code in NEXT]
    verdicts = list(sandbox.run_all(programs))
    assert {v.status for v in verdicts[1::3]} == {"passed"}
    assert {v.status for v in verdicts[2::3]} == {"failed"}
    assert {v.status for v in verdicts[0::3]} <= {*get_args(Status)} - {"passed", "timeout"}


NEXT = ("def f(x): return x * x", "def f(x): return x + x")


def forged(sandbox: Sandbox, reply: dict[str, Any], test: str = "") -> Verdict:
    code = f"def f():\n    say({reply!r})\n    time.sleep(0.1)\n    return 0\n"
    test = test or "def check(candidate): assert candidate() == 1"
    return sandbox.run(Program(IMPORTS + FORGE + code, test, "f"))


@pytest.mark.parametrize(
    "said",
    [
        {"refused": "I am right"}, {"refused": "fork"}, {"refused": ["chmod"]}, {"doubt": "no"},
        {"doubt": {"a": 1}}, {"shadowed": ["f"]}, {"shadowed": 5}, {"around": {"drawn": "x"}},
        {"around": {"drawn": 10**9}}, {"around": {"printed": [5]}}, {"around": []},
        {"around": {"warned": [[5, "x"]]}}, {"around": {"logged": [["x", "y", "z"]]}},
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_said_beside_a_value_is_taken_in_our_words_only(
    sandbox: Sandbox, said: dict[str, Any]
) -> None:
    test = "import random, warnings, logging\ndef check(candidate): assert candidate() == 1"
    verdict = forged(sandbox, {"value": 0, **said}, test)
    assert (verdict.status, verdict.detail) == ("failed", "the program sends what is not a reply")


def test_what_the_sandbox_refuses_is_named_by_the_checker(sandbox: Sandbox) -> None:
    verdict = forged(sandbox, {"value": 0, "refused": "chmod"})
    assert (verdict.status, verdict.detail) == ("unsupported", "os.chmod on its own files")
