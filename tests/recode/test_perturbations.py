import ast
import dataclasses
import io
import json
import re
import subprocess
import sys
import tokenize
from random import Random

import pytest

from steadycode.errors import ConfigError, DataError
from steadycode.problems import Problem
from steadycode.recode import PERTURBATIONS, partial, perturb
from steadycode.recode.perturbations import expanded, names_of, why_not
from steadycode.recode.perturbations.characters import NEIGHBOURS, swap_neighbours
from steadycode.recode.perturbations.function_name import camel_case
from steadycode.recode.perturbations.prose import words
from steadycode.recode.source import Source
from steadycode.recode.variant import GROUPS, Plugins
from tests.builders.programs import whole

HEADER = "def add_up(first, rest):\n"
DOCSTRING = '''    """Return the total of "several" numbers, as add_up does.

    >>> add_up(1, [2, 3])
    6
    """
'''
BODY = """    total = first  # the total so far
    for number in rest:
        if total < number:
            total += number
        else:
            total = total + number
    return total
"""
TEST = "def check(candidate):\n    assert candidate(1, [2, 3]) == 6\n"
PROBLEM = Problem(
    task_id="Toy/0",
    prompt=HEADER + DOCSTRING,
    entry_point="add_up",
    canonical_solution=BODY,
    test=TEST,
)
GIVEN = BODY[: BODY.index("            total += number")]


def prompt(name: str, problem: Problem = PROBLEM, seed: int = 0) -> str:
    return perturb(problem, name, seed).prompt


PUBLISHED = {
    "docstring": (
        "BackTranslation! ButterFingersPerturbation ChangeCharCase EnglishInflectionalVariation"
        " SwapCharactersPerturbation SynonymInsertion SynonymSubstitution"
        " TenseTransformationPast! TenseTransformationFuture! WhitespacePerturbation"
    ),
    "function_name": (
        "FuncRenameCamelCase! FuncRenameButterFinger FuncRenameSwapChar FuncRenameChangeChar"
        " FuncRenameInflectionalVariation FuncRenameSynonymSub"
    ),
    "syntax": (
        "DeadCodeInserter DeadCodeInserterLast ForWhileTransformer! OperandSwap! VarRenamerCB!"
        " VarRenamerNaive! VarRenamerRN"
    ),
    "format": (
        "tab_indent! split_lines! doc2comments! new_lines new_line_aftercode! new_line_afterdoc!"
    ),
}
"""Those with a mark are the same for every seed."""


def test_the_names_are_the_published_ones() -> None:
    published = {
        (name.removesuffix("!"), group, not name.endswith("!"))
        for group, names in PUBLISHED.items()
        for name in names.split()
    }
    found = {(n, info.group, info.random) for n, info in PERTURBATIONS.items() if not info.why}
    assert found == published
    assert len(found) == 29


def test_groups_stand_together_the_published_ones_first() -> None:
    rows = [(GROUPS.index(info.group), bool(info.why), n) for n, info in PERTURBATIONS.items()]
    assert rows == sorted(rows)
    assert all(info.name == name for name, info in PERTURBATIONS.items())
    assert {name for name, info in PERTURBATIONS.items() if info.mode == "partial"} == {
        name for name, info in PERTURBATIONS.items() if info.group in ("syntax", "format")
    }


def test_what_cannot_be_applied_says_why() -> None:
    assert why_not("new_lines", "release", None) == ""
    assert why_not("VarRenamerCB", "sound", Plugins(name=lambda problem, old: old)) == ""
    assert why_not("PoliteRequest", "sound", None) == ""
    fault = "is not in the published benchmark; use style 'sound'"
    assert why_not("PoliteRequest", "release", None) == fault
    fault = "needs the plug-in 'translate'; see docs/recode.md"
    assert why_not("BackTranslation", "sound", Plugins(name=lambda problem, old: old)) == fault
    with pytest.raises(ConfigError, match=f"^BackTranslation {fault}"):
        perturb(PROBLEM, "BackTranslation")
    assert "PoliteRequest" not in names_of("release")


def test_the_catalogue_is_imported_without_what_only_rules_use() -> None:
    code = "import sys, steadycode.recode.perturbations; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"black", "lemminflect", "numpy", "torch", "tree_sitter"}
    assert not heavy & set(done.stdout.split())


def test_partial_gives_half_of_the_lines() -> None:
    half = partial(PROBLEM)
    assert half.prompt == HEADER + DOCSTRING + GIVEN
    assert half.prompt + half.canonical_solution == PROBLEM.prompt + BODY


