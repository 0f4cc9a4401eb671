"""How the published benchmark prints a program again after a syntax perturbation.

The program is parsed by an error-tolerant grammar, printed as a stream of words, laid out from
those words, and formatted. Words are split at blanks, also in strings; backslashes get lost.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from steadycode.errors import ConfigError
from steadycode.problems import Problem
from steadycode.recode.published.frame import MARKER, marked, split
from steadycode.recode.source import changed

Node = Any
"""A node of the parse tree (tree-sitter is imported only when a rule is used)."""

Transform = Callable[[Node], "dict[int, list[str]] | None"]
"""Root -> words to print instead of the nodes with these ids; None: as it is."""

_STATEMENT = MARKER.removeprefix("# ")
_IN_LINE = re.compile(rf"(?<=\S) ?(?<!# ){re.escape(_STATEMENT)}")
"""Where the cut lies in brackets, the marker stands between two tokens of a line."""
_ALONE = re.compile(rf"(?<!# ){re.escape(_STATEMENT)}")
_NEWLINE, _INDENT, _DEDENT = "NEWLINE", "INDENT", "DEDENT"
_MARKS, _OPERATORS = tuple(".()[]"), tuple("=+-*/")
_WHOLE = ("string", "decorator", "comment")


def rewritten(problem: Problem, transform: Transform) -> Problem:
    """The problem as the published benchmark prints it after ``transform``; the problem itself
    where it has no half or the result cannot be formatted.

    Raises ConfigError when the packages of the extra ``published`` are not installed.
    """
    text = marked(problem)
    if text is None:
        return problem
    parts = split(text, problem.entry_point)
    code = (parts.header + parts.body).replace(";\n", "\n").replace(";", "\n")
    code = code.replace(MARKER, _STATEMENT)
    root = parse(code)
    lines = laid_out(" ".join(words(root, transform(root) or {})))
    lines = _IN_LINE.sub(f"\n{MARKER}\n", lines.replace("\\", ""))
    lines = _ALONE.sub(MARKER, lines)
    return _cut(problem, _with_docstring(lines, parts.docstring, problem.entry_point))


def parse(code: str) -> Node:
    """The root of the parse tree; what is no Python becomes error nodes."""
    return _parser().parse(code.encode()).root_node


@lru_cache(maxsize=1)
def _parser() -> Any:
    try:
        import tree_sitter_python
        from tree_sitter import Language, Parser
    except ImportError as error:
        raise _missing() from error
    return Parser(Language(tree_sitter_python.language()))


def _missing() -> ConfigError:
    return ConfigError(
        "syntax perturbations in style 'release' need tree-sitter, tree-sitter-python and"
        " black 21.5b2; pip install 'steadycode[published]'"
    )


def words(node: Node, instead: dict[int, list[str]]) -> Iterator[str]:
    """The tokens below ``node``, with words for the ends of lines and for blocks."""
    if node.id in instead:
        yield from instead[node.id]
    elif node.type == "block":
        yield _INDENT
        for child in node.children:
            yield from words(child, instead)
        yield _DEDENT
    elif node.child_count == 0 or node.type in _WHOLE:
        yield node.text.decode()
    else:
        for child in node.children:
            yield from words(child, instead)
    if node.type.endswith("statement") or node.type in ("comment", "decorator"):
        yield _NEWLINE


def laid_out(stream: str) -> str:
    """Lines with tabs, without blank ones."""
    lines, line, depth = list[str](), list[str](), 0

    def end() -> None:
        if line:
            lines.append("\t" * depth + _glued(line))
            line.clear()

    for word in stream.split():
        if word == _NEWLINE:
            end()
        elif word == _INDENT:
            end()
            depth += 1
        elif word == _DEDENT:
            end()
            depth -= 1
        else:
            line.append(word)
    end()
    return "\n".join(lines) + "\n"


def _glued(tokens: list[str]) -> str:
    """Tokens with blanks between them but round brackets and dots, and before commas."""
    text, before = "", ""
    for token in tokens:
        mark = token in _MARKS and not before.endswith(_OPERATORS)
        after = before in _MARKS and not token.startswith(_OPERATORS)
        text += token if not text or token == "," or mark or after else f" {token}"
        before = token
    return text


def _with_docstring(code: str, docstring: str, entry_point: str) -> str:
    end = code.find("\n", code.find(entry_point)) + 1
    unit = docstring[: len(docstring) - len(docstring.lstrip(" \t"))]
    if unit:
        leading = re.compile(rf"^(?:{re.escape(unit)})+", re.MULTILINE)
        docstring = leading.sub(lambda m: "\t" * (len(m[0]) // len(unit)), docstring)
    return code[:end] + docstring + code[end:]


def _cut(problem: Problem, text: str) -> Problem:
    formatted = _formatted(text)
    at = -1 if formatted is None else formatted.find(MARKER)
    if formatted is None or at < 0:
        return problem
    prompt = formatted[: at - 1] if at else ""
    if not prompt.endswith("\n"):
        prompt += "\n"
    return changed(problem, prompt=prompt, canonical_solution=formatted[at:])


@lru_cache(maxsize=2048)
def _formatted(text: str) -> str | None:
    """What black makes of it; None when black refuses it. Many variants repeat a text."""
    try:
        import black
    except ImportError as error:
        raise _missing() from error
    if black.__version__ != "21.5b2":
        raise _missing()
    try:
        return str(black.format_str(text, mode=black.FileMode()))
    except Exception:  # whatever black raises, the published row stays as it was
        return None
