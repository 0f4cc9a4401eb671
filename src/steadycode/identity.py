"""What our own sources are: part of the identity of all that is made by them."""

from functools import cache
from pathlib import Path

from steadycode.files import sha256_folder, sha256_json

PACKAGE = Path(__file__).parent


@cache
def code_hash(*parts: str) -> str:
    """Hash of our own sources: of the named modules and packages below steadycode, or of all."""
    sources = sha256_folder(PACKAGE, "**/*.py")
    kept = {
        name: digest
        for name, digest in sources.items()
        if not parts or name.removesuffix(".py").split("/")[0] in parts
    }
    return sha256_json(kept)
