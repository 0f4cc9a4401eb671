"""Perturbations that people meet and the published benchmark lacks. Style sound only."""

from dataclasses import dataclass

from steadycode.recode.variant import Group, Perturbation


@dataclass(frozen=True, slots=True)
class Ours:
    """``why``: where people write so."""

    apply: Perturbation
    why: str
    random: bool = False


RULES: dict[Group, dict[str, Ours]] = {}
"""Group -> name -> rule."""