def test_partial_of_one_line_is_the_problem(problems: list[Problem]) -> None:
    assert sum(partial(p).prompt == p.prompt for p in problems) == 37


def test_partial_is_that_of_the_public_release(shared) -> None:
    folder = shared / "data" / "recode"
    released = folder / "perturbed_finalized/mbpp/full/natgen/mbpp_VarRenamerCB_s0.jsonl"
    rows = [json.loads(line) for line in released.open(encoding="utf-8")]
    nominal = {}
    for line in (folder / "mbpp.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        nominal[row["task_id"]] = Problem(**{f: row[f] for f in Problem.__slots__})
    different = []
    for row in rows:
        before, _, after = row["partial"].partition("# print('@@this is the line to split##')\n")
        try:
            half = partial(nominal[row["task_id"]])
        except DataError:
            different.append(row["task_id"])
            continue
        if (half.prompt, half.canonical_solution) != (before[: before.rindex("\n") + 1], after):
            different.append(row["task_id"])
    assert different == ["MBPP/64", "MBPP/966"]  # these two are not Python


def test_camel_case() -> None:
    names = ["has_close_elements", "digitSum", "add", "_a_b", "x1_y2", "minSubArraySum"]
    assert [camel_case(name) for name in names] == [
        "hasCloseElements", "digit_sum", "add", "_aB", "x1Y2", "min_sub_array_sum",
    ]  # fmt: skip


def test_neighbours_are_those_of_the_keyboard() -> None:
    assert NEIGHBOURS["g"] == "bfhtvy"
    assert NEIGHBOURS["q"] == "aw"
    assert all(a in NEIGHBOURS[b] for a, near in NEIGHBOURS.items() for b in near)


def test_swaps_keep_the_letters_and_change_something() -> None:
    for seed in range(50):
        (word,) = swap_neighbours(["numbers"], Random(seed))
        assert sorted(word) == sorted("numbers")
        assert word != "numbers"


def test_only_prose_is_perturbed() -> None:
    source = Source(PROBLEM)
    prose = [source.text[span.start : span.end] for span in words(source)]
    # not: Return the type word's like, total and number (variables), "several", add_up, examples
    assert prose == ["Return", "the", "of", "numbers", "as", "does"]


@pytest.mark.parametrize(
    "line",
    [
        ">>> add_up(1, [2])",
        "add_up([1]) gives True",
        "f(3) ==> 4",
        "some words -> other words",
        "x = y * 2 holds",
        "[1, 2, 3]",
        "Input: grid of words",
    ],
)
def test_examples_are_not_prose(line: str) -> None:
    problem = Problem(
        task_id="Toy/1", prompt=f'def add_up(a):\n    """\n    {line}\n    """\n',
        entry_point="add_up", canonical_solution="    return a\n", test=TEST,
    )  # fmt: skip
    assert words(Source(problem)) == []


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, info in PERTURBATIONS.items()
        if info.group == "docstring" and info.published and not info.needs
    ],
)
def test_docstring_perturbations_leave_all_else(name: str, problems: list[Problem]) -> None:
    variants = [perturb(problem, name) for problem in problems[:60]]
    assert sum(variant.changed for variant in variants) > 30
    for problem, variant in zip(problems, variants, strict=False):
        assert _code(variant) == _code(problem)
        assert variant.canonical_solution == problem.canonical_solution
        before, after = Source(problem), Source(variant)
        assert _outside(before) == _outside(after)
        doctests = [line for line in problem.prompt.split("\n") if line.lstrip()[:3] == ">>>"]
        kept = [line for line in variant.prompt.split("\n") if line.lstrip()[:3] == ">>>"]
        assert kept == doctests
        assert variant.prompt.count("\n") == problem.prompt.count("\n")


def test_change_of_case_changes_case_only(problems: list[Problem]) -> None:
    after = [prompt("ChangeCharCase", problem) for problem in problems]
    assert [text.lower() for text in after] == [problem.prompt.lower() for problem in problems]
    assert sum(a != problem.prompt for a, problem in zip(after, problems, strict=True)) > 150


def test_whitespace_changes_blanks_only(problems: list[Problem]) -> None:
    after = [prompt("WhitespacePerturbation", problem) for problem in problems]
    assert [text.split() for text in after] != [problem.prompt.split() for problem in problems]
    assert ["".join(text.split()) for text in after] == [
        "".join(problem.prompt.split()) for problem in problems
    ]


