"""What of an answer that another engine wrote counts: the text that ours would have kept.

Others stop nowhere in particular: they repeat the prompt, write prose before the code and behind
it, fence it, begin the next function, and leave the signs by which a model ends its text.
"""

import ast
import re

from steadycode.config import Style
from steadycode.definitions import asked_for, definition
from steadycode.generation.replies import ReplyScanner
from steadycode.generation.stopping import function_end

_SIGNS = re.compile(
    r"<\|(?:endoftext|im_end|end_of_text|eot_id|end|EOT|return|file_sep|fim_\w+|endofprompt)\|>"
    r"|<(?:eos|end_of_turn|fim_\w+|file_sep)>|</s>|<\uff5cend\u2581of\u2581sentence\uff5c>"
)
"""How models end a text, where they were not asked to leave such tokens out."""
_FENCED = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
"""A line as Python counts them: ``splitlines`` would end one at a form feed too."""
_THOUGHT = "</think>"


def read_answer(prompt: str, answer: str, style: Style) -> str:
    """The code of ``answer``: a continuation of ``prompt``, or the whole function again, with what
    it needs before it.

    In style chat, and where there is a fence or a thought, it is read as a reply (see
    ``replies``); otherwise up to the end of the function (see ``stopping``).
    """
    text = _SIGNS.split(answer, maxsplit=1)[0]
    if style == "chat" or _THOUGHT in text or _FENCED.search(text):
        scanner = ReplyScanner(prompt)
        end = scanner.feed(text)
        end = scanner.finish() if end is None else end
        text = scanner.clean(text[scanner.kept_from : end])
        if scanner.has_block:
            return text
    if prompt.strip() and text.startswith(prompt):
        text = text[len(prompt) :]
    name = asked_for(prompt)
    again = definition(name).search(text) if name else None
    if again:
        return _whole(text[: again.start()], again[0], text[again.end() :])
    if name:
        text = _without_prose(text)
    return text[: function_end(prompt, text)]


def _whole(before: str, head: str, rest: str) -> str:
    """The definition that begins with ``head``, with the code before it and what it uses behind."""
    if not _is_python(before):
        lines = _LINE.findall(before)
        first = next((n for n in range(len(lines)) if _is_python("".join(lines[n:]))), len(lines))
        before = "".join(lines[first:]).lstrip()
    return before + head + rest[: function_end(before + head, rest)]


def _without_prose(text: str) -> str:
    """Without lines before an indented body that are no Python, such as a greeting."""
    lines = _LINE.findall(text)
    first = next((n for n, line in enumerate(lines) if line[:1] in " \t" and line.strip()), None)
    if first is None or first == 0 or _is_python("".join(lines[:first])):
        return text
    return "".join(lines[first:])


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
