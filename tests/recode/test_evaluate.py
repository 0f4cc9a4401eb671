import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from threading import Event

import pytest

from steadycode.config import Style
from steadycode.errors import EvidenceError, SandboxError
from steadycode.generation.contract import Completion
from steadycode.problems import Problem
from steadycode.recode import Benchmark, build_benchmark
from steadycode.recode.evaluate import evaluate
from steadycode.recode.figures import figures
from steadycode.recode.programs import program
from steadycode.recode.report import Outcome, Report, build_report
from steadycode.recode.variant import Mode
from steadycode.records import read_record, write_record
from steadycode.sandbox import Judge, Program, Verdict
from steadycode.sandbox.contract import Key

NAMES = ["ButterFingersPerturbation", "FuncRenameCamelCase", "ParameterRenamed", "new_lines"]
GROUPS = ["docstring", "function_name", "syntax", "format"]


@pytest.fixture(scope="module")
def benchmark_(problems: list[Problem]) -> Benchmark:
    return build_benchmark(problems[:8], NAMES)


def completion(prompt: str, text: str, sample: int = 0) -> Completion:
    return Completion(
        prompt=prompt, sample=sample, text=text, finish_reason="function_end", mean_logprob=-1.0
    )


def read_back(path: Path, report: Report) -> Report:
    write_record(path, report, 1)
    return read_record(path, Report, 1, EvidenceError, "evaluate again")


def oracle(benchmark: Benchmark, seen: list[str]) -> Callable[[Sequence[str]], Iterator]:
    known = {problem.prompt: problem.canonical_solution for _, problem in benchmark.cases()}

    def complete(prompts: Sequence[str]) -> Iterator[Completion]:
        for prompt in reversed(prompts):  # any order will do
            seen.append(prompt)
            yield completion(prompt, known[prompt])

    return complete


def test_canonical_solutions_pass_everywhere(
    benchmark_: Benchmark, judge: Judge, tmp_path: Path
) -> None:
    seen: list[str] = []
    steps: list[tuple[int, int]] = []
    report, completions = evaluate(
        benchmark_, oracle(benchmark_, seen), judge, total_problems=164,
        on_progress=lambda *step: steps.append(step),
    )  # fmt: skip
    cases = list(benchmark_.cases())
    assert sorted(seen) == sorted({problem.prompt for _, problem in cases})
    assert [c.prompt for c in completions] == list(dict.fromkeys(p.prompt for _, p in cases))
    assert steps[-1] == (len(cases), len(cases))
    expected = {"recode/full/pass_at_1": 1.0, "recode/partial/pass_at_1": 1.0}
    named = [f"{group}/{name}" for group, name in zip(GROUPS, NAMES, strict=True)]
    parts = ("full", "partial", *GROUPS)
    for what in (*parts, *named, "natural", *(f"natural/{part}" for part in parts)):
        expected |= {
            f"recode/{what}/robust_pass_at_1": 1.0,
            f"recode/{what}/robust_drop_at_1": 0.0,
            f"recode/{what}/robust_relative_at_1": 0.0,
        }
    expected |= {f"recode/{group}/robust_pass_of_some_at_1": 1.0 for group in GROUPS}
    expected["recode/some_variants"] = 1.0
    assert {name: figure.value for name, figure in report.figures.items()} == expected
    assert all(f.low == f.high == f.value for f in report.figures.values())
    assert report.label == "subset: 8 of 164 problems"
    assert report.benchmark_hash == benchmark_.content_hash
    assert report == read_back(tmp_path / "report.json", report)


def test_a_model_that_knows_nothing(benchmark_: Benchmark, judge: Judge, tmp_path: Path) -> None:
    def complete(prompts: Sequence[str]) -> Iterator[Completion]:
        return (completion(prompt, "    return None\n") for prompt in prompts)

    report, _ = evaluate(benchmark_, complete, judge)
    assert report.figures["recode/full/pass_at_1"].value == 0
    drop = report.figures["recode/docstring/robust_drop_at_1"]
    assert math.isnan(drop.value)
    assert drop.reason == "no problem is solved on its nominal prompt"
    path = tmp_path / "report.json"
    figures = dict(sorted(report.figures.items()))
    assert repr(read_back(path, report).figures) == repr(figures)
    assert "NaN" not in path.read_text()
    path.write_text(path.read_text().replace('"value": null', '"value": NaN'))  # as it once was
    assert repr(read_record(path, Report, 1, EvidenceError, "").figures) == repr(figures)


