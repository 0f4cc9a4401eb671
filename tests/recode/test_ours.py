import re

import pytest

from steadycode.errors import DataError
from steadycode.problems import Problem, load_problems
from steadycode.recode import PERTURBATIONS, partial, perturb
from steadycode.sandbox import Program, Sandbox
from tests.builders.programs import shape, shown, whole

OURS = [name for name, info in PERTURBATIONS.items() if info.why]
TEST = "def check(candidate):\n    assert candidate([1, 2], limit=1)\n"


def problem(prompt: str, body: str, test: str = TEST) -> Problem:
    return Problem(
        task_id="Toy/0", prompt=prompt, entry_point="f", canonical_solution=body, test=test
    )


TOY = problem(
    "from typing import List, Optional\n\n\n"
    "def f(lst: List[int], limit: Optional[int] = None) -> bool:\n"
    '    """Return True if an element of lst is above the limit, as in "a lst of the".\n\n'
    "    >>> f([1, 2], limit=1)\n"
    "    True\n"
    "    >>> f([])\n"
    "    False\n"
    '    """\n',
    "    for number in lst:\n"
    "        # lst is never empty here\n"
    "        if number > (limit or 0):\n"
    "            return True\n"
    "    return False\n",
)


def prompt(name: str, toy: Problem = TOY, seed: int = 0) -> str:
    return perturb(toy, name, seed).prompt


def test_ours_have_a_reason_of_some_words_and_no_published_rule() -> None:
    assert {PERTURBATIONS[name].group for name in OURS} == {"docstring", "syntax", "format"}
    for name, info in PERTURBATIONS.items():
        assert (info.published is None) == (name in OURS)
        assert info.published or len(info.why.split()) > 5, name


def test_google_style() -> None:
    assert prompt("DocstringGoogleStyle") == TOY.prompt.replace(
        '"a lst of the".\n\n',
        '"a lst of the".\n\n    Args:\n        lst (List[int]):\n'
        "        limit (Optional[int]):\n\n    Returns:\n        bool:\n\n",
    )


def test_numpy_style() -> None:
    assert prompt("DocstringNumpyStyle") == TOY.prompt.replace(
        '"a lst of the".\n\n',
        '"a lst of the".\n\n    Parameters\n    ----------\n    lst : List[int]\n'
        "    limit : Optional[int]\n\n    Returns\n    -------\n    bool\n\n",
    )


def test_rest_style_of_a_docstring_on_one_line() -> None:
    toy = problem('def f(a, *rest: int):\n    """Add."""\n', "    return a + sum(rest)\n")
    assert prompt("DocstringRestStyle", toy) == (
        'def f(a, *rest: int):\n    """Add.\n\n    :param a:\n    :param \\\\*rest:\n'
        '    :type \\\\*rest: int\n    :return:\n    """\n'
    )


def test_examples_in_prose() -> None:
    assert prompt("ExamplesInProse") == TOY.prompt.replace(
        "    >>> f([1, 2], limit=1)\n    True\n    >>> f([])\n    False\n",
        "    For example, `f([1, 2], limit=1)` returns `True`.\n    `f([])` returns `False`.\n",
    )


@pytest.mark.parametrize(
    "example",
    [
        ">>> f(1) == 2",
        ">>> f(1)  # why\n    2",
        ">>> f(1)\n    [1,\n     2]",
        ">>> f(\n    ... 1)\n    2",
        ">>> x = f(1)",
        ">>> print(f(1))\n    2",
        ">>> f('`')\n    2",
        ">>> f(1)\n    Traceback (most recent call last):",
    ],
)
def test_examples_that_are_no_plain_call_stay(example: str) -> None:
    toy = problem(f'def f(a):\n    """Add.\n\n    {example}\n    """\n', "    return a\n")
    assert not perturb(toy, "ExamplesInProse").changed


