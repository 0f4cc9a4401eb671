"""Syntax perturbations of style sound on programs made to break them."""

import itertools
from random import Random
from typing import Any

import pytest

from steadycode.errors import DataError
from steadycode.problems import Problem
from steadycode.recode import PERTURBATIONS, partial, perturb
from steadycode.recode.source import Source
from steadycode.recode.variant import Context, Plugins
from tests.builders.programs import whole

SYNTAX = [n for n, info in PERTURBATIONS.items() if info.group == "syntax"]
PLUGINS = Plugins(name=lambda problem, old: "better")


def made(text: str, cut: str = "", test: str = "", name: str = "f") -> Problem:
    """``text`` cut before ``cut``, or not at all."""
    at = text.index(cut) if cut else len(text)
    return Problem(
        task_id="Toy/0", prompt=text[:at], entry_point=name, canonical_solution=text[at:], test=test
    )


def run(problem: Problem, *arguments: Any) -> Any:
    scope: dict[str, Any] = {}
    exec(whole(problem), scope)
    return scope[problem.entry_point](*arguments)


def applied(problem: Problem, name: str, seed: int = 0) -> Problem:
    """What the rule makes of the problem cut where it is, not at its half."""
    return PERTURBATIONS[name].sound(problem, Context(random=Random(seed), plugins=PLUGINS))


def whiled(body: str, signature: str = "xs") -> str:
    """What becomes of a whole function's body."""
    header = f"def f({signature}):\n"
    return applied(made(header + body), "ForWhileTransformer").prompt.removeprefix(header)


def test_a_plain_range_counts_at_the_end() -> None:
    before = "    s = 0\n    for i in range(len(xs)):  # all\n        s += xs[i]\n    return s\n"
    assert whiled(before) == (
        "    s = 0\n    i = 0\n    while i < len(xs):  # all\n        s += xs[i]\n"
        "        i += 1\n    return s\n"
    )


def test_a_step_down() -> None:
    before = "    for i in range(9, -1, -2):\n        print(i)\n"
    assert whiled(before) == "    i = 9\n    while i > -1:\n        print(i)\n        i -= 2\n"


def test_what_is_left_to_write_stays() -> None:
    text = "def f(xs):\n    s = 0\n    for x in xs:\n        s += x\n    return s\n"
    problem = made(text, cut="        s += x")
    variant = applied(problem, "ForWhileTransformer")
    assert variant.canonical_solution == problem.canonical_solution
    assert variant.prompt == (
        "def f(xs):\n    s = 0\n    items = iter(xs)\n    end = object()\n"
        "    while (x := next(items, end)) is not end:\n"
    )


def test_known_sequences_are_indexed() -> None:
    before = "    for i, x in enumerate(xs):\n        print(i, x)\n"
    assert whiled(before, "xs: list[int]") == (
        "    index = 0\n    while index < len(xs):\n        i, x = index, xs[index]\n"
        "        print(i, x)\n        index += 1\n"
    )


