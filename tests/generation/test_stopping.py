"""Where functions end: a table of cases, the reference solutions, and the standard library."""

import ast
import heapq
import inspect
import textwrap
import tokenize
from types import ModuleType

import pytest

from steadycode.generation.stopping import FunctionScanner, function_end
from steadycode.problems import load_problems

DEF = "def f(x):\n"
BODY = "    return x\n"

CASES = {
    "next function": (DEF, BODY + "\n\ndef g():\n", BODY),
    "print": (DEF, BODY + "print(f(1))", BODY),
    "comment": (DEF, BODY + "# test", BODY),
    "decorator": (DEF, BODY + "@cache", BODY),
    "fence": (DEF, BODY + "```\nprose", BODY),
    "indented fence": (DEF, BODY + "    ```", BODY),
    "at once": (DEF, "print(1)", ""),
    "blank lines only": (DEF, "\n\n\nx = 1", ""),
    "not yet": (DEF, BODY + "\n\n   ", None),
    "indented comment": (DEF, "    # a\n" + BODY, None),
    "open bracket": (DEF, "    return (\nx\n)\nx", "    return (\nx\n)\n"),
    "bracket in string": (DEF, "    y = '('\nx", "    y = '('\n"),
    "hash in string": (DEF, "    y = '#('\n)", "    y = '#('\n"),
    "quote in comment": (DEF, "    # don't\n" + BODY + "x", "    # don't\n" + BODY),
    "docstring": (DEF, '    """a\nb\n"""\n' + BODY + "x", '    """a\nb\n"""\n' + BODY),
    "quotes in docstring": (DEF, '    """a ""\n"\n\\"""\nb"""\nx', '    """a ""\n"\n\\"""\nb"""\n'),
    "other quotes": (DEF, "    '''\nx \"\"\"\n'''\nx", "    '''\nx \"\"\"\n'''\n"),
    "empty string": (DEF, "    y = ''\nx", "    y = ''\n"),
    "escaped quote": (DEF, "    y = '\\''\nx", "    y = '\\''\n"),
    "backslash": (DEF, "    y = 1 + \\\n2\nx", "    y = 1 + \\\n2\n"),
    "string over lines": (DEF, "    y = 'a\\\nb'\nx", "    y = 'a\\\nb'\n"),
    "backslash in comment": (DEF, "    # a \\\nx", "    # a \\\n"),
    "unclosed string": (DEF, "    y = 'a\nx", "    y = 'a\n"),
    "docstring open in prompt": (DEF + '    """a\n', 'b\n"""\nx', 'b\n"""\n'),
    "bracket open in prompt": ("def f(\n", "x):\n" + BODY + "y", "x):\n" + BODY),
    "prompt ends in a line": (DEF + "    return", " x\ny", " x\n"),
    "line end alone": (DEF + "    return x", "\n\ny", "\n"),
    "helper before": ("def g():\n    pass\n\n" + DEF, BODY + "g()", BODY),
    "decorated prompt": ("@a\n" + DEF, BODY + "x", BODY),
    "class": ("class A:\n    def f(x):\n", "        return x\n\n    def g(): pass\nx",
              "        return x\n\n    def g(): pass\n"),
    "async": ("async def f():\n", BODY + "x", BODY),
    "comment in prompt": (DEF + "# note\n", BODY + "x", BODY),
    "no function yet": ("import re\n", "x = 1\n# a\n" + DEF + BODY + "f(1)",
                        "x = 1\n# a\n" + DEF + BODY),
    "decorator of the first": ("", "@a\n" + DEF + BODY + "f(1)", "@a\n" + DEF + BODY),
    "comment in the body": (DEF, "    t = 0\n# add\n" + BODY + "x", "    t = 0\n# add\n" + BODY),
    "comment first": (DEF, "# add it\n" + BODY, None),
    "comment, then a statement": (DEF, BODY + "# test\n\n# it\nprint(f(1))", BODY),
    "helper behind": (DEF, "    return g(x)\n\ndef g(x):\n    return x\n\ng(1)",
                      "    return g(x)\n\ndef g(x):\n    return x\n"),
    "helper of a helper": (DEF, "    return g(x)\ndef g(x):\n    return h(x)\nclass h: pass\nx",
                           "    return g(x)\ndef g(x):\n    return h(x)\nclass h: pass\n"),
    "decorated helper": (DEF, "    return g(x)\n# g\n@a(\n1)\n@b\nasync def g(x):\n    pass\nx",
                         "    return g(x)\n# g\n@a(\n1)\n@b\nasync def g(x):\n    pass\n"),
    "decorated stranger": (DEF, BODY + "\n@a\ndef g(x):\n    pass\n", BODY),
    "method of the same name": (DEF, "    return x.g()\n\ndef g():\n    pass\n",
                                "    return x.g()\n"),
    "named in a string": (DEF, "    return 'g'\n\ndef g():\n    pass\n", "    return 'g'\n"),
    "defined again": (DEF, "    return f(x)\n\ndef f(x):\n    pass\n", "    return f(x)\n"),
    "first defined again": ("", DEF + "    return f(x)\n\ndef f(x):\n    pass\n",
                            DEF + "    return f(x)\n"),
    "helper in the prompt": ("def g(): pass\n" + DEF, "    return g()\n\ndef g(): pass\n",
                             "    return g()\n"),
    "used before the cut": (DEF + "    y = g(x)\n", "    return y\n\ndef g(x): pass\nx",
                            "    return y\n\ndef g(x): pass\n"),
    "assignment like async": (DEF, BODY + "asyncs = 1", BODY),
    "half a definition": (DEF, "    return g(x)\n\ndef g", "    return g(x)\n"),
    "name like def": ("define = 1\n", "x = 1\ny = 2\n", None),
}  # fmt: skip


