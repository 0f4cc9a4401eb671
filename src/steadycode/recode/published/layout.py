"""How the published benchmark prints a program again after a syntax perturbation.

The program is parsed by an error-tolerant grammar, printed as a stream of words, laid out from
those words, and formatted. Words are split at blanks, also in strings; backslashes get lost.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from steadycode.errors import ConfigError
from steadycode.problems import Problem
from steadycode.recode.published.frame import MARKER, marked, split
from steadycode.recode.source import changed

if TYPE_CHECKING:  # an extra, imported only when a rule is applied
    from tree_sitter import Node, Parser

Transform = Callable[["Node"], dict[int, list[str]] | None]
"""Returns for the root which words to print in the place of nodes, by their ids; None for none."""

_STATEMENT = MARKER.removeprefix("# ")
_IN_LINE = re.compile(rf"(?<=\S) ?(?<!# ){re.escape(_STATEMENT)}")
"""Where the cut lies in brackets, the marker stands between two tokens of a line."""
_ALONE = re.compile(rf"(?<!# ){re.escape(_STATEMENT)}")
_HIDDEN = {ord(blank): 0xE000 + number for number, blank in enumerate(" \t\n\r\f\v")}
_SHOWN = {hidden: blank for blank, hidden in _HIDDEN.items()}
_NEWLINE, _INDENT, _DEDENT = "NEWLINE", "INDENT", "DEDENT"
_MARKS, _OPERATORS = tuple(".()[]"), tuple("=+-*/")
_WHOLE = ("decorator", "comment")


def rewritten(problem: Problem, transform: Transform) -> Problem:
    """Returns the problem as the published benchmark prints it after ``transform``.

    It returns the problem itself where that has no half or the result cannot be formatted, and
    raises ConfigError when the packages of the extra ``published`` are not installed.
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


def parse(code: str) -> "Node":
    """Returns the root of the parse tree; what is no Python becomes error nodes."""
    return _parser().parse(code.encode()).root_node


@lru_cache(maxsize=1)
def _parser() -> "Parser":
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


def words(node: "Node", instead: dict[int, list[str]]) -> Iterator[str]:
    """Yields the tokens below ``node``, and words for the ends of lines and for blocks.

    ``instead`` holds the words to yield in the place of nodes, by their ids.
    """
    if node.id in instead:
        yield from instead[node.id]
    elif node.type == "block":
        yield _INDENT
        for child in node.children:
            yield from words(child, instead)
        yield _DEDENT
    elif node.type == "string":
        yield code_of(node).translate(_HIDDEN) if b"\n" in (node.text or b"") else code_of(node)
    elif node.child_count == 0 or node.type in _WHOLE:
        yield code_of(node)
    else:
        for child in node.children:
            if (
                child.type == "comment"
                and child.next_sibling
                and child.next_sibling.type == "block"
            ):
                yield _NEWLINE  # a comment between a colon and a block has a line of its own
            yield from words(child, instead)
    if node.type.endswith("statement") or node.type in ("comment", "decorator"):
        yield _NEWLINE


def code_of(node: "Node") -> str:
    """Returns the text that a node covers."""
    return (node.text or b"").decode()  # no node lacks it in a tree that was parsed from bytes


def laid_out(stream: str) -> str:
    """Returns the words of a stream in lines, which are indented by tabs and never blank."""
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
    return ("\n".join(lines) + "\n").translate(_SHOWN)


def _glued(tokens: list[str]) -> str:
    """Returns the tokens with blanks between, but none round brackets and dots or before commas."""
    text, before = "", ""
    for token in tokens:
        mark = token in _MARKS and not before.endswith(_OPERATORS)
        after = before in _MARKS and not token.startswith(_OPERATORS)
        text += token if not text or token == "," or mark or after else f" {token}"
        before = token
    return text


def _with_docstring(code: str, docstring: str, entry_point: str) -> str:
    parts = split(code, entry_point)  # what looks like a docstring there gets lost
    unit = docstring[: len(docstring) - len(docstring.lstrip(" \t"))]
    if unit:
        leading = re.compile(rf"^(?:{re.escape(unit)})+", re.MULTILINE)
        docstring = leading.sub(lambda m: "\t" * (len(m[0]) // len(unit)), docstring)
    return parts.header + docstring + parts.body


def _cut(problem: Problem, text: str) -> Problem:
    formatted = _formatted(text)
    at = -1 if formatted is None else formatted.find(MARKER)
    if formatted is None or at < 0:
        return problem
    prompt = formatted[: at - 1] if at else ""
    if not prompt.endswith("\n"):
        prompt += "\n"
    return changed(problem, prompt=prompt, canonical_solution=formatted[at:])


@lru_cache(maxsize=2048)  # many variants repeat a text
def _formatted(text: str) -> str | None:
    """Returns what black makes of a text, or None when black refuses it."""
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