LOOPS = {
    "continue": "for i in range(4):\n    if i == 1: continue\n    out.append(i)",
    "continue of an inner loop": (
        "for i in range(3):\n    for j in range(2):\n        continue\n    out.append(i)"
    ),
    "continue in an inner else": (
        "for i in range(3):\n    for j in ():\n        pass\n    else:\n        continue\n"
        "    out.append(i)"
    ),
    "break and else": (
        "for x in xs:\n    if x > 100:\n        break\nelse:\n    out.append('end')"
    ),
    "else with the variable": "for i in range(3):\n    pass\nelse:\n    out.append(i)",
    "variable afterwards": "for i in range(3):\n    pass\nout.append(i)",
    "variable changed": "for i in range(5):\n    i += 2\n    out.append(i)",
    "variable deleted": "for i in range(3):\n    out.append(i)\n    del i",
    "one variable in two loops": (
        "for i in range(2):\n    for i in range(3):\n        pass\n    out.append(i)"
    ),
    "bound changed": "n = 3\nfor i in range(n):\n    n = 1\n    out.append(i)",
    "bound is the variable": "i = 3\nfor i in range(i):\n    out.append(i)",
    "list grows": "for i in range(len(out)):\n    out.append(i)",
    "list grows by a second name": (
        "ys = xs\nfor i in range(len(xs)):\n    ys.append(i)\nout.append(len(ys))"
    ),
    "list shrinks": "for x in xs:\n    xs.remove(x)\nout.extend(xs)",
    "known list shrinks": "ys = [1, 2, 3, 4]\nfor x in ys:\n    ys.remove(x)\nout.extend(ys)",
    "string rebound": "s = 'abca'\nfor c in s:\n    s = s.replace(c, '')\n    out.append(s + c)",
    "not indexable": "for x in {3: 4, 5: 6}:\n    out.append(x)",
    "pairs": "for a, (b, *c) in [(1, (2, 3, 4))]:\n    out.append((a, b, c))",
    "no brackets": "for x in 1, 2:\n    out.append(x)",
    "over lines": "for x in [1,\n        2]:\n    out.append(x)",
    "comment in header": "for x in [1,  # one: 1\n        2]:\n    out.append(x)",
    "marks in strings": "for x in ':#':\n    out.append(x)",
    "one line": "for x in xs: out.append(x); out.append(-x)",
    "one line range": "for i in range(3): out.append(i)",
    "closures": "fs = []\nfor i in range(3):\n    fs.append(lambda: i)\nout += [g() for g in fs]",
    "lazy": "gs = []\nfor x in xs:\n    gs.append(x + y for y in [1])\nout += map(list, gs)",
    "side effects in order": (
        "log = out.append\nfor i in range(log('a') or 0, log('b') or 2):\n    log(i)"
    ),
    "target is no name": "d = {}\nfor d['k'] in xs:\n    out.append(dict(d))",
    "brackets around the variable": "for (x) in xs:\n    out.append(x)",
    "step not known": "k = -1\nfor i in range(3, 0, k):\n    out.append(i)",
    "range shadowed": "range = list\nfor i in range((5, 6)):\n    out.append(i)",
    "names taken": "index = items = end = item = 7\nfor x in xs:\n    out.append((x, index, end))",
    "conditional bound": "for i in range(2 if xs else 9):\n    out.append(i)",
    "None in the list": "for x in [None, 0]:\n    out.append(x)",
    "try": "for x in xs:\n    try:\n        continue\n    finally:\n        out.append(x)",
    "nested function": "def g(n):\n    for k in range(n):\n        out.append(k)\ng(3)",
}


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("lines", [None, 1, 2, 3])
def test_a_while_loop_does_the_same(name: str, lines: int | None) -> None:
    body = "".join(f"    {line}\n" for line in ["out = []", *LOOPS[name].split("\n")])
    text = f"def f(xs):\n{body}    return out\n"
    start = "".join(text.splitlines(keepends=True)[: lines + 2]) if lines else text
    problem = _cut(text, len(start))
    variant = applied(problem, "ForWhileTransformer")
    assert run(variant, [1, 2, 3]) == run(problem, [1, 2, 3])
    if lines is None:
        assert variant.prompt != problem.prompt or name == "comment in header"


def test_loops_that_look_at_their_names_stay() -> None:
    text = "def f():\n    for i in range(3):\n        pass\n    return sorted(locals())\n"
    assert applied(made(text), "ForWhileTransformer") == made(text)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    if(a)<b:\n", "    if b>(a):\n"),
        ("    return(a)==b\n", "    return b==(a)\n"),
        ("    x = 1 if a<(b)else 2\n", "    x = 1 if (b)>a else 2\n"),
        ("    x = a.count(b) == 0\n", "    x = 0 == a.count(b)\n"),
        ("    x = 1 if a!='q'else 2\n", "    x = 1 if 'q'!=a else 2\n"),
        ("    x = max(a) == min(a)\n", "    x = max(a) == min(a)\n"),
    ],
)
def test_operands_stay_apart_from_words(before: str, after: str) -> None:
    tail = "        pass\n" if before.rstrip().endswith(":") else ""
    problem = made(f"def f(a, b):\n{before}{tail}    pass\n")
    assert applied(problem, "OperandSwap").prompt == f"def f(a, b):\n{after}{tail}    pass\n"


