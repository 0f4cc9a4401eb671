"""Builds, checks and hashes a benchmark: nominal problems and their variants."""

import platform
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

from steadycode.errors import DataError
from steadycode.files import sha256_json
from steadycode.problems import Problem
from steadycode.recode.behaviour import behaviour
from steadycode.recode.language.tagger import TAGGER
from steadycode.recode.perturbations import (
    PERTURBATIONS,
    check_names,
    file_random,
    names_of,
    nominal_of,
    perturb,
    why_not,
)
from steadycode.recode.programs import reference
from steadycode.recode.variant import Group, Mode, Plugins, Style, Variant, mode_of
from steadycode.recode.verification import LeftOut, verify
from steadycode.sandbox.contract import Judge, Verdict

Row = TypeVar("Row", "Problem", "Variant", "Rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A variant that is not in the benchmark because it broke a promise, which ``reason`` names."""

    task_id: str
    perturbation: str
    group: Group
    seed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The promise that a variant breaks; ``reason`` is empty when it breaks none.

    ``parsed`` and ``passed`` say whether its program parses and passes its own test; ``passed`` is
    False when nothing was run.
    """

    reason: str
    parsed: bool
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Nominal problems, the same problems with half of the solution in the prompt, and variants.

    ``partial`` holds the problems in the order of ``nominal``; one that cannot be halved stands
    there unchanged. ``metadata`` tells how the benchmark was made (style, seeds, perturbations,
    counts) and is not part of the content hash.
    """

    nominal: tuple[Problem, ...]
    partial: tuple[Problem, ...]
    variants: tuple[Variant, ...]
    rejected: tuple[Rejected, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def content_hash(self) -> str:
        """The sha256 of all problems and variants, in their order."""
        return sha256_json([[asdict(row) for row in part]
                            for part in (self.nominal, self.partial, self.variants)])  # fmt: skip

    @property
    def perturbations(self) -> tuple[str, ...]:
        """The names of the perturbations asked for, even those of which no variant is left."""
        return tuple(self.metadata.get("perturbations", ())) or tuple(
            dict.fromkeys(variant.perturbation for variant in self.variants)
        )

    @property
    def left_out(self) -> dict[str, LeftOut]:
        """The problems, by task, that were left out since they can measure nothing."""
        return {task: LeftOut(**row) for task, row in self.metadata.get("left_out", {}).items()}

    def without(self, left_out: Mapping[str, LeftOut]) -> "Benchmark":
        """The benchmark without some of its problems, and all that was made of them."""
        if not left_out:
            return self

        def kept(rows: Iterable[Row]) -> tuple[Row, ...]:
            return tuple(row for row in rows if row.task_id not in left_out)

        told = {task: asdict(row) for task, row in (self.left_out | dict(left_out)).items()}
        return replace(
            self,
            nominal=kept(self.nominal),
            partial=kept(self.partial),
            variants=kept(self.variants),
            rejected=kept(self.rejected),
            metadata={**self.metadata, "left_out": told},
        )

    @property
    def unperturbed(self) -> "Benchmark":
        """The problems alone, by their full prompts, as public sets of answers answer them."""
        metadata = {**self.metadata, "perturbations": []}
        return replace(self, partial=(), variants=(), rejected=(), metadata=metadata)

    @property
    def tasks(self) -> dict[str, str]:
        """The nominal prompts by the names of their problems."""
        return {problem.task_id: problem.prompt for problem in self.nominal}

    @property
    def total_problems(self) -> int:
        """The size of the set of which the problems, with those left out, may be a subset."""
        chosen = len(self.nominal) + len(self.left_out)
        return int(self.metadata.get("total_problems", chosen))

    @property
    def summary(self) -> str:
        unchanged = sum(not variant.changed for variant in self.variants)
        chosen, total = len(self.nominal) + len(self.left_out), self.total_problems
        subset = f"subset: {len(self.nominal)} of {total}" if chosen < total else len(self.nominal)
        return (
            f"{subset} problems, {len(self.variants)} variants"
            f" ({unchanged} unchanged, {len(self.rejected)} rejected)"
        )

    def cases(self) -> Iterator[tuple[Mode, Problem]]:
        """Every problem to evaluate, with the mode of its prompt: first the nominal ones, then the
        partial ones, then the variants."""
        yield from (("full", problem) for problem in self.nominal)
        yield from (("partial", problem) for problem in self.partial)
        yield from ((mode_of(v.group), v) for v in self.variants)


def build_benchmark(
    problems: Sequence[Problem],
    names: Sequence[str] | None = None,
    seeds: int = 5,
    style: Style = "sound",
    judge: Judge | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    plugins: Plugins | None = None,
    total_problems: int | None = None,
) -> Benchmark:
    """Perturb every problem by every perturbation in ``names`` (default: all of the style).

    Random perturbations give ``seeds`` variants, fixed ones a single one. A variant promises that
    it parses, that its reference solution passes its own test, and that it says truly whether its
    prompt changed. One that breaks a promise is rejected in style sound; in style release it stays,
    and is counted. ``judge`` runs the reference solutions, e.g. ``Sandbox.judge`` of an open
    sandbox; without one nothing is run, and whether they pass is not verified.

    A perturbation whose plug-in is not in ``plugins`` is skipped and named in
    ``metadata["skipped"]``. With a judge, a problem that can measure nothing (``verification``) is
    left out, for every model alike; ``left_out`` says why. ``on_progress(done, total)`` counts
    variants. ``total_problems`` is the size of the set that ``problems`` are a part of. Raises
    ConfigError for an unknown name or style.
    """
    asked = names_of(style) if names is None else tuple(dict.fromkeys(names))
    check_names(asked, style)
    skipped = {name: why for name in asked if (why := why_not(name, style, plugins))}
    chosen = [name for name in asked if name not in skipped]
    left_out = verify(problems, judge) if judge else {}
    # published rows share a random generator, which has to meet the others too
    made, rejected = _perturbed(problems, chosen, seeds, style, plugins)
    problems = [problem for problem in problems if problem.task_id not in left_out]
    made = [variant for variant in made if variant.task_id not in left_out]
    rejected = [row for row in rejected if row.task_id not in left_out]
    faults: dict[int, Fault] = {}
    for number, fault in _broken_promises(made, judge):
        faults[number] = fault
        if on_progress:
            on_progress(len(faults), len(made))
    judged = [(variant, faults[number]) for number, variant in enumerate(made)]
    variants = [v for v, fault in judged if style == "release" or not fault.reason]
    if style == "sound":
        rejected += [_rejected(v, fault.reason) for v, fault in judged if fault.reason]
    metadata = {
        "style": style,
        "seeds": seeds,
        "perturbations": chosen,
        "skipped": skipped,
        "verified": judge is not None,
        "total_problems": total_problems or len(problems) + len(left_out),
        "left_out": {task_id: asdict(row) for task_id, row in left_out.items()},
        "python": platform.python_version(),
        "tagger": TAGGER,
        "counts": _counts(chosen, judged, rejected, judge is not None),
    }
    return Benchmark(
        nominal=tuple(problems),
        partial=tuple(_partial_or_same(problem, style) for problem in problems),
        variants=tuple(variants),
        rejected=tuple(rejected),
        metadata=metadata,
    )


def _perturbed(
    problems: Sequence[Problem],
    names: Sequence[str],
    seeds: int,
    style: Style,
    plugins: Plugins | None,
) -> tuple[list[Variant], list[Rejected]]:
    """The variants, sorted by name, then seed, then problem; and those that could not be made.

    They are made problem by problem, so that a program is parsed once for all its variants. Each
    (name, seed) has a random generator of its own, which meets the problems in their order.
    """
    files = [(n, seed) for n in names for seed in range(seeds if PERTURBATIONS[n].random else 1)]
    made: dict[tuple[str, int], list[Variant]] = {file: [] for file in files}
    rejected: dict[tuple[str, int], list[Rejected]] = {file: [] for file in files}
    generators = {file: file_random(file[1]) for file in files}
    for problem in problems:
        for name, seed in files:
            try:
                variant = perturb(problem, name, seed, style, plugins=plugins,
                                  random=generators[name, seed])  # fmt: skip
                made[name, seed].append(variant)
            except DataError as error:
                group = PERTURBATIONS[name].group
                rejected[name, seed].append(
                    Rejected(task_id=problem.task_id, perturbation=name, group=group, seed=seed,
                             reason=str(error))
                )  # fmt: skip
    return [v for rows in made.values() for v in rows], [
        r for rows in rejected.values() for r in rows
    ]


def _rejected(variant: Variant, reason: str) -> Rejected:
    kept = {f.name: getattr(variant, f.name) for f in fields(Rejected) if f.name != "reason"}
    return Rejected(**kept, reason=reason)


def _partial_or_same(problem: Problem, style: Style) -> Problem:
    try:
        return nominal_of(problem, "partial", style)
    except DataError:  # not Python: no variants either, and those are counted as rejected
        return problem


def _broken_promises(
    variants: Sequence[Variant], judge: Judge | None
) -> Iterator[tuple[int, Fault]]:
    """The number of each variant, in any order, with the promise that it breaks.

    Without a judge, only parsing is checked. Of programs that do the same one is run.
    """
    alike: dict[Hashable, list[int]] = defaultdict(list)
    for number, variant in enumerate(variants):
        try:
            does = behaviour(variant.prompt + variant.canonical_solution, variant.test)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = f"does not parse: {type(error).__name__}: {error}"
            yield number, Fault(reason, parsed=False, passed=False)
            continue
        alike[does, variant.test, variant.entry_point].append(number)
    if judge is None:
        for number in chain.from_iterable(alike.values()):
            yield number, Fault("", parsed=True, passed=False)
        return
    groups = list(alike.values())
    for key, verdict in judge(enumerate(reference(variants[group[0]]) for group in groups)):
        for number in groups[key]:
            reason = _fault(verdict)
            yield number, Fault(reason, parsed=True, passed=not reason)


def _fault(verdict: Verdict) -> str:
    if verdict.status == "passed":
        return ""
    return f"the perturbed reference solution {verdict.status}: {verdict.detail}"


def _counts(
    names: Sequence[str],
    faults: Sequence[tuple[Variant, Fault]],
    rejected: Sequence[Rejected],
    verified: bool,
) -> dict[str, dict[str, int | None]]:
    """Counts by perturbation: ``rows`` made; how many of these are unchanged, repeat another row,
    parse, and pass with the reference solution (None when nothing was run); and how many were
    rejected or could not be made."""
    rows = Counter(variant.perturbation for variant, _ in faults)
    unchanged = Counter(variant.perturbation for variant, _ in faults if not variant.changed)
    parsed = Counter(variant.perturbation for variant, fault in faults if fault.parsed)
    passed = Counter(variant.perturbation for variant, fault in faults if fault.passed)
    lost = Counter(row.perturbation for row in rejected)
    distinct = Counter(
        name for name, _, _ in {(v.perturbation, v.task_id, v.prompt) for v, _ in faults}
    )
    return {
        name: {
            "rows": rows[name],
            "unchanged": unchanged[name],
            "repeated": rows[name] - distinct[name],
            "parsed": parsed[name],
            "passed": passed[name] if verified else None,
            "rejected": lost[name],
        }
        for name in names
    }
