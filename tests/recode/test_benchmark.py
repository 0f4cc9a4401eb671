import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from steadycode.errors import ConfigError, DataError
from steadycode.problems import Problem
from steadycode.recode import (
    PERTURBATIONS,
    Benchmark,
    build_benchmark,
    read_benchmark,
    write_benchmark,
)
from steadycode.recode.programs import reference
from steadycode.sandbox import Judge, Program, Verdict
from steadycode.sandbox.contract import Key

FAILED = Verdict(status="failed", detail="AssertionError")
STUB = "(*args, **options):"  # in programs that a test has to refuse
ROWS = "perturbed_finalized/humaneval/full"
TEST = "def check(candidate):\n    assert candidate(2) == 4\n"


def toy(task_id: str, body: str, test: str = TEST) -> Problem:
    prompt = 'def twice(number):\n    """Give the number two times."""\n'
    return Problem(
        task_id=task_id, prompt=prompt, entry_point="twice", canonical_solution=body, test=test
    )


@pytest.fixture(scope="module")
def small(problems: list[Problem], judge: Judge) -> Benchmark:
    return build_benchmark(problems[:12], seeds=2, judge=judge)


def test_rows_follow_names_seeds_and_problems(small: Benchmark) -> None:
    rows = [(v.perturbation, v.seed, v.task_id) for v in small.variants]
    tasks = [problem.task_id for problem in small.nominal]
    assert rows == [
        (name, seed, task)
        for name, info in PERTURBATIONS.items()
        if not info.needs
        for seed in range(2 if info.random else 1)
        for task in tasks
    ]
    assert small.rejected == ()
    assert small.summary.startswith(f"12 problems, {len(rows)} variants (")
    assert small.metadata["counts"]["tab_indent"] == {
        "rows": 12, "unchanged": 0, "repeated": 0, "parsed": 12, "passed": 12, "rejected": 0,
    }  # fmt: skip


def test_the_same_call_gives_the_same_hash(small: Benchmark, problems: list[Problem]) -> None:
    again = build_benchmark(problems[:12], seeds=2)
    assert again.content_hash == small.content_hash
    assert build_benchmark(problems[:12], seeds=1).content_hash != again.content_hash


def test_variants_that_break_a_promise_are_left_out(judge: Judge) -> None:
    uneven = "    if number:\n      for _ in [1]:\n        return number * 2\n"
    by_name = "    return __import__('inspect').currentframe().f_code.co_name == 'twice' and 4\n"
    problems = [toy(f"Toy/{i}", body) for i, body in enumerate([uneven, by_name])]
    built = build_benchmark(problems, ["tab_indent", "FuncRenameChangeChar"], seeds=1, judge=judge)
    assert [(v.perturbation, v.task_id) for v in built.variants] == [
        ("tab_indent", "Toy/0"),
        ("tab_indent", "Toy/1"),
        ("FuncRenameChangeChar", "Toy/0"),
    ]
    assert [(r.perturbation, r.task_id, r.reason) for r in built.rejected] == [
        ("FuncRenameChangeChar", "Toy/1", "the perturbed reference solution failed: AssertionError")
    ]
    assert built.metadata["counts"]["FuncRenameChangeChar"]["rejected"] == 1


def test_problems_that_measure_nothing_are_left_out_with_all_their_variants(judge: Judge) -> None:
    right = "    return number * 2\n"
    bodies = [right, "    return number * 3\n", "    return (\n", right]
    problems = [toy(f"Toy/{i}", body) for i, body in enumerate(bodies)]
    problems.append(toy("Toy/4", right, "def check(candidate):\n    candidate(2) == 4\n"))
    problems.append(toy("Toy/5", right, "def check(candidate):\n    assert twice(2) == 4 and (\n"))
    built = build_benchmark(problems, ["tab_indent"], seeds=1, judge=judge, total_problems=9)
    assert [problem.task_id for problem in built.nominal] == ["Toy/0", "Toy/3"]
    assert [problem.task_id for problem in built.partial] == ["Toy/0", "Toy/3"]
    assert [variant.task_id for variant in built.variants] == ["Toy/0", "Toy/3"]
    assert built.rejected == ()
    assert {task: row.why for task, row in built.left_out.items()} == {
        "Toy/1": "can't be passed here",
        "Toy/2": "can't be passed here",
        "Toy/4": "can't be failed",
        "Toy/5": "can't be passed here",
    }
    assert built.summary == "subset: 2 of 9 problems, 2 variants (0 unchanged, 0 rejected)"


def test_published_rows_do_not_depend_on_which_problems_are_left_out(judge: Judge) -> None:
    problems = [toy(f"Toy/{n}", "    return number * 2\n") for n in range(4)]
    names = ["ButterFingersPerturbation", "FuncRenameChangeChar", "VarRenamerRN"]
    whole = build_benchmark(problems, names, seeds=2, style="release", judge=judge)
    problems[1] = dataclasses.replace(problems[1], test=TEST.replace("4", "5"))
    fewer = build_benchmark(problems, names, seeds=2, style="release", judge=judge)
    assert fewer.variants == whole.without(fewer.left_out).variants
    assert len(fewer.variants) == len(whole.variants) * 3 // 4


def test_no_names_means_nominal_only(problems: list[Problem]) -> None:
    built = build_benchmark(problems[:3], names=())
    assert built.variants == ()
    assert [mode for mode, _ in built.cases()] == ["full"] * 3 + ["partial"] * 3