def test_a_shadowed_built_in_is_not_known_to_be_pure() -> None:
    text = "def sum(xs):\n    return xs.pop()\ndef f(a):\n    return sum(a) == len(a)\n"
    assert applied(made(text), "OperandSwap") == made(text)
    known = text.replace("def sum", "def total")
    assert applied(made(known), "OperandSwap") == made(known.replace(
        "sum(a) == len(a)", "len(a) == sum(a)"
    ))  # fmt: skip


RENAMED = {
    "global of the same name": (
        "def f(xs):\n    g = lambda sum: sum + sum + sum + sum\n    return sum(xs) + g(1)\n"
    ),
    "default from outside": (
        "k = 5\ndef f(xs, k=k):\n    k = k + k + k\n    return k\n"
    ),
    "class attribute": (
        "def f(xs):\n    class A:\n        v = 1\n        w = v + v + v + v\n"
        "    return A.v + A.w\n"
    ),
    "locals": "def f(xs):\n    y = y1 = xs\n    return sorted(locals())\n",
    "called by keyword elsewhere": (
        "def f(xs, long=1):\n    return [long, long, long, xs]\n"
        "def g(xs):\n    return f(xs, long=2)\n"
    ),
    "match": (
        "def f(xs):\n    match {1: xs}:\n        case {1: y, **rest}:\n"
        "            return y, rest, rest, rest, rest\n"
    ),
    "nonlocal": (
        "def f(xs):\n    n = 0\n    def g():\n        nonlocal n\n        n += len(xs)\n"
        "    g()\n    return n + n + n + n\n"
    ),
    "walrus and comprehension": "def f(xs):\n    return [y for x in xs if (y := x + x) > 2]\n",
    "f-string": "def f(xs):\n    n = len(xs)\n    return f'{n}{n!r}{n:>{n}}' + str(n)\n",
    "except": "def f(xs):\n    try:\n        xs[0]\n    except OSError as e:\n        return e\n",
    "del": "def f(xs):\n    y = xs[0]\n    z = y + y\n    del y\n    return z\n",
    "handed to itself": (
        "def f(xs, n=2):\n    return [n] if n == 0 else f(xs, n=n - 1) + [n]\n"
    ),
    "stars": "def f(*xs, **kw):\n    return xs, kw, xs, kw\n",
    "semicolons": "def f(xs):\n    a = 1; b = a; c = a + b\n    return a; a\n",
    "import": "def f(xs):\n    import math\n    return math.floor(math.pi * math.e)\n",
    "global statement": "n = 1\ndef f(xs):\n    m = 2\n    global n\n    n = m\n    return n + n\n",
    "one line": "def f(xs): return xs + xs\n",
    "hints and a loop": (
        "from typing import List\ndef f(xs: List[int]) -> int:\n    n = 0\n    for x in xs:\n"
        "        n = n + x\n    return n\n"
    ),
    "range is a list": "def f(xs):\n    range = xs\n    y = range\n    return y\n",
    "text over lines": "def f(xs):\n    s = '''\n  a\n'''\n    t = s\n    return t, s\n",
    "text goes on": "def f(xs):\n    s = 'a\\\n  b'\n    t = s + \\\n      s\n    return t, s\n",
    "generator": "def f(xs):\n    y = [(yield x) for x in []] if 0 else 3\n    return y\n".replace(
        "(yield x)", "x"
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", SYNTAX)
def test_meaning_stays(rule: str) -> None:
    changed = 0
    for text in RENAMED.values():
        lines = text.splitlines(keepends=True)
        for count, seed in itertools.product(range(1, len(lines) + 1), range(3)):
            problem = _cut(text, len("".join(lines[:count])))
            variant = applied(problem, rule, seed)
            assert run(variant, [1, 2, 3]) == run(problem, [1, 2, 3]), variant.prompt
            changed += variant.prompt != problem.prompt
    assert changed


def test_renaming_reaches_docstring_and_keywords_of_the_test() -> None:
    text = (
        'def f(n, text):\n    """Return text n times: the n-th is `n`, not "n" or sign(n).\n\n'
        '    >>> f(1, "n")\n    """\n    a = n + n\n    return a * text\n'
    )
    test = "def check(candidate):\n    assert candidate(n=1, text='n') == 'nn'\n"
    variant = perturb(made(text, cut="    a = n", test=test), "VarRenamerNaive")
    assert variant.test == test.replace("n=1", "VAR_0=1")
    assert 'Return text VAR_0 times: the VAR_0-th is `VAR_0`, not "n" or sign(n).' in variant.prompt
    assert '>>> f(1, "n")' in variant.prompt
    scope: dict[str, Any] = {}
    exec(whole(variant) + variant.test, scope)
    scope["check"](scope["f"])


@pytest.mark.parametrize("name", ["VarRenamerNaive", "ParameterRenamed"])
def test_a_test_that_is_not_python_is_one_clear_line(name: str) -> None:
    text = "def f(n):\n    a = n + n\n    return a + n\n"
    with pytest.raises(
        DataError, match=r"Toy/0: the test is not valid Python .*; mend the problem"
    ):
        perturb(made(text, cut="    a =", test="check(f(n=1)\n"), name)


def test_the_renamed_variable_is_one_that_is_shown() -> None:
    text = "def f(xs):\n    a = xs\n    a = a\n    b = a\n    return b + b + b + b + b\n"
    variant = perturb(made(text, cut="    a = xs"), "VarRenamerNaive")
    assert variant.prompt == "def f(xs):\n    VAR_0 = xs\n    VAR_0 = VAR_0\n"


def test_the_first_number_that_is_free() -> None:
    text = "def f(VAR_0):\n    a = VAR_0\n    return a + a\n"
    assert "VAR_1 = VAR_0" in perturb(made(text), "VarRenamerNaive").prompt


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("total", "total"), ("2 values!", "values"), ("class", "class2"), ("sum", "sum2"),
     ("other", "other2"), ("", None), ("long_name", None), ("!?", None)],
)  # fmt: skip
def test_a_plug_in_names_the_variable(answer: str, expected: str | None) -> None:
    text = "def f(other):\n    long_name = other\n    return long_name + long_name\n"
    asked = []

    def name(problem: Problem, old: str) -> str:
        asked.append((problem.task_id, old))
        return answer

    variant = perturb(made(text), "VarRenamerCB", plugins=Plugins(name=name))
    half = partial(made(text))
    assert asked == [("Toy/0", "long_name")]
    assert variant.changed == (expected is not None)
    if expected:
        assert variant.prompt == half.prompt.replace("long_name", expected)