def test_rename_reaches_recursion_examples_and_the_test(by_id: dict[str, Problem]) -> None:
    variant = perturb(by_id["HumanEval/39"], "FuncRenameCamelCase")
    assert variant.entry_point == "primeFib"
    assert "prime_fib" not in variant.prompt + variant.canonical_solution
    variant = perturb(by_id["HumanEval/33"], "FuncRenameCamelCase")
    assert "sortThird(" in variant.test
    assert "sort_third" not in variant.test
    fib = by_id["HumanEval/55"]
    variant = perturb(fib, "FuncRenameChangeChar")
    assert variant.canonical_solution == fib.canonical_solution.replace("fib", variant.entry_point)


def test_rename_leaves_the_english_word(by_id: dict[str, Problem]) -> None:
    variant = perturb(by_id["HumanEval/47"], "FuncRenameSwapChar")
    assert "Return median of elements" in variant.prompt
    assert f">>> {variant.entry_point}([3, 1, 2, 4, 5])" in variant.prompt


@pytest.mark.parametrize("name", [n for n in PERTURBATIONS if n.startswith("FuncRename")])
def test_a_new_name_is_free(name: str, problems: list[Problem]) -> None:
    variants = [perturb(problem, name) for problem in problems]
    renamed = [pair for pair in zip(variants, problems, strict=True) if pair[0].changed]
    assert len(renamed) > 60
    for variant, problem in renamed:
        assert variant.entry_point.isidentifier()
        assert variant.entry_point not in Source(problem).names
        assert f"def {variant.entry_point}(" in variant.prompt


def test_operand_swap() -> None:
    assert prompt("OperandSwap") == partial(PROBLEM).prompt.replace(
        "if total < number:", "if number > total:"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a == b", "b == a"),
        ("(a + 1)*2 >= len(b)", "len(b) <= (a + 1)*2"),
        ("(a and b)!=c", None),
        ("a[i] < 'x < y'", "'x < y' > a[i]"),
        ("a < b < c", None),
        ("a in b", None),
        ("f(a) < b", None),
        ("(a := b) == c", None),
        ("f'{a < b}'", None),
    ],
)
def test_operand_swap_is_exact(before: str, after: str | None) -> None:
    body = f"    if {before}:\n        pass\n    a\n    b\n"
    problem = Problem(
        task_id="Toy/2", prompt="def add_up(a, b, c, i):\n", entry_point="add_up",
        canonical_solution=body, test=TEST,
    )  # fmt: skip
    variant = perturb(problem, "OperandSwap")
    if after is None:
        assert not variant.changed
    else:
        assert f"    if {after}:\n" in variant.prompt


def test_variable_renaming() -> None:
    variant = perturb(PROBLEM, "VarRenamerNaive")
    half = partial(PROBLEM)
    assert variant.prompt == half.prompt.replace("total =", "VAR_0 =").replace(
        "if total", "if VAR_0"
    )
    assert variant.canonical_solution == half.canonical_solution.replace("total", "VAR_0")
    assert '"""Return the total of' in variant.prompt
    assert "# the total so far" in variant.prompt


def test_random_variable_names_have_the_same_length() -> None:
    names = set()
    for seed in range(20):
        variant = perturb(PROBLEM, "VarRenamerRN", seed)
        (name,) = Source(variant).names - Source(PROBLEM).names
        assert len(name) == len("total")
        names.add(name)
    assert len(names) == 20


def test_dead_code_is_one_block_that_never_runs() -> None:
    half = partial(PROBLEM)
    before = half.prompt.splitlines()
    heads = set()
    for seed in range(40):
        variant = perturb(PROBLEM, "DeadCodeInserter", seed)
        assert variant.canonical_solution == half.canonical_solution
        after = variant.prompt.splitlines()
        place = next(at for at, line in enumerate([*before, ""]) if line != after[at])
        block = after[place : place + len(after) - len(before)]
        assert after == [*before[:place], *block, *before[place:]]
        assert len(block) > 1
        assert all(_indentation(line) > _indentation(block[0]) for line in block[1:])
        heads.add(re.sub(r"_i_\d", "_i_0", block[0].strip()))
    assert heads == {"if False:", "while False:", "for _i_0 in range(0):"}


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def test_formats() -> None:
    half = partial(PROBLEM).prompt
    assert prompt("new_line_aftercode") == half + "\n"
    assert prompt("new_line_afterdoc") == HEADER + DOCSTRING + "\n" + GIVEN
    assert prompt("doc2comments") == (
        HEADER
        + '    # Return the total of "several" numbers, as add_up does.\n    #\n'
        + "    # >>> add_up(1, [2, 3])\n    # 6\n"
        + GIVEN
    )
    assert prompt("split_lines") == half  # no line is long
    after = prompt("new_lines")
    assert after.startswith(HEADER + DOCSTRING)
    assert after.count("\n") > half.count("\n")
    assert [line for line in after.split("\n") if line] == [x for x in half.split("\n") if x]
    variant = perturb(PROBLEM, "tab_indent")
    assert variant.prompt.startswith('def add_up(first, rest):\n\t"""Return the total')
    assert variant.canonical_solution == partial(PROBLEM).canonical_solution.replace("    ", "\t")


