"""Addresses of servers and stores as people may see them: without what lets somebody in."""

import re

_WHO = re.compile(r"(?<=://)\S*@")
"""User and password, up to the last @ of the word: a password may hold an @ or a slash."""
_KEY = re.compile(
    r"(?P<name>[?&][\w.-]*(?:sig|token|key|secret|password|credential)[\w.-]*=)[^\s&#]+",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """``text`` with ``***`` for the user and the password of every address in it, and for every
    key, token or signature behind a question mark."""
    return _KEY.sub(r"\g<name>***", _WHO.sub("***@", text))
