"""What a perturbation is handed, and the variant of a problem that it makes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Literal, Protocol, Self, runtime_checkable

from steadycode.problems import Problem

Group = Literal["docstring", "function_name", "syntax", "format"]
GROUPS: tuple[Group, ...] = ("docstring", "function_name", "syntax", "format")

Style = Literal["sound", "release"]
STYLES: tuple[Style, ...] = ("sound", "release")

Mode = Literal["full", "partial"]

Kind = Literal["natural", "stress"]
"""Whether people write so, or whether it only strains a model: ``natural`` figures tell how a model
will do in use, ``stress`` ones where it gives way."""


def mode_of(group: Group) -> Mode:
    """Returns which nominal prompt the perturbations of a group start from."""
    return "full" if group in ("docstring", "function_name") else "partial"


Plugin = Callable[[Problem, str], str]
"""A model that some perturbation needs: it gets the problem and a text of it, and returns another
text."""

PluginName = Literal["translate", "name"]


@runtime_checkable
class VariableChooser(Protocol):
    """A plug-in ``name`` that also says which variable of a problem is to get another name."""

    def __call__(self, problem: Problem, old: str, /) -> str:
        """Returns the new name of the variable ``old``."""

    def variable(self, problem: Problem, /) -> str | None:
        """Returns the variable to rename, or None when there is none in this problem."""

    def left_alone(self, problem: Problem, /) -> bool:
        """Says whether the problem is to stay exactly as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """The models that a user has at hand.

    ``translate`` takes an English text to another language and back. ``name`` is asked for the name
    that a masked language model would give to a variable, and gets the variable's present name.
    """

    translate: Plugin | None = None
    name: Plugin | None = None

    def find(self, name: PluginName) -> Plugin | None:
        """Returns the plug-in of that name, or None when the user did not give it."""
        return self.translate if name == "translate" else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a rule may use beside the problem; most rules use only a part of it.

    ``random`` is the generator to draw from: in style sound each variant has its own, in style
    release the rows of one published file share one, in their order. ``seed`` is the bare seed, of
    which most rules of style release make generators themselves. ``perturb`` calls no rule whose
    plug-in is missing in ``plugins``.
    """

    random: Random
    seed: int = 0
    plugins: Plugins = field(default_factory=Plugins)


Rule = Callable[[Problem, Context], Problem]
"""Makes a variant of a nominal problem. It returns the problem itself, or an equal one, when it has
nothing to perturb."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(Problem):
    """A problem after one perturbation; ``changed`` says whether its prompt differs."""

    perturbation: str
    group: Group
    seed: int
    style: Style
    changed: bool

    @classmethod
    def of(
        cls,
        nominal: Problem,
        after: Problem,
        *,
        perturbation: str,
        group: Group,
        seed: int,
        style: Style,
    ) -> Self:
        """Returns ``after`` as the variant that a perturbation made of ``nominal``."""
        return cls(
            task_id=after.task_id,
            prompt=after.prompt,
            entry_point=after.entry_point,
            canonical_solution=after.canonical_solution,
            test=after.test,
            perturbation=perturbation,
            group=group,
            seed=seed,
            style=style,
            changed=after.prompt != nominal.prompt,
        )
