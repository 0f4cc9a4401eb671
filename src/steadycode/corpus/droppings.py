"""Files that nobody puts into data/: what file managers, editors and systems leave in folders."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

_PATTERNS = (
    *(".DS_Store", "._*", ".AppleDouble", ".Spotlight-V100", ".Trashes", ".fseventsd"),  # macOS
    *("Thumbs.db", "ehthumbs.db", "desktop.ini", "Desktop.ini"),  # Windows
    *(".directory", ".Trash-*", ".nfs*"),  # Linux
    *("*~", ".*.sw[a-p]", "#*#", ".#*", ".~lock.*#", "4913", ".ipynb_checkpoints"),  # editors
)


def droppings(names: Iterable[str]) -> list[str]:
    """Those of the relative paths ``names`` that are droppings, or lie in a folder that is one."""
    return [
        name
        for name in names
        if any(fnmatchcase(part, pattern) for part in name.split("/") for pattern in _PATTERNS)
    ]
