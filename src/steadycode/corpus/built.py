"""What a build came to."""

from collections.abc import Mapping
from dataclasses import dataclass

from steadycode.corpus.left_out import Files, LeftOut, Reason
from steadycode.corpus.recipe import SplitName


@dataclass(frozen=True, slots=True)
class Size:
    rows: int
    characters: int


@dataclass(frozen=True, slots=True)
class Origin:
    """What was read of a source: how many ``files``, and a hash over their paths and contents."""

    version: str
    files: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    md5: str
    """The md5 that DVC computes for data/."""
    rows: Mapping[SplitName, int]
    packages: Mapping[str, Size]
    origins: Mapping[str, Origin]
    """Source -> what was read of it."""
    files: Files
    left_out: Mapping[Reason, LeftOut]

    def rows_of(self, source: str) -> int:
        return self.packages[source].rows if source in self.packages else 0
