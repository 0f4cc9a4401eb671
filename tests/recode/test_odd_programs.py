"""Programs that are laid out in rare ways, and docstrings that are hard to tell from code."""

import pytest

from steadycode.errors import DataError
from steadycode.problems import Problem
from steadycode.recode import PERTURBATIONS, partial, perturb
from steadycode.recode.perturbations.prose import words
from steadycode.recode.source import Source
from tests.builders.programs import shape, shown

DOC = '"""Return the total of the items.\n\n    >>> f([1])\n    1\n    """'
DEF = f"def f(lst):\n    {DOC}\n"
BODY = "    a = 1\n    b = a + 2\n    return b\n"
ODD = {
    "crlf": (DEF.replace("\n", "\r\n"), BODY.replace("\n", "\r\n")),
    "tabs": (DEF.replace("    ", "\t"), BODY.replace("    ", "\t")),
    "form feed": (DEF, "\x0c    a = 1\n\x0c    b = a + 2\n    return b\n"),
    "form feed before": (f"\x0cimport os\n\x0c\n{DEF}", BODY),
    "continuation": (DEF, "    a = 1 + \\\n        2\n    b = 4 \\\n    + a\n    return b\n"),
    "cut in a continuation": (DEF, "    a = 1 + \\\n        2\n    return a\n"),
    "cut in a string": (
        DEF,
        "    a = '''x\n    y = 1\n\n    z'''\n    b = a + 'ü'\n    return b\n",
    ),
    "cut in a list": (DEF, "    a = [1,\n  2,\n\n    3]\n    b = a\n    return b\n"),
    "decorators": (f"import functools\n@functools.lru_cache(\n    None)\n{DEF}", BODY),
    "docstring inside": (
        DEF,
        '    def g(x):\n        """Inner f.\n        more"""\n        return x\n    return g(2)\n',
    ),
    "body on the line": ("def f(lst):", " return 1\n"),
    "statements on the line": ("def f(lst): ", "a = 1; return a\n"),
    "docstring on the line": ('def f(lst): "Add the items."; ', "return 1\n"),
    "semicolons": (f"{DEF[:-1]}; a = 1\n", "    b = a + 2; c = 3\n    d = 1; return b\n"),
    "method of that name": (f"class A:\n    def f(self):\n        return 1\n\n\n{DEF}", BODY),
    "async": (f"async {DEF}", BODY),
    "two literals": ("def f(lst):\n    'Add the ' 'items of a list.'\n", BODY),
    "two long literals": ('def f(lst):\n    """Add the """ """items of a list."""\n', BODY),
    "parentheses": ("def f(lst):\n    ('Add the items'\n     ' of a list.')\n", BODY),
    "backslash in docstring": (
        'def f(lst):\n    """Add the \\\n    items of \\n a list."""\n',
        BODY,
    ),
    "raw docstring": ('def f(lst):\n    r"""Add the \\d items of a list."""\n', BODY),
    "short docstring": ("def f(lst):\n    'Add the items of a list.'\n", BODY),
    "comments": ('def f(lst):\n    # 1\n    """Add the items of a list."""  # 2\n', BODY),
    "unicode": (
        'def f(lst):\n    """Añade the ünïcode items of a list."""\n',
        "    é = 'ö'; b = é < 'ü'\n    b = é\n    return b\n",
    ),
    "separators": ('def f(lst):\n    """Add the\u2028 items\x0b of a\x85 list."""\n', BODY),
    "no last newline": (DEF, BODY[:-1]),
    "blanks at the ends": (DEF.replace("\n", "   \n"), BODY.replace("\n", "   \n")),
    "comment in the header": (f"def f(  # the f\n    lst,  # items\n):\n    {DOC}\n", BODY),
    "uneven indentation": (DEF, "    if lst:\n      if a:\n        b = 2\n    return a\n"),
    "several indentations": (DEF, "    if lst:\n      a = 1\n      b = 2\n    return a\n"),
}


@pytest.mark.parametrize("name", [n for n, info in PERTURBATIONS.items() if not info.needs])
@pytest.mark.parametrize("layout", ODD)
def test_odd_programs_stay_what_they_are(layout: str, name: str) -> None:
    prompt, solution = ODD[layout]
    problem = _problem(prompt, solution)
    info = PERTURBATIONS[name]
    start = problem if info.mode == "full" else partial(problem)
    for seed in range(4 if info.random else 1):
        variant = perturb(problem, name, seed)
        tree = shape(variant)
        if info.group in ("docstring", "format"):
            assert tree == shape(problem)
        if info.group != "syntax":
            assert shown(variant) == shown(start)


def test_carriage_returns_alone_are_one_clear_line() -> None:
    problem = _problem(DEF.replace("\n", "\r"), BODY.replace("\n", "\r"))
    with pytest.raises(DataError, match=r"O/1: lines end in \\r alone"):
        perturb(problem, "todo_comment")


@pytest.mark.parametrize(
    ("line", "prose"),
    [
        ("The largest even factor. Assume n > 1 here.", "The largest even factor Assume here"),
        ("Restrictions: 1 <= num <= 1000", ""),
        ("For lst = [1, 2] the output should be 14", ""),
        ("Find the one pair that gives ax + by = n.", "Find the one pair that gives ax by"),
        ("Write a function f() that adds numbers.", "Write function that adds numbers"),
        ("Write f(2) that adds numbers.", ""),
        ("* all rows have the same length", "all rows have the same length"),
        ("* 3", ""),
        ('Answer "the number of\n    digits here." for all', "Answer for all"),
        ("Give [ the number of\n    digits ] for all", "Give for all"),
    ],
)
def test_prose(line: str, prose: str) -> None:
    source = Source(_problem(f'def f(q):\n    """{line}"""\n', "    return q\n"))
    assert " ".join(source.text[s.start : s.end] for s in words(source)) == prose


def test_a_keyword_of_that_name_is_not_the_function() -> None:
    problem = Problem(
        task_id="O/2",
        prompt="def do_it(x):\n",
        entry_point="do_it",
        canonical_solution="    return dict(do_it=x) if x else do_it(do_it(1))\n",
        test="def check(candidate):\n    assert do_it(1) == dict(do_it=1)\n",
    )
    variant = perturb(problem, "FuncRenameCamelCase")
    assert variant.canonical_solution == "    return dict(do_it=x) if x else doIt(doIt(1))\n"
    assert variant.test == "def check(candidate):\n    assert doIt(1) == dict(do_it=1)\n"


def test_a_function_used_in_an_f_string_keeps_its_name() -> None:
    problem = Problem(
        task_id="O/3",
        prompt="def do_it(x):\n",
        entry_point="do_it",
        canonical_solution="    return f'{do_it(x - 1)}' if x else ''\n",
        test="def check(candidate):\n    pass\n",
    )
    assert not perturb(problem, "FuncRenameCamelCase").changed


def _problem(prompt: str, solution: str) -> Problem:
    return Problem(
        task_id="O/1",
        prompt=prompt,
        entry_point="f",
        canonical_solution=solution,
        test="def check(candidate):\n    pass\n",
    )
