"""Finds definitions of functions and classes in Python text, whether it parses or not."""

import re

_DEFINED = re.compile(r"^(?:async[ \t\f]+)?(?:def|class)[ \t\f]+(\w+)", re.MULTILINE)


def defined(text: str) -> list[str]:
    """The names of the functions and classes at column 0, in their order."""
    return _DEFINED.findall(text)


def asked_for(prompt: str) -> str | None:
    """The name of the last function or class at column 0 of a prompt: the one to complete."""
    names = defined(prompt)
    return names[-1] if names else None


def definition(name: str, indented: bool = False) -> re.Pattern[str]:
    """A pattern for the definition of ``name``, its decorators included, at column 0 or anywhere
    where a line begins."""
    blank = r"[ \t]*" if indented else ""
    kind = r"(?:def|class|async[ \t]+def)"
    return re.compile(rf"^(?:{blank}@.*\n)*{blank}{kind}[ \t]+{re.escape(name)}\b", re.MULTILINE)
