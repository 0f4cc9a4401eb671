"""Hashes our own sources, which are part of the identity of all that is made by them."""

from functools import cache
from pathlib import Path

from steadycode.files import sha256_folder, sha256_json

PACKAGE = Path(__file__).parent


@cache
def code_hash(*parts: str) -> str:
    """The hash of our own sources, word tables included. ``parts`` are the modules and packages
    below steadycode that count, such as ``recode`` or ``stages/train``; without any, all count."""

    def counts(name: str) -> bool:
        return not parts or any(name == f"{p}.py" or name.startswith(f"{p}/") for p in parts)

    sources = sha256_folder(PACKAGE)
    return sha256_json(
        {name: sources[name] for name in sources if counts(name) and "__pycache__" not in name}
    )
