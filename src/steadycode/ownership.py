"""Whose files are: says so where a project was used as root and as a user by turns."""

import os
import pwd
from pathlib import Path


def no_access(path: Path) -> str:
    """A line that says why this user may not read or write ``path``, and what to do."""
    there = path
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    owner, me = _name_of(there.lstat().st_uid), _name_of(os.geteuid())
    if owner == me:
        return f"{path} may not be read or written, even by its owner {me}; see to its rights"
    owning = me.removeprefix("user ")
    what = "it" if there == path else there
    return (
        f"{me} may not read or write {path}: {what} belongs to {owner}, perhaps since an earlier "
        f"run as {owner}; run this as {owner}, or have it given back: "
        f"`sudo chown -R {owning} {there}`"
    )


def foreign(*paths: Path) -> Path | None:
    """The first of ``paths`` that is there and that this user may not write; None when there is
    none."""
    return next((path for path in paths if path.exists() and not os.access(path, os.W_OK)), None)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # as in a container, which does not know its users
        return f"user {uid}"