def test_one_letter_names_run_out() -> None:
    names = [chr(c) for c in [*range(65, 91), *range(97, 123)]]
    text = f"def f({', '.join(names)}):\n    a = a + a\n    return a\n"
    variant = perturb(made(text), "VarRenamerRN")
    (name,) = Source(variant).names - Source(made(text)).names
    assert len(name) == 2


def test_dead_code_last_ends_the_prompt() -> None:
    problem = made("def f(xs):\n    a = 1\n    if a:\n        b = 2\n    return b\n", cut="    a =")
    kinds = set()
    for seed in range(20):
        variant = perturb(problem, "DeadCodeInserterLast", seed)
        half = partial(problem)
        assert variant.canonical_solution == half.canonical_solution
        assert variant.prompt.startswith(half.prompt)
        kinds.add(variant.prompt.removeprefix(half.prompt).split()[0])
    assert kinds == {"if", "while", "for"}


def test_dead_code_last_where_nothing_can_follow() -> None:
    text = "def f(xs):\n    a = 1\n    return (a +\n        a)\n"
    inside = _cut(text, text.index("        a)"))
    before_else = "def f(xs):\n    if xs:\n        a = 1\n    else:\n        a = 2\n    return a\n"
    for problem in (inside, made(before_else, cut="    else")):
        variant = applied(problem, "DeadCodeInserterLast")
        assert variant.prompt != problem.prompt
        assert variant.prompt.endswith(problem.prompt.split("\n")[-2] + "\n")
        assert variant.canonical_solution == problem.canonical_solution
        assert run(variant, []) == 2


def _cut(text: str, at: int) -> Problem:
    return Problem(
        task_id="T", prompt=text[:at], entry_point="f", canonical_solution=text[at:], test=""
    )
