"""What keeps a natural perturbation readable: each case once became another task."""

import dataclasses

import pytest

from steadycode.problems import Problem
from steadycode.recode import PERTURBATIONS, perturb
from steadycode.recode.language.vocabulary import is_another_word
from steadycode.recode.perturbations.prose import words
from steadycode.recode.source import Source


def problem(docstring: str, body: str = "    return x\n", header: str = "x") -> Problem:
    return Problem(
        task_id="Toy/0",
        prompt=f'def solve({header}):\n    """{docstring}\n    """\n',
        entry_point="solve",
        canonical_solution=body,
        test="def check(candidate):\n    assert candidate(1) == 1\n",
    )


def shown(name: str, before: Problem, seed: int = 0) -> str:
    return perturb(before, name, seed).prompt.split('"""')[1].removesuffix("\n    ")


def test_each_perturbation_is_natural_or_stress() -> None:
    assert {name for name, entry in PERTURBATIONS.items() if entry.kind == "stress"} == {
        "ChangeCharCase", "SynonymInsertion", "TenseTransformationFuture",
        "TenseTransformationPast", "FuncRenameChangeChar", "DeadCodeInserter",
        "DeadCodeInserterLast", "VarRenamerNaive", "VarRenamerRN",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Does it have an a, or the b?", "Does it have a, or b?"),
        ("A word with an a followed by some b.", "Word with a followed by some b."),
        ("Count the letter a in a word.", "Count letter a in word."),
        ("The list is a copy.", "List is copy."),
    ],
)
def test_a_letter_is_no_article(before: str, after: str) -> None:
    assert shown("ArticlesDropped", problem(before)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Return the sum of the first n numbers.", "Return the sum of the first `n` numbers."),
        ("All numbers that have 2 * n + 1 as a factor.", ""),
        ("All numbers from the range(1, n) that are not odd.", ""),
        ("All numbers with 0 ≤ n that are not odd at all.", ""),
        ("Return the number of digits of x mod n.", "Return the number of digits of x mod n."),
    ],
)
def test_names_in_expressions_get_no_backticks(before: str, after: str) -> None:
    assert shown("NamesInBackticks", problem(before, header="x, n")) == (after or before)


@pytest.mark.parametrize("name", ["ButterFingersPerturbation", "SwapCharactersPerturbation"])
def test_a_slip_makes_no_other_word_and_one_in_a_word(name: str, problems: list[Problem]) -> None:
    slipped = 0
    for before in problems[::8]:
        for seed in range(3):
            after = perturb(before, name, seed)
            assert after.changed
            for span in words(Source(before)):
                old, new = (p.prompt[span.start : span.end] for p in (before, after))
                assert not is_another_word(old, new), (old, new)
                changed = [at for at, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
                assert not changed or changed[-1] - changed[0] < 2, (old, new)
                slipped += bool(changed)
    assert slipped > 300


def test_words_that_can_only_become_words_are_left() -> None:
    assert is_another_word("of", "if")
    assert not is_another_word("of", "OF")
    assert not is_another_word("number", "nunber")
    for seed in range(20):
        assert shown("SwapCharactersPerturbation", problem("on, on, on."), seed) == "on, on, on."


def test_a_slip_in_a_name_makes_no_other_word() -> None:
    before = dataclasses.replace(
        problem("Return it."), prompt='def on_it(x):\n    """It."""\n', entry_point="on_it"
    )
    names = {perturb(before, "FuncRenameSwapChar", seed).entry_point for seed in range(20)}
    assert names == {"on_ti"}


def test_blanks_are_slips_and_not_a_style(problems: list[Problem]) -> None:
    counts = []
    for before in problems[::4]:
        after = perturb(before, "WhitespacePerturbation").prompt
        spans = len(words(Source(before)))
        counts.append(abs(after.count(" ") - before.prompt.count(" ")) / spans)
    assert sum(counts) / len(counts) < 0.1


LINES = {
    "    if a + b <= x or a + x <= b or b + x <= a:": (
        "    if a + b <= x or a + x <= b \\\n            or b + x <= a:"
    ),
    "    pairs = [(i, j) for i, j in enumerate(numbers)]": (
        "    pairs = [(i, j)\n        for i, j in enumerate(numbers)]"
    ),
    "    first = max(numbers[0], numbers[1], numbers[2])": (
        "    first = max(numbers[0],\n        numbers[1], numbers[2])"
    ),
    "    total_of_all = sum(numbers) + len(numbers) * x + first_of_all": (
        "    total_of_all = sum(numbers) \\\n        + len(numbers) * x + first_of_all"
    ),
    "    evens = list(filter(lambda a, b: a > b, numbers))": "",
    "    if isinstance(x, str): x = x.replace(old, new)": "",
    "    if text[x] != text[len(text) - 1 - x]:": "",
    "    total = first + second": "",
    "    a, b = int(first_number), int(second)  # both": "",
}


@pytest.mark.parametrize("line", LINES)
def test_lines_are_broken_where_people_break_them(line: str) -> None:
    header = "x, a, b, numbers, text, first, second, first_number, first_of_all, old, new"
    rest = f"{line}\n        pass\n" if line.endswith(":") else f"{line}\n"
    body = f"{rest}    x = 1\n    x = 2\n    x = 3\n    return x\n"
    before = problem("Say it.", body, header)
    after = perturb(before, "split_lines")
    assert after.changed == bool(LINES[line])
    assert (LINES[line] or line) in after.prompt


def test_the_loop_that_counts_is_taken_first() -> None:
    body = "    for a in x:\n        print(a)\n    for i in range(3):\n        x = i\n"
    before = problem("Say it.", body + "    a = 1\n    b = 2\n    c = 3\n    return x\n")
    prompt = perturb(before, "ForWhileTransformer").prompt
    assert "for a in x:" in prompt
    assert "while index < 3:" in prompt or "while i < 3:" in prompt


@pytest.mark.parametrize(
    ("call", "loop"),
    [
        ("candidate([1, 2])", "while index < len(x):"),
        ("candidate('ab')", "while index < len(x):"),
        ("candidate({1: 2})", "while (a := next(items, end)) is not end:"),
        ("candidate(some)", "while (a := next(items, end)) is not end:"),
        ("any(map(candidate, [[1]]))", "while (a := next(items, end)) is not end:"),
    ],
)
def test_the_test_tells_that_a_parameter_has_indices(call: str, loop: str) -> None:
    body = "    for a in x:\n        print(a)\n    b = 2\n    c = 3\n    d = 4\n    return x\n"
    test = f"def check(candidate):\n    some = [1]\n    assert {call}\n"
    before = dataclasses.replace(problem("Say it.", body), test=test)
    assert loop in perturb(before, "ForWhileTransformer").prompt
