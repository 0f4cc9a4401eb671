"""A verdict is what plain Python says: the same pairs of program and test, run both ways."""

import sys
from collections.abc import Iterator, Sequence

import pytest
from differential.mutants import mbpp_of, mutants, reference_programs
from differential.pairs import Pair, read_pairs
from differential.plainly import run_plainly

from steadycode.sandbox import Limits, Program, Sandbox, Verdict

PAIRS = read_pairs()
UNSUPPORTED = 0.02
"""The largest share of the pairs that the sandbox may leave without a verdict."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    if sys.platform != "linux":
        pytest.skip("programs are confined on Linux only")
    with Sandbox(Limits(seconds=3, memory_mb=1024)) as running:
        yield running


@pytest.fixture(scope="module")
def verdicts(sandbox: Sandbox) -> dict[str, tuple[str, Verdict]]:
    """By the pair's name, what plain Python says and what the sandbox says."""
    both = _both([pair.program for pair in PAIRS], sandbox)
    return {pair.name: found for pair, found in zip(PAIRS, both, strict=True)}


def _both(programs: Sequence[Program], sandbox: Sandbox) -> list[tuple[str, Verdict]]:
    plain = run_plainly((p.code, p.test, str(p.entry_point)) for p in programs)
    return list(zip(plain, sandbox.run_all(programs), strict=True))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name.replace(" ", "_"))
def test_the_verdict_is_what_plain_python_says(
    pair: Pair, verdicts: dict[str, tuple[str, Verdict]]
) -> None:
    plain, verdict = verdicts[pair.name]
    if verdict.status == "unsupported":
        assert not plain, "a test that plain Python fails is a failure"
        assert verdict.detail
    else:
        assert (verdict.status == "passed") == (not plain), (plain, verdict)


def test_nearly_all_pairs_have_a_verdict(verdicts: dict[str, tuple[str, Verdict]]) -> None:
    unsupported = [name for name, (_, v) in verdicts.items() if v.status == "unsupported"]
    assert len(verdicts) == len(PAIRS) >= 300
    assert len(unsupported) <= UNSUPPORTED * len(PAIRS), unsupported


@pytest.mark.slow
@pytest.mark.parametrize("problems", ["humaneval", "mbpp"])
def test_references_and_their_mutants_are_judged_as_by_plain_python(
    problems: str, request: pytest.FixtureRequest
) -> None:
    source = problems
    if problems == "mbpp":
        source = mbpp_of(request.getfixturevalue("shared"))
    references = reference_programs(source)
    programs = [p for reference in references for p in (reference, *mutants(reference, 3))]
    assert len(programs) > 3 * len(references)
    plain = run_plainly((p.code, p.test, str(p.entry_point)) for p in programs)
    verdicts = _run(programs, seconds=2)
    # One reference of MBPP takes about 2 s: what ends in plain Python has ample time to end here.
    slow = [n for n, verdict in enumerate(verdicts) if verdict.status == "timeout" and not plain[n]]
    for n, verdict in zip(slow, _run([programs[n] for n in slow], seconds=30), strict=True):
        verdicts[n] = verdict
    differing = [
        (program.code, said, verdict)
        for program, said, verdict in zip(programs, plain, verdicts, strict=True)
        if verdict.status == "unsupported" or (verdict.status == "passed") != (not said)
    ]
    assert not differing


def _run(programs: Sequence[Program], seconds: float) -> list[Verdict]:
    with Sandbox(Limits(seconds=seconds, memory_mb=1024)) as sandbox:
        return list(sandbox.run_all(programs))
