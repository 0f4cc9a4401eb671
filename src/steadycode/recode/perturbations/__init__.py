"""The perturbations by their published names, and the one function that applies them."""

import difflib
from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from steadycode.errors import ConfigError
from steadycode.problems import Problem
from steadycode.randomness import derive_seed
from steadycode.recode.perturbations import docstring, format, function_name, syntax
from steadycode.recode.source import partial
from steadycode.recode.variant import PerturbationInfo, Variant

STYLES = ("sound",)
_MODULES = {
    "docstring": docstring,
    "function_name": function_name,
    "syntax": syntax,
    "format": format,
}
_APPLY = {name: rule for m in _MODULES.values() for name, rule in (m.RANDOM | m.FIXED).items()}

PERTURBATIONS: Mapping[str, PerturbationInfo] = MappingProxyType(
    {
        name: PerturbationInfo(group=group, random=name in module.RANDOM)  # type: ignore[arg-type]
        for group, module in _MODULES.items()
        for name in sorted(module.RANDOM | module.FIXED)
    }
)
"""Published name -> what is known about it, group by group."""


def check_names(names: tuple[str, ...], style: str) -> None:
    """Raises ConfigError for a perturbation or a style that there is not."""
    for name in names:
        if name not in PERTURBATIONS:
            near = difflib.get_close_matches(name, PERTURBATIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(PERTURBATIONS)}"
            raise ConfigError(f"no perturbation {name!r}; {hint}")
    if style not in STYLES:
        raise ConfigError(f"no style {style!r} yet; use 'sound'")


def perturb(problem: Problem, name: str, seed: int = 0, style: str = "sound") -> Variant:
    """The variant of ``problem`` that perturbation ``name`` makes with ``seed``.

    Docstring and function-name perturbations start from the problem, syntax and format ones from
    ``partial(problem)``. The same arguments give the same variant on every machine; seeds differ
    from task to task. Raises ConfigError for an unknown name or style, DataError for a problem
    that is not Python. That the variant still passes its test is for ``build_benchmark`` to see.
    """
    check_names((name,), style)
    info = PERTURBATIONS[name]
    nominal = problem if info.mode == "full" else partial(problem)
    random = Random(derive_seed(seed, name, problem.task_id))
    after = _APPLY[name](nominal, random)
    return Variant(
        task_id=after.task_id,
        prompt=after.prompt,
        entry_point=after.entry_point,
        canonical_solution=after.canonical_solution,
        test=after.test,
        perturbation=name,
        group=info.group,
        seed=seed,
        style=style,
        changed=after.prompt != nominal.prompt,
    )