@pytest.mark.parametrize("verified", [False, True])
def test_progress_reaches_the_total(problems: list[Problem], judge: Judge, verified: bool) -> None:
    seen: list[tuple[int, int]] = []
    built = build_benchmark(
        problems[:3], ["new_lines"], seeds=1, judge=judge if verified else None,
        on_progress=lambda *step: seen.append(step),
    )  # fmt: skip
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert built.metadata["verified"] == verified
    assert built.metadata["counts"]["new_lines"]["passed"] == (3 if verified else None)


def test_verdicts_may_come_in_any_order(small: Benchmark, problems: list[Problem]) -> None:
    nominal = {reference(problem).code for problem in small.nominal}

    def last_first(programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        for key, program in reversed(list(programs)):
            compute = "zip(" in program.code and program.code not in nominal
            yield key, FAILED if compute or STUB in program.code else Verdict(status="passed")

    def in_order(programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        return reversed(list(last_first(programs)))

    one, other = (build_benchmark(small.nominal, judge=j) for j in (last_first, in_order))
    assert one == other
    assert one.rejected
    assert one.left_out == {}


def test_unknown_names_are_refused(problems: list[Problem]) -> None:
    with pytest.raises(ConfigError, match="no perturbation 'newlines'; did you mean new_lines"):
        build_benchmark(problems[:1], ["newlines"])


def test_written_in_the_layout_of_the_release(small: Benchmark, tmp_path: Path) -> None:
    folder = tmp_path / "benchmark"
    write_benchmark(small, folder)
    assert read_benchmark(folder) == small
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.json*")}
    assert {
        "manifest.json",
        "nominal/HumanEval.jsonl",
        "nominal/humaneval_partial.jsonl",
        f"{ROWS}/nlaugmenter/humaneval_ButterFingersPerturbation_s1.jsonl",
        f"{ROWS}/func_name/humaneval_FuncRenameCamelCase_s0.jsonl",
        f"{ROWS}/natgen/humaneval_OperandSwap_s0.jsonl",
        f"{ROWS}/format/humaneval_new_lines_s1.jsonl",
    } <= files
    row = json.loads(
        (folder / ROWS / "natgen/humaneval_OperandSwap_s0.jsonl").read_text().split("\n")[0]
    )
    assert {"task_id", "prompt", "entry_point", "canonical_solution", "test"} <= row.keys()


def test_writing_again_replaces_and_gives_the_same_bytes(small: Benchmark, tmp_path: Path) -> None:
    folder = tmp_path / "benchmark"
    write_benchmark(small, folder)
    before = {path: path.read_bytes() for path in folder.rglob("*.json*")}
    (folder / "stale.jsonl").write_text("")
    write_benchmark(small, folder)
    assert {path: path.read_bytes() for path in folder.rglob("*.json*")} == before
    assert list(tmp_path.iterdir()) == [folder]


def test_damage_is_noticed(small: Benchmark, tmp_path: Path) -> None:
    folder = tmp_path / "benchmark"
    write_benchmark(small, folder)
    touched = folder / ROWS / "format/humaneval_new_lines_s0.jsonl"
    touched.write_text(touched.read_text().replace("numbers", "Numbers", 1))
    with pytest.raises(DataError, match=r"new_lines_s0\.jsonl was changed"):
        read_benchmark(folder)
    touched.unlink()
    with pytest.raises(DataError, match="is not a benchmark"):
        read_benchmark(folder)
    with pytest.raises(DataError, match="is not a benchmark"):
        read_benchmark(tmp_path / "nowhere")


def test_a_file_swapped_with_its_hash_is_noticed(small: Benchmark, tmp_path: Path) -> None:
    folder = tmp_path / "benchmark"
    write_benchmark(small, folder)
    other = dataclasses.replace(small, variants=small.variants[1:])
    write_benchmark(other, tmp_path / "other")
    manifest = json.loads((tmp_path / "other/manifest.json").read_text())
    manifest["content_hash"] = small.content_hash
    (tmp_path / "other/manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="does not match its files"):
        read_benchmark(tmp_path / "other")


@pytest.mark.slow
def test_all_of_humaneval(problems: list[Problem], judge: Judge) -> None:
    built = build_benchmark(problems, seeds=1, judge=judge)
    assert len(built.variants) + len(built.rejected) == 164 * len(built.perturbations)
    assert built.rejected == ()


def test_a_problem_whose_test_cannot_be_run_is_left_out(problems: list[Problem]) -> None:
    chosen = problems[:3]
    lost = chosen[1]

    def judge(programs: Iterable[tuple[Key, Program]]) -> Iterator[tuple[Key, Verdict]]:
        for key, program in programs:
            verdict = FAILED if STUB in program.code else Verdict(status="passed")
            if program.test == lost.test:
                verdict = Verdict(status="unsupported", detail="why")
            yield key, verdict

    built = build_benchmark(chosen, ["new_lines"], seeds=1, judge=judge)
    assert [problem.task_id for problem in built.nominal] == [chosen[0].task_id, chosen[2].task_id]
    assert {variant.task_id for variant in built.variants} == {p.task_id for p in built.nominal}
    (row,) = built.left_out.values()
    assert list(built.left_out) == [lost.task_id]
    assert row.why == "can't be passed here"
    assert "needs what the sandbox does not have (why)" in row.detail