@pytest.mark.parametrize(("prompt", "text", "kept"), CASES.values(), ids=CASES.keys())
def test_cases(prompt: str, text: str, kept: str | None) -> None:
    end = function_end(prompt, text)
    assert (None if end is None else text[:end]) == kept


@pytest.mark.parametrize(("prompt", "text", "kept"), CASES.values(), ids=CASES.keys())
def test_pieces_do_not_matter(prompt: str, text: str, kept: str | None) -> None:
    scanner = FunctionScanner(prompt)
    ends = [end for piece in text if (end := scanner.feed(piece)) is not None]
    assert (ends[0] if ends else scanner.finish()) == (None if kept is None else len(kept))


@pytest.mark.parametrize("after", ["def g():\n", "# note\n", "print(f(1))\n", "```\n", "@cache\n"])
def test_reference_solutions_are_kept_whole(after: str) -> None:
    problems = load_problems("humaneval")
    assert len(problems) == 164
    for problem in problems:
        solution = problem.canonical_solution.rstrip() + "\n"
        assert function_end(problem.prompt, solution) is None, problem.task_id
        assert function_end(problem.prompt, solution + "\n\n" + after) == len(solution)


@pytest.mark.parametrize("module", [ast, heapq, inspect, textwrap, tokenize])
def test_agrees_with_the_parser(module: ModuleType) -> None:
    source = inspect.getsource(module)
    lines = source.splitlines(keepends=True)
    checked = 0
    nodes = ast.parse(source).body
    for node, following in zip(nodes, [*nodes[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            decorators = getattr(following, "decorator_list", [])
            last = min((one.lineno for one in (*decorators, following) if one), default=len(lines))
            head, rest = lines[node.lineno - 1], "".join(lines[node.lineno : last - 1])
            end = function_end(head, rest + "\nx")
            after_node = "".join(lines[node.lineno : node.end_lineno])
            # indented comments behind the last statement are kept, which the parser does not see
            trailing = rest[len(after_node) : end].splitlines()
            assert rest[:end].startswith(after_node)
            assert all(not line.strip() or line.strip()[0] == "#" for line in trailing)
            checked += 1
    assert checked > 5