def test_several_samples_are_paired(problems: list[Problem], judge: Judge) -> None:
    benchmark = build_benchmark(problems[:1], ["new_lines"])
    nominal = benchmark.partial[0].prompt

    def complete(prompts: Sequence[str]) -> Iterator[Completion]:
        known = {p.prompt: p.canonical_solution for _, p in benchmark.cases()}
        for prompt in prompts:
            for sample in range(4):  # nominal 1110, variant 0111
                right = sample < 3 if prompt == nominal else sample > 0
                yield completion(prompt, known[prompt] if right else "        1/0\n", sample)

    report, _ = evaluate(benchmark, complete, judge)
    assert report.figures["recode/partial/pass_at_1"].value == 0.75
    assert report.figures["recode/format/robust_pass_at_1"].value == 0.75
    assert report.figures["recode/format/robust_drop_at_1"].value == 0
    assert report.figures["recode/format/robust_relative_at_1"].value == 0.5


def test_unchanged_variants_are_left_out_and_groups_without_any_say_so(
    problems: list[Problem], judge: Judge
) -> None:
    same = [p for p in problems if p.entry_point.islower() and "_" not in p.entry_point][:3]
    benchmark = build_benchmark(same, ["FuncRenameCamelCase"])
    report, _ = evaluate(benchmark, oracle(benchmark, []), judge)
    assert [o.changed for o in report.outcomes if o.perturbation] == [False] * 3
    figure = report.figures["recode/function_name/robust_pass_at_1"]
    assert math.isnan(figure.value)
    assert figure.reason == "no changed variant of function_name"
    assert figure.left_out == 3
    assert report.figures["recode/syntax/robust_drop_at_1"].reason == "no changed variant of syntax"


def outcome(
    task: str, name: str | None, group: str | None, *passed: bool, mode: Mode = "full"
) -> Outcome:
    verdicts = tuple(Verdict(status="passed" if ok else "failed") for ok in passed)
    return Outcome(task_id=task, mode=mode, perturbation=name, group=group, seed=0,
                   changed=name is not None, verdicts=verdicts)  # fmt: skip


def test_what_people_write_has_figures_apart() -> None:
    rows = [
        *(outcome(task, None, None, True) for task in "abcd"),
        *(outcome(task, None, None, task != "c", mode="partial") for task in "abcd"),
        outcome("a", "ButterFingersPerturbation", "docstring", True),
        outcome("a", "ChangeCharCase", "docstring", False),
        outcome("a", "VarRenamerNaive", "syntax", False, mode="partial"),
        outcome("b", "ButterFingersPerturbation", "docstring", True),
        outcome("b", "new_lines", "format", False, mode="partial"),
        outcome("c", "new_lines", "format", False, mode="partial"),
        outcome("d", "ChangeCharCase", "docstring", True),
        outcome("d", "Retired", "docstring", True),
    ]
    names = ["ButterFingersPerturbation", "ChangeCharCase", "VarRenamerNaive", "new_lines"]
    report = Report(benchmark_hash="", problems=4, total_problems=4, outcomes=tuple(rows),
                    figures=figures(rows, names, 0))  # fmt: skip
    assert report.robust("natural") == {"a": (True,), "b": (False,), "c": (False,)}
    assert report.robust() == {"a": (False,), "b": (False,), "c": (False,), "d": (True,)}
    robust = report.figures["recode/natural/robust_pass_at_1"]
    assert (robust.value, robust.n, robust.left_out) == (pytest.approx(1 / 3), 3, 1)
    assert robust.low < robust.value < robust.high
    # "c" was never solved where its variant comes from; of "a" and "b", "b" is lost
    assert report.figures["recode/natural/robust_drop_at_1"].value == pytest.approx(1 / 2)
    assert report.figures["recode/natural/robust_relative_at_1"].value == pytest.approx(1 / 3)
    assert report.figures["recode/natural/docstring/robust_pass_at_1"].value == 1
    assert report.figures["recode/docstring/robust_pass_at_1"].value == pytest.approx(2 / 3)
    assert report.figures["recode/natural/partial/robust_pass_at_1"].n == 2
    reason = "no changed variant of natural perturbations of syntax"
    assert report.figures["recode/natural/syntax/robust_pass_at_1"].reason == reason


