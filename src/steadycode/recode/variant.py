"""What a perturbation makes of a problem, and what is known about each perturbation."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from steadycode.problems import Problem

Group = Literal["docstring", "function_name", "syntax", "format"]
GROUPS: tuple[Group, ...] = ("docstring", "function_name", "syntax", "format")

Style = Literal["sound", "release"]
STYLES: tuple[Style, ...] = ("sound", "release")

Perturbation = Callable[[Problem, Random], Problem]
"""A rule of style sound: gets the nominal problem and a generator of its own. Returns the problem
itself, or an equal one, when it has nothing to perturb."""

Published = Callable[[Problem, int, Random], Problem]
"""A rule of style release: gets the nominal problem, the bare seed, and the generator that the
rows of one file share, in their order."""

Plugin = Callable[[Problem, str], str]
"""A model that some perturbation needs: given the problem and a text of it, another text."""

Plugged = Callable[[Problem, Plugin], Problem]
"""A rule that needs a model."""

Mode = Literal["full", "partial"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """``translate``: an English text to another language and back. ``name``: the name that a masked
    language model would give to a variable, from its present name."""

    translate: Plugin | None = None
    name: Plugin | None = None


def mode_of(group: Group) -> Mode:
    """Which nominal prompt the perturbations of a group start from."""
    return "full" if group in ("docstring", "function_name") else "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class PerturbationInfo:
    """``random``: differs from seed to seed. ``needs``: the fields of Plugins that it uses.
    ``why``: for the perturbations that the published benchmark does not have, where people write
    so."""

    group: Group
    random: bool
    needs: tuple[str, ...] = ()
    why: str = ""

    @property
    def mode(self) -> Mode:
        """Which nominal prompt it starts from: the problem's, or ``partial`` of it."""
        return mode_of(self.group)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(Problem):
    """A problem after one perturbation. ``changed``: its prompt differs from its nominal one."""

    perturbation: str
    group: Group
    seed: int
    style: str
    changed: bool
