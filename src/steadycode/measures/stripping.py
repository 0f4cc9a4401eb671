"""Strips programs of comments and docstrings and puts them on one line, for code search.

Whoever wrote the comments of one solution often wrote those of another, which would then be found
by its words. Python goes through its own tokenizer, languages with C's comments through a scanner
that knows strings; other languages keep their comments.
"""

import ast
import io
import re
import tokenize

C_LIKE = frozenset({"java", "cpp", "c", "js", "javascript", "go", "rust", "cs", "csharp", "ts"})

# a comment, or what could hold the look of one: a string, a character, a raw or template string
_PIECE = re.compile(
    r"""
      (?P<comment> //[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<text>
        R"(?P<mark>[^(\s]{0,16})\(.*?\)(?P=mark)"   # C++ raw string
      | r(?P<hashes>\#*)".*?"(?P=hashes)            # Rust raw string
      | "(?:\\.|[^"\\])*"
      | '(?:\\.|[^'\\\n])*'
      | `(?:\\.|[^`\\])*`                           # JavaScript template, Go raw string
      )
    """,
    re.VERBOSE | re.DOTALL,
)
_RUST_LIFETIME = re.compile(r"'[a-z_]+\b(?!')")


def stripped(code: str, language: str) -> str:
    """Return ``code`` without comments and docstrings, with runs of whitespace as single spaces. A
    program that does not parse keeps its comments."""
    language = language.lower()
    if language in ("python", "py"):
        code = _strip_python(code)
    elif language in C_LIKE:
        code = _strip_c(code, lifetimes=language == "rust")
    return " ".join(code.split())


def _strip_c(code: str, lifetimes: bool) -> str:
    kept, position = [], 0
    while piece := _PIECE.search(code, position):
        start, end = piece.span()
        if lifetimes and (lifetime := _RUST_LIFETIME.match(code, start)):
            end = lifetime.end()
        kept.append(code[position:start])
        kept.append(" " if piece["comment"] and end == piece.end() else code[start:end])
        position = end
    return "".join([*kept, code[position:]])


def _strip_python(code: str) -> str:
    code = code.replace("\r\n", "\n").replace("\r", "\n")
    lines = code.split("\n")  # only these count for Python; splitlines knows more
    try:
        documented = _docstrings(ast.parse(code), lines)
        tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return code
    spans = [
        (token.start, token.end)
        for token in tokens
        if token.type == tokenize.COMMENT
        or (token.type == tokenize.STRING and token.start in documented)
    ]
    for (row, start), (last, end) in reversed(spans):
        before, behind = lines[row - 1][:start], lines[last - 1][end:]
        lines[row - 1 : last] = [before + behind]
    return "\n".join(lines)


def _docstrings(tree: ast.Module, lines: list[str]) -> set[tuple[int, int]]:
    """The places of docstrings, as tokens count: lines from 1, columns in characters, not bytes."""
    starts = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            value = first.value
            if isinstance(value.value, str):
                before = lines[value.lineno - 1].encode()[: value.col_offset]
                starts.add((value.lineno, len(before.decode())))
    return starts
