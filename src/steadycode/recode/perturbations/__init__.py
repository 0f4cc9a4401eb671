"""The perturbations by their published names, and the one function that applies them."""

import difflib
from collections.abc import Mapping, Sequence
from random import Random
from types import MappingProxyType, ModuleType

from steadycode.errors import ConfigError
from steadycode.problems import Problem
from steadycode.randomness import derive_seed
from steadycode.recode.perturbations import docstring, format, function_name, ours, syntax
from steadycode.recode.source import partial
from steadycode.recode.variant import (
    STYLES,
    Group,
    Mode,
    PerturbationInfo,
    Plugin,
    Plugins,
    Style,
    Variant,
)

_MODULES: dict[Group, ModuleType] = {
    "docstring": docstring,
    "function_name": function_name,
    "syntax": syntax,
    "format": format,
}
_OURS: dict[Group, dict[str, ours.Ours]] = ours.RULES


def _collect() -> dict[str, PerturbationInfo]:
    found = {}
    for group, module in _MODULES.items():
        for name in sorted(module.RANDOM | module.FIXED | module.PLUGGED):
            needs = (module.PLUGGED[name][0],) if name in module.PLUGGED else ()
            found[name] = PerturbationInfo(group=group, random=name in module.RANDOM, needs=needs)
        for name, rule in sorted(_OURS.get(group, {}).items()):
            found[name] = PerturbationInfo(group=group, random=rule.random, why=rule.why)
    return found


PERTURBATIONS: Mapping[str, PerturbationInfo] = MappingProxyType(_collect())
"""Name -> what is known about it, group by group: the published ones, then ours."""


def check_names(names: tuple[str, ...], style: str) -> None:
    """Raises ConfigError for a perturbation or a style that there is not."""
    if style not in STYLES:
        raise ConfigError(f"no style {style!r}; use one of {', '.join(STYLES)}")
    for name in names:
        if name not in PERTURBATIONS:
            near = difflib.get_close_matches(name, PERTURBATIONS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(PERTURBATIONS)}"
            raise ConfigError(f"no perturbation {name!r}; {hint}")
        if style == "release" and PERTURBATIONS[name].why:
            raise ConfigError(f"{name} is not in the published benchmark; use style 'sound'")


def names_of(style: Style) -> tuple[str, ...]:
    """All perturbations of a style: ours are not in the published benchmark."""
    return tuple(n for n, info in PERTURBATIONS.items() if style == "sound" or not info.why)


def expanded(names: Sequence[str], style: Style) -> tuple[str, ...]:
    """``names`` with ``all`` put for what it says, each once. Raises ConfigError as check_names."""
    found = [n for name in names for n in (names_of(style) if name == "all" else (name,))]
    check_names(tuple(found), style)
    return tuple(dict.fromkeys(found))


def why_not(name: str, style: Style, plugins: Plugins | None) -> str:
    """Why a perturbation cannot be applied here; empty when it can."""
    from steadycode.recode import published

    info = PERTURBATIONS[name]
    missing = [need for need in info.needs if getattr(plugins or Plugins(), need) is None]
    if missing:
        return f"needs the plug-in {missing[0]!r}; see docs/recode.md"
    rules = published.PLUGGED if info.needs else published.APPLY
    return "has no style 'release' yet" if style == "release" and name not in rules else ""


def perturb(
    problem: Problem,
    name: str,
    seed: int = 0,
    style: Style = "sound",
    *,
    plugins: Plugins | None = None,
    random: Random | None = None,
) -> Variant:
    """The variant of ``problem`` that perturbation ``name`` makes with ``seed``.

    Docstring and function-name perturbations start from the problem, syntax and format ones from
    ``partial(problem)``. In style sound the same arguments give the same variant on every machine,
    and seeds differ from task to task. In style release ``random`` is the generator that the rows
    of one published file share, from ``file_random``; without it the problem is the file's first
    row. Raises ConfigError for an unknown name or style and for a plug-in that is not given,
    DataError for a problem that is not Python. That the variant still passes its test is for
    ``build_benchmark`` to see.
    """
    check_names((name,), style)
    info = PERTURBATIONS[name]
    nominal = nominal_of(problem, info.mode, style)
    if why := why_not(name, style, plugins):
        raise ConfigError(f"{name} {why}")
    plugin = getattr(plugins, info.needs[0]) if info.needs else None
    if style == "sound":
        own = Random(derive_seed(seed, name, problem.task_id))
        after = _sound(nominal, name, info, own, plugin)
    else:
        after = _published(nominal, name, seed, random or file_random(seed), plugin)
    return Variant(
        **{field: getattr(after, field) for field in Problem.__slots__},
        perturbation=name,
        group=info.group,
        seed=seed,
        style=style,
        changed=after.prompt != nominal.prompt,
    )


def nominal_of(problem: Problem, mode: Mode, style: Style) -> Problem:
    """What a perturbation starts from."""
    if mode == "full":
        return problem
    if style == "sound":
        return partial(problem)
    from steadycode.recode.published.frame import partial as published_partial

    return published_partial(problem)


def file_random(seed: int) -> Random:
    """The published benchmark's generator for the rows of one file."""
    return Random(42 + seed)


def _sound(
    problem: Problem, name: str, info: PerturbationInfo, random: Random, plugin: Plugin | None
) -> Problem:
    module = _MODULES[info.group]
    if plugin is not None:
        after: Problem = module.PLUGGED[name][1](problem, plugin)
    elif info.why:
        after = _OURS[info.group][name].apply(problem, random)
    else:
        after = (module.RANDOM | module.FIXED)[name](problem, random)
    return after


def _published(
    problem: Problem, name: str, seed: int, random: Random, plugin: Plugin | None
) -> Problem:
    from steadycode.recode import published

    if plugin is not None:
        return published.PLUGGED[name](problem, plugin)
    return published.APPLY[name](problem, seed, random)