def test_articles_are_dropped_from_prose_only() -> None:
    assert prompt("ArticlesDropped") == TOY.prompt.replace(
        "if an element of lst is above the limit", "if element of lst is above limit"
    )
    toy = problem(
        'def f(a, b):\n    """The sum of a and b. A grade A is the\n    best of a day."""\n',
        "    return a + b\n",
    )
    assert prompt("ArticlesDropped", toy) == (
        'def f(a, b):\n    """Sum of a and b. Grade A is\n    best of a day."""\n'
    )


def test_backticks() -> None:
    assert prompt("NamesInBackticks") == TOY.prompt.replace(
        "Return True if an element of lst is above the limit,",
        "Return `True` if an element of `lst` is above the limit,",
    )
    toy = problem('def f(a, b):\n    """Add a number a and b."""\n', "    return a + b\n")
    assert "Add a number `a` and `b`." in prompt("NamesInBackticks", toy)


def test_polite_requests() -> None:
    assert '"""Please return True if' in prompt("PoliteRequest")
    toy = problem('def f(a):\n    """\n    Given a number, add it."""\n', "    return a\n")
    assert "\n    Please help me with this. Given a number" in prompt("PoliteRequest", toy)


def test_parameters_are_renamed_wherever_they_are_meant() -> None:
    variant = perturb(TOY, "ParameterRenamed")
    text = variant.prompt + variant.canonical_solution
    assert text == (TOY.prompt + TOY.canonical_solution).replace("lst", "items").replace(
        "a items of", "a lst of"
    )
    toy = problem(
        'def f(number, threshold):\n    """The number above `threshold`, a number.\n\n'
        '    >>> f(threshold=1, number=2)\n    2\n    """\n',
        "    return number if number > threshold else None\n",
        "def check(candidate):\n    assert candidate(2, threshold=1) == max([2], key=int)\n",
    )
    variant = perturb(toy, "ParameterRenamed")
    assert (
        variant.prompt
        == (
            'def f(num, limit):\n    """The number above `limit`, a number.\n\n'
            '    >>> f(limit=1, num=2)\n    2\n    """\n    return num if num > limit else None\n'
        )[: len(variant.prompt)]
    )
    assert "candidate(2, limit=1) == max([2], key=int)" in variant.test


def test_a_name_that_says_what_it_is_needs_evidence() -> None:
    toy = problem('def f(l, r):\n    """Count from the left to r."""\n', "    return r - l\n")
    assert not perturb(toy, "ParameterRenamed").changed


def test_type_hints() -> None:
    header = "def f(lst: List[int], limit: Optional[int] = None) -> bool:"
    half = partial(TOY).prompt
    assert prompt("TypeHintsRemoved") == half.replace(header, "def f(lst, limit=None):")
    assert prompt("TypeHintsModernised") == half.replace(
        header, "def f(lst: list[int], limit: int | None = None) -> bool:"
    )


@pytest.mark.parametrize(
    ("hint", "modern"),
    [
        ("Union[str, Dict[str, int], None]", "str | dict[str, int] | None"),
        ("Union[str, Dict[str, 'A'], None]", None),  # a name in quotes has no "|"
        ("Tuple[int]", None),  # not imported from typing
        ("Union[str]", None),
    ],
)
def test_other_type_hints(hint: str, modern: str | None) -> None:
    prompt = f"from typing import Dict, Union\n\n\ndef f(a: {hint}, b: list):\n"
    variant = perturb(problem(prompt, "    a = b\n    return a\n"), "TypeHintsModernised")
    assert variant.changed == (modern is not None)
    assert f"a: {modern or hint}, b: list" in variant.prompt


def test_signature_lines() -> None:
    toy = problem(
        "@str\ndef f(a, /, b: dict[str, int] = {'x,': (1, 2)}, *, c=lambda: 0, **k) -> None: \n",
        "  a = b\n  return a\n",
    )
    assert prompt("one_parameter_per_line", toy) == (
        "@str\ndef f(\n  a,\n  /,\n  b: dict[str, int] = {'x,': (1, 2)},\n  *,\n  c=lambda: 0,\n"
        "  **k,\n) -> None: \n  a = b\n"
    )