def test_strings_over_lines_keep_their_blanks() -> None:
    body = '    text = """\n    kept\n    """\n    return text\n'
    problem = Problem(
        task_id="Toy/3", prompt="def add_up():\n", entry_point="add_up",
        canonical_solution=body, test=TEST,
    )  # fmt: skip
    variant = perturb(problem, "tab_indent")
    assert variant.prompt + variant.canonical_solution == (
        'def add_up():\n\ttext = """\n    kept\n    """\n\treturn text\n'
    )


@pytest.mark.parametrize("name", ["new_lines", "split_lines", "new_line_afterdoc"])
def test_layout_changes_keep_the_syntax_tree(name: str, problems: list[Problem]) -> None:
    variants = [perturb(problem, name) for problem in problems]
    assert sum(variant.changed for variant in variants) > (15 if name == "split_lines" else 100)
    assert [_tree(variant) for variant in variants] == [_tree(problem) for problem in problems]


@pytest.mark.parametrize("name", [n for n, info in PERTURBATIONS.items() if info.random])
def test_seeds_and_tasks_differ_and_repeat(name: str, by_id: dict[str, Problem]) -> None:
    problem = by_id["HumanEval/10"]
    once = [perturb(problem, name, seed) for seed in range(6)]
    assert once == [perturb(problem, name, seed) for seed in range(6)]
    assert len({variant.prompt for variant in once}) > 1
    other = dataclasses.replace(problem, task_id="HumanEval/10 again")
    assert [perturb(other, name, seed).prompt for seed in range(6)] != [v.prompt for v in once]


@pytest.mark.parametrize(
    "name", [n for n, info in PERTURBATIONS.items() if not info.random and not info.needs]
)
def test_what_is_not_random_is_the_same_for_every_seed(name: str, problems: list[Problem]) -> None:
    for problem in problems[:40]:
        assert len({perturb(problem, name, seed).prompt for seed in range(3)}) == 1


def test_bad_names_and_styles_are_one_clear_line() -> None:
    with pytest.raises(ConfigError, match="did you mean ButterFingersPerturbation"):
        perturb(PROBLEM, "ButterFingerPerturbation")
    with pytest.raises(ConfigError, match="no style 'published'; use one of sound, release"):
        perturb(PROBLEM, "new_lines", style="published")  # type: ignore[arg-type]
    broken = Problem(
        task_id="Toy/4", prompt="def f(:\n", entry_point="f", canonical_solution="", test=""
    )
    with pytest.raises(DataError, match="Toy/4: prompt and canonical_solution together are not"):
        perturb(broken, "new_lines")


def _tree(problem: Problem) -> str:
    return ast.dump(ast.parse(whole(problem)))


def _code(problem: Problem) -> list[str]:
    """Tokens without strings and comments."""
    lines = io.StringIO(whole(problem)).readline
    skipped = (tokenize.STRING, tokenize.COMMENT)
    return [t.string for t in tokenize.generate_tokens(lines) if t.type not in skipped]


def _outside(source: Source) -> tuple[str, str]:
    span = source.docstring
    assert span is not None
    return source.text[: span.start], source.text[span.end :]


def test_all_stands_for_every_perturbation_of_the_style() -> None:
    assert expanded(["all"], "sound") == tuple(PERTURBATIONS)
    assert expanded(["new_lines", "all", "new_lines"], "release")[0] == "new_lines"
    assert len(expanded(["all"], "release")) == 29
    with pytest.raises(ConfigError, match="TypeHintsRemoved is not in the published benchmark"):
        expanded(["TypeHintsRemoved"], "release")


def test_a_function_called_check_is_not_the_test_s() -> None:
    problem = Problem(
        task_id="Toy/5", prompt="def check(n):\n", entry_point="check",
        canonical_solution="    return n > 0 and (n == 1 or check(n - 1))\n",
        test="def check(candidate):\n    assert candidate(3)\n",
    )  # fmt: skip
    variant = perturb(problem, "FuncRenameChangeChar")
    assert variant.entry_point != "check"
    assert variant.test == problem.test
    assert f"{variant.entry_point}(n - 1)" in variant.canonical_solution