def test_a_mode_is_the_worst_of_its_two_groups() -> None:
    found = figures(
        [
            *(outcome(task, None, None, True) for task in "abc"),
            *(outcome("a", "ChangeCharCase", "docstring", ok) for ok in (True, True, False)),
            outcome("b", "ChangeCharCase", "docstring", True),
            outcome("b", "FuncRenameCamelCase", "function_name", False),
        ],
        ["ChangeCharCase", "FuncRenameCamelCase"],
        0,
    )
    whole = found["recode/full/robust_pass_at_1"]
    assert (whole.value, whole.n, whole.left_out) == (0.0, 2, 1)
    docstring = found["recode/docstring/robust_pass_at_1"]
    assert (docstring.value, docstring.n, docstring.left_out) == (0.5, 2, 1)
    assert found["recode/docstring/ChangeCharCase/robust_drop_at_1"].value == 0.5
    # one variant of each, drawn at random: two of the three of "a" pass
    assert found["recode/some_variants"].value == 1
    assert found["recode/docstring/robust_pass_of_some_at_1"].value == pytest.approx(5 / 6)


def test_intervals_come_from_the_seed(benchmark_: Benchmark) -> None:
    verdicts = [
        (Verdict(status="passed" if number % 3 else "failed"),)
        for number, _ in enumerate(benchmark_.cases())
    ]
    one, same, other = (build_report(benchmark_, verdicts, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one.outcomes == other.outcomes
    assert one.figures != other.figures
    figure = one.figures["recode/full/pass_at_1"]
    assert figure.low < figure.value < figure.high
    assert figure.n == 8


def test_a_missing_completion_is_an_error(benchmark_: Benchmark, judge: Judge) -> None:
    def one_less(prompts: Sequence[str]) -> Iterator[Completion]:
        return (completion(prompt, "    pass\n") for prompt in prompts[1:])

    def made_up(prompts: Sequence[str]) -> Iterator[Completion]:
        return iter([completion("another prompt", "    pass\n")])

    with pytest.raises(EvidenceError, match="left out 1 completions"):
        evaluate(benchmark_, one_less, judge)
    with pytest.raises(EvidenceError, match="a prompt that it was not given"):
        evaluate(benchmark_, made_up, judge)


def test_who_completes_never_waits_for_a_verdict(benchmark_: Benchmark) -> None:
    completed = Event()

    def complete(prompts: Sequence[str]) -> Iterator[Completion]:
        yield from (completion(prompt, "    pass\n") for prompt in prompts)
        completed.set()

    def late(programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        assert completed.wait(30), "completing waited"
        return ((key, Verdict(status="failed")) for key, _ in programs)

    report, _ = evaluate(benchmark_, complete, late)
    assert report.figures["recode/full/pass_at_1"].value == 0


def test_verdicts_are_taken_while_completions_come(benchmark_: Benchmark, judge: Judge) -> None:
    taken = Event()

    def complete(prompts: Sequence[str]) -> Iterator[Completion]:
        yield completion(prompts[0], "    pass\n")
        assert taken.wait(30), "the verdict waited for the next completion"
        yield from (completion(prompt, "    pass\n") for prompt in prompts[1:])

    evaluate(benchmark_, complete, judge, on_progress=lambda done, total: taken.set())


def test_a_model_that_breaks_ends_the_evaluation(benchmark_: Benchmark, judge: Judge) -> None:
    def complete(prompts: Sequence[str]) -> Iterator[Completion]:
        yield from (completion(prompt, "    pass\n") for prompt in prompts)
        raise MemoryError("too large")

    with pytest.raises(MemoryError, match="too large"):
        evaluate(benchmark_, complete, judge)


def test_a_judge_that_breaks_ends_the_evaluation_at_once(benchmark_: Benchmark) -> None:
    completed = 0

    def complete(prompts: Sequence[str]) -> Iterator[Completion]:
        nonlocal completed
        for completed, prompt in enumerate(repeat(prompts[0], 10**6)):  # noqa: B007
            yield completion(prompt, "    pass\n")

    def broken(programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        raise SandboxError("no workers left")

    with pytest.raises(SandboxError, match="no workers left"):
        evaluate(benchmark_, complete, broken)
    assert completed < 10**6 - 1


def test_an_interrupt_does_not_wait_for_verdicts(benchmark_: Benchmark) -> None:
    interrupted, waited = Event(), Event()

    def slow(programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        judged = [(key, Verdict(status="failed")) for key, _ in programs]
        time.sleep(0.3)  # a signal just before a thread begins to wait does not wake it
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        if not interrupted.wait(30):
            waited.set()
        yield from judged

    with pytest.raises(KeyboardInterrupt):
        evaluate(benchmark_, oracle(benchmark_, []), slow)
    interrupted.set()
    assert not waited.is_set()


def test_a_judge_that_leaves_verdicts_out_is_an_error(benchmark_: Benchmark) -> None:
    def one_less(programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        return ((key, Verdict(status="passed")) for key, _ in list(programs)[1:])

    with pytest.raises(EvidenceError, match="the judge left out 1 verdicts"):
        evaluate(benchmark_, oracle(benchmark_, []), one_less)


PROMPT = 'import re\n\n\ndef helper():\n    return 1\n\n\n@cache\ndef f(x):\n    """Doc."""\n'
WHOLE = "def f(x):\n    return helper()\n"
CLASS = "class A:\n    y = 1\n\n    def f(x): pass\n"
CALL = "\n\n\ndef f(*args, **kwargs):\n    return A().f(*args, **kwargs)\n"


@pytest.mark.parametrize(
    ("style", "prompt", "text", "code"),
    [
        ("completion", PROMPT, "    return 1\n", PROMPT + "    return 1\n"),
        ("completion", PROMPT, WHOLE, PROMPT[: PROMPT.index("@cache")] + WHOLE),
        ("chat", PROMPT, WHOLE, PROMPT[: PROMPT.index("@cache")] + WHOLE),
        ("chat", PROMPT, "@cache\nasync def f(x):\n    pass\n",
         PROMPT[: PROMPT.index("@cache")] + "@cache\nasync def f(x):\n    pass\n"),
        ("chat", PROMPT, "    return 1\n", PROMPT + "    return 1\n"),
        ("chat", PROMPT, "def ff(x):\n    pass\n", PROMPT + "def ff(x):\n    pass\n"),
        ("chat", PROMPT, CLASS, PROMPT[: PROMPT.index("@cache")] + CLASS + CALL),
        ("chat", PROMPT, "class A:\n    x = 1\n\ndef g():\n    def f(): pass\n",
         PROMPT + "class A:\n    x = 1\n\ndef g():\n    def f(): pass\n"),
        ("chat", PROMPT, "from __future__ import annotations\nimport re\n\n" + WHOLE,
         "from __future__ import annotations\n" + PROMPT[: PROMPT.index("@cache")]
         + "import re\n\n" + WHOLE),
        ("chat", PROMPT.rstrip(), "    return 1\n", PROMPT + "    return 1\n"),
    ],
)  # fmt: skip
def test_the_program_that_is_run(style: Style, prompt: str, text: str, code: str) -> None:
    problem = Problem(
        task_id="t/0", prompt=prompt, entry_point="f", canonical_solution="", test="check"
    )
    assert program(problem, text, style) == Program(code, "check", "f")


def test_a_chat_model_that_repeats_the_signature(problems: list[Problem], judge: Judge) -> None:
    benchmark = build_benchmark(problems[:3], ["new_lines"])
    known = {p.prompt: p.prompt + p.canonical_solution for _, p in benchmark.cases()}

    def complete(prompts: Sequence[str]) -> Iterator[Completion]:
        return (completion(prompt, known[prompt]) for prompt in prompts)

    report, _ = evaluate(benchmark, complete, judge, style="chat")
    assert report.figures["recode/full/pass_at_1"].value == 1
    assert report.figures["recode/format/robust_pass_at_1"].value == 1
