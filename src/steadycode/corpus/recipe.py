"""The corpus recipe: which sources data/ is built from, and how they are split."""

from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from steadycode.config import read_yaml
from steadycode.errors import ConfigError
from steadycode.randomness import derive_seed
from steadycode.spelling import first_fault

SplitName = Literal["train", "valid", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Source(_Section):
    name: Name
    licence: str = Field(min_length=1, description="SPDX identifier")
    include: tuple[str, ...] = Field(("*",), description="patterns; * also matches a slash")
    exclude: tuple[str, ...] = ()

    def selects(self, path: str) -> bool:
        """Whether the Python file at ``path`` (relative, with slashes) belongs to the corpus."""
        return (
            path.endswith(".py")
            and any(fnmatchcase(path, pattern) for pattern in self.include)
            and not self.excludes(path)
        )

    def excludes(self, path: str) -> bool:
        """Whether ``exclude`` names the path; that of a folder ends with a slash."""
        return any(fnmatchcase(path, pattern) for pattern in self.exclude)


class Package(_Source):
    """One release on the package index, pinned by the sha256 of its pure-Python wheel."""

    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]*$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Folder(_Source):
    """Local files; ``path`` is relative to the project's root."""

    path: str = Field(min_length=1)

    @field_validator("path")
    @classmethod
    def _inside_the_project(cls, path: str) -> str:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise ValueError("must be a folder below the project's root")
        return path


class Split(_Section):
    """Shares of the files, in per cent."""

    train: int = Field(96, ge=1, le=100)
    valid: int = Field(2, ge=0, le=100)
    test: int = Field(2, ge=0, le=100)

    @model_validator(mode="after")
    def _shares_make_a_whole(self) -> Self:
        if (total := self.train + self.valid + self.test) != 100:
            raise ValueError(f"train + valid + test must be 100, not {total}")
        return self

    def of(self, package: str, path: str) -> SplitName:
        """The split of one file. It depends on a hash of the file's name only, so that adding
        other files never moves it."""
        point = derive_seed(0, "split", package, path) % 100
        if point < self.train:
            return "train"
        return "valid" if point < self.train + self.valid else "test"


class Recipe(_Section):
    """Everything that the bytes of data/ depend on, and when they may be replaced. Unknown keys
    are refused."""

    mode: Literal["recipe", "recorded"] = Field(
        "recipe",
        description="recorded: data/ is what the user put there and DVC records; never build it",
    )
    min_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="the least share of the recorded rows, in all and of each source, that a build"
        " may come to",
    )
    split: Split = Split()
    module_characters: int = Field(8_000, ge=1, description="longer files are cut up")
    min_characters: int = Field(40, ge=1)
    max_characters: int = Field(200_000, ge=1)
    packages: tuple[Package, ...] = ()
    folders: tuple[Folder, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [source.name for source in (*self.packages, *self.folders)]
        if not names and self.mode == "recipe":
            raise ValueError("names no source; add one under packages or folders")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"names {twice[0]!r} twice; give each source its own name")
        return self

    def content(self) -> dict[str, Any]:
        """The settings that the bytes of data/ depend on."""
        return self.model_dump(mode="json", exclude={"mode", "min_share"})


def load_recipe(path: Path) -> Recipe:
    """The recipe in the YAML file at ``path``. Raises ConfigError when it is missing or wrong."""
    if not path.is_file():
        raise ConfigError(f"no corpus recipe {path}")
    try:
        return Recipe.model_validate(read_yaml(path))
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error, Recipe)}") from error
