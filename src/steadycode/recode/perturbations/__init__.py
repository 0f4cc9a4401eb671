"""The perturbations, looked up by name, and the one function that applies them."""

from collections.abc import Mapping, Sequence
from importlib import metadata
from random import Random

from steadycode.errors import ConfigError
from steadycode.problems import Problem
from steadycode.randomness import derive_seed
from steadycode.recode.halving import partial
from steadycode.recode.perturbations.catalogue import PERTURBATIONS, Perturbation
from steadycode.recode.published.frame import partial as published_partial
from steadycode.recode.variant import STYLES, Context, Mode, Plugins, Style, Variant
from steadycode.spelling import suggestion

__all__ = [
    "PERTURBATIONS",
    "Perturbation",
    "check_names",
    "expanded",
    "file_random",
    "is_natural",
    "libraries",
    "names_of",
    "nominal_of",
    "perturb",
    "why_not",
]

_NOT_PUBLISHED = "is not in the published benchmark; use style 'sound'"

_LIBRARIES: Mapping[Style, tuple[str, ...]] = {
    "sound": ("lemminflect",),
    "release": ("lemminflect", "tree-sitter", "tree-sitter-python", "black"),
}


def check_names(names: tuple[str, ...], style: str) -> None:
    """Raises ConfigError for a style, or for a perturbation of the style, that does not exist."""
    if style not in STYLES:
        raise ConfigError(f"no style {style!r}; use one of {', '.join(STYLES)}")
    for name in names:
        if name not in PERTURBATIONS:
            raise ConfigError(f"no perturbation {name!r}; {suggestion(name, PERTURBATIONS)}")
        if style == "release" and PERTURBATIONS[name].published is None:
            raise ConfigError(f"{name} {_NOT_PUBLISHED}")


def names_of(style: Style) -> tuple[str, ...]:
    """Returns the names of all perturbations that a style has, in the order of the catalogue."""
    return tuple(name for name, entry in PERTURBATIONS.items() if entry.rule(style) is not None)


def expanded(names: Sequence[str], style: Style) -> tuple[str, ...]:
    """Returns ``names``, each once, with all names of the style in the place of ``all``.

    Raises ConfigError as check_names does.
    """
    every = [n for name in names for n in (names_of(style) if name == "all" else (name,))]
    check_names(tuple(every), style)
    return tuple(dict.fromkeys(every))


def is_natural(name: str) -> bool:
    """Says whether people write as a perturbation does; False for one that no longer exists."""
    return name in PERTURBATIONS and PERTURBATIONS[name].kind == "natural"


def why_not(name: str, style: Style, plugins: Plugins | None) -> str:
    """Says why a perturbation cannot be applied here; the text is empty when it can."""
    entry = PERTURBATIONS[name]
    if entry.rule(style) is None:
        return _NOT_PUBLISHED
    missing = [need for need in entry.needs if (plugins or Plugins()).find(need) is None]
    return f"needs the plug-in {missing[0]!r}; see docs/recode.md" if missing else ""


def perturb(
    problem: Problem,
    name: str,
    seed: int = 0,
    style: Style = "sound",
    *,
    plugins: Plugins | None = None,
    random: Random | None = None,
) -> Variant:
    """Returns the variant of ``problem`` that perturbation ``name`` makes with ``seed``.

    Docstring and function-name perturbations start from the problem, syntax and format ones from
    ``partial(problem)``. In style sound the same arguments give the same variant on every machine,
    and seeds differ from task to task. In style release ``random`` is the generator that the rows
    of one published file share, from ``file_random``; without it the problem is the file's first
    row. Raises ConfigError for an unknown name or style and for a missing plug-in, and DataError
    for a problem that is not Python. It does not check that the variant still passes its test:
    ``build_benchmark`` does.
    """
    check_names((name,), style)
    entry = PERTURBATIONS[name]
    nominal = nominal_of(problem, entry.mode, style)
    rule = entry.rule(style)
    why = why_not(name, style, plugins)
    if rule is None or why:
        raise ConfigError(f"{name} {why}")
    if style == "sound":
        random = Random(derive_seed(seed, name, problem.task_id))
    context = Context(random=random or file_random(seed), seed=seed, plugins=plugins or Plugins())
    after = rule(nominal, context)
    return Variant.of(nominal, after, perturbation=name, group=entry.group, seed=seed, style=style)


def nominal_of(problem: Problem, mode: Mode, style: Style) -> Problem:
    """Returns the problem that the perturbations of a mode start from."""
    if mode == "full":
        return problem
    return partial(problem) if style == "sound" else published_partial(problem)


def libraries(style: Style) -> dict[str, str]:
    """Returns the versions of the libraries that decide what the perturbations of a style make;
    ``absent`` for one of an extra that is not installed."""
    return {name: _version(name) for name in _LIBRARIES[style]}


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "absent"


def file_random(seed: int) -> Random:
    """Returns the generator that the published benchmark uses for the rows of one file."""
    return Random(42 + seed)