def test_docstring_above() -> None:
    toy = problem('import os\n\n@str\ndef f():\n  """Add.\n\n  Well."""\n', "  a = 1\n  b = a\n")
    assert prompt("docstring_above", toy) == (
        "import os\n\n# Add.\n#\n# Well.\n@str\ndef f():\n  a = 1\n"
    )


def test_quotes() -> None:
    half = partial(TOY).prompt
    assert prompt("docstring_quotes") == half.replace('"""', "'''")
    for text in ("'''quoted'''", "ends in '"):
        toy = problem(f'def f():\n    """{text}"""\n', "    a = 1\n    return a\n")
        assert not perturb(toy, "docstring_quotes").changed


def test_a_remark_is_one_line_more() -> None:
    half = partial(TOY).prompt.split("\n")
    places = set()
    for seed in range(10):
        after = prompt("todo_comment", seed=seed).split("\n")
        (extra,) = [line for line in after if line not in half]
        assert re.match(r" +# (TODO|FIXME|NOTE)\b", extra)
        places.add(after.index(extra))
        after.remove(extra)
        assert after == half
    # before the loop, and at the cut, in the loop
    assert places == {half.index("    for number in lst:"), len(half) - 1}


SOUND = [name for name, info in PERTURBATIONS.items() if not info.needs]
RENAMED = {"ParameterRenamed"} | {n for n in SOUND if PERTURBATIONS[n].group == "function_name"}


@pytest.mark.parametrize("name", SOUND)
def test_variants_keep_the_program(name: str, problems: list[Problem], mbpp: list[Problem]) -> None:
    info = PERTURBATIONS[name]
    some_change = False
    for nominal in [*problems, *mbpp]:
        variant = perturb(nominal, name)
        start = nominal if info.mode == "full" else partial(nominal)
        assert (variant.task_id, variant.perturbation) == (nominal.task_id, name)
        assert (variant.group, variant.style, variant.seed) == (info.group, "sound", 0)
        assert variant.changed == (variant.prompt != start.prompt)
        some_change = some_change or variant.changed
        if info.group == "syntax" and not info.why:
            continue  # these change the program: what it does is looked at on made-up ones
        assert shown(variant) == shown(start)
        hints = not name.startswith("TypeHints")
        before, after = shape(start, hints), shape(variant, hints)
        if name in RENAMED:
            before, after = before.split("'")[::2], after.split("'")[::2]
        assert before == after
    assert some_change


@pytest.mark.parametrize("name", OURS)
def test_reference_solutions_pass(name: str, problems: list[Problem], mbpp: list[Problem]) -> None:
    chosen = [*problems[::8], *mbpp[::8]]
    variants = [v for v in (perturb(nominal, name) for nominal in chosen) if v.changed]
    assert variants
    with Sandbox(workers=1) as sandbox:
        verdicts = list(sandbox.run_all(Program(whole(v), v.test, v.entry_point) for v in variants))
    assert [(v.task_id, verdict.status) for v, verdict in zip(variants, verdicts, strict=True)] == [
        (v.task_id, "passed") for v in variants
    ]


@pytest.fixture(scope="module")
def mbpp(request: pytest.FixtureRequest) -> list[Problem]:
    """Every eighth problem of MBPP that is Python; none where its file is not at hand."""
    try:
        folder = request.getfixturevalue("shared")
    except pytest.skip.Exception:
        return []
    rows = load_problems(str(folder / "data/recode/mbpp.jsonl"), check_programs=False)[::8]
    return [row for row in rows if _is_python(row)]


def _is_python(problem: Problem) -> bool:
    try:
        partial(problem)
    except DataError:
        return False
    return True


def test_words_of_the_sentence_get_no_backticks(by_id: dict[str, Problem]) -> None:
    assert "need to eat" in perturb(by_id["HumanEval/159"], "NamesInBackticks").prompt
