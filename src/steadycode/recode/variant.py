"""What a perturbation makes of a problem, and what is known about each perturbation."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from steadycode.problems import Problem

Group = Literal["docstring", "function_name", "syntax", "format"]
GROUPS: tuple[Group, ...] = ("docstring", "function_name", "syntax", "format")

Perturbation = Callable[[Problem, Random], Problem]
"""Returns the problem itself, or an equal one, when it has nothing to perturb."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerturbationInfo:
    """``random``: differs from seed to seed. ``needs``: names of resources to install first."""

    group: Group
    random: bool
    needs: tuple[str, ...] = ()

    @property
    def mode(self) -> Literal["full", "partial"]:
        """Which nominal prompt it starts from: the problem's, or ``partial`` of it."""
        return "full" if self.group in ("docstring", "function_name") else "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(Problem):
    """A problem after one perturbation. ``changed``: its prompt differs from its nominal one."""

    perturbation: str
    group: Group
    seed: int
    style: str
    changed: bool
