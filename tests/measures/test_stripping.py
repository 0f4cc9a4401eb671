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
