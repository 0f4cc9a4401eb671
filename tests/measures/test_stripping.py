import pytest

from steadycode.measures.stripping import stripped

PYTHON = '''\
"""Module."""
é = "# no comment"; "kept, as it is no docstring"
class A:
    "Of the class, é."
    def f(self):  # says f
        """Doc
        string."""
        return "//" + '#'
'''


def test_python_loses_comments_and_docstrings_alone() -> None:
    assert stripped(PYTHON, "python") == (
        'é = "# no comment"; "kept, as it is no docstring" class A: def f(self): return'
        " \"//\" + '#'"
    )
    assert stripped("def f(:\n    # kept\n", "python") == "def f(: # kept"


@pytest.mark.parametrize(
    ("language", "code", "expected"),
    [
        ("java", 'a("// no");  // yes\n/* b\n */ c(\'"\');', 'a("// no"); c(\'"\');'),
        ("java", r'x = "\"/*"; y /* z */;', r'x = "\"/*"; y ;'),
        ("cpp", 'R"x(// ")x"; // gone', 'R"x(// ")x";'),
        ("js", "`// ${a} /*`; /* gone", "`// ${a} /*`;"),
        ("go", "s := `/* kept */` // gone", "s := `/* kept */`"),
        ("rust", "fn f<'a>(x: &'a str) { // gone\n'\"' }", "fn f<'a>(x: &'a str) { '\"' }"),
        ("rust", 'r#"// " kept"# // gone', 'r#"// " kept"#'),
        ("ruby", "a # kept", "a # kept"),
    ],
)
def test_c_comments_are_told_from_strings(language: str, code: str, expected: str) -> None:
    assert stripped(code, language) == expected


@pytest.mark.parametrize("sign", ["\f", "\x1c", "\x85", "\u2028", "\u2029", "\v"])
def test_only_what_ends_a_line_for_python_does(sign: str) -> None:
    code = f'def f():\n    """Doc."""\n    x = "a{sign}b"  # comment\n    return x  # end\n'
    expected = f'def f(): x = "a{sign}b" return x'
    assert stripped(code, "python") == " ".join(expected.split())


def test_carriage_returns_end_lines() -> None:
    code = 'def f():\r    """Doc."""\r    return 1  # end\r\nx = 2  # two\r\n'
    assert stripped(code, "python") == "def f(): return 1 x = 2"
