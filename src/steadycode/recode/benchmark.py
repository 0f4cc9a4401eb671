"""Builds, checks and hashes a benchmark: nominal problems and their variants."""

import platform
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from itertools import chain
from typing import Any

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
from steadycode.sandbox.contract import Judge, Verdict


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
    def unperturbed(self) -> "Benchmark":
        """The problems alone, by their full prompts, as public sets of answers answer them."""
        metadata = {**self.metadata, "perturbations": []}
        return replace(self, partial=(), variants=(), rejected=(), metadata=metadata)

    @property
    def tasks(self) -> dict[str, str]:
        """The nominal prompts by the names of their problems."""
        return {problem.task_id: problem.prompt for problem in self.nominal}

    @property
    def summary(self) -> str:
        unchanged = sum(not variant.changed for variant in self.variants)
        return (
            f"{len(self.nominal)} problems, {len(self.variants)} variants"
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
) -> Benchmark:
    """Perturb every problem by every perturbation in ``names`` (default: all of the style).

    Random perturbations give ``seeds`` variants, fixed ones a single one. A variant promises that
    it parses, that its reference solution passes its own test, and that it says truly whether its
    prompt changed. One that breaks a promise is rejected in style sound; in style release it stays,
    and is counted. ``judge`` runs the reference solutions, e.g. ``Sandbox.judge`` of an open
    sandbox; without one nothing is run, and whether they pass is not verified.

    A perturbation whose plug-in is not in ``plugins`` is skipped and named in
    ``metadata["skipped"]``. ``metadata["failing_references"]`` says, by task, why a problem's own
    solution fails; a problem whose test the judge cannot run is left out, for every model alike,
    and ``metadata["unsupported"]`` says why. ``on_progress(done, total)`` counts variants. Raises
    ConfigError for an unknown name or style.
    """
    asked = names_of(style) if names is None else tuple(dict.fromkeys(names))
    check_names(asked, style)
    skipped = {name: why for name in asked if (why := why_not(name, style, plugins))}
    chosen = [name for name in asked if name not in skipped]
    failing = _failing(problems, judge) if judge else {}
    unsupported = {
        task_id: failing.pop(task_id).detail
        for task_id, verdict in list(failing.items())
        if verdict.status == "unsupported"
    }
    problems = [problem for problem in problems if problem.task_id not in unsupported]
    made, rejected = _perturbed(problems, chosen, seeds, style, plugins)
    faults: dict[int, Fault] = {}
    for number, fault in _broken_promises(made, failing, judge):
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
        "failing_references": {
            task_id: verdict.detail or verdict.status for task_id, verdict in failing.items()
        },
        "unsupported": unsupported,
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


def _failing(problems: Sequence[Problem], judge: Judge) -> dict[str, Verdict]:
    """Task -> the verdict on its own reference solution, for each task where that fails."""
    verdicts = dict(judge(enumerate(map(reference, problems))))
    return {
        problem.task_id: verdicts[number]
        for number, problem in enumerate(problems)
        if verdicts[number].status != "passed"
    }


def _broken_promises(
    variants: Sequence[Variant], failing: Mapping[str, Verdict], judge: Judge | None
) -> Iterator[tuple[int, Fault]]:
    """The number of each variant, in any order, with the promise that it breaks.

    Without a judge, only parsing is checked. Of programs that do the same one is run. The reason
    says whether the perturbation broke the reference solution or the unperturbed one fails too.
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
            reason = _fault(verdict, failing.get(variants[number].task_id))
            yield number, Fault(reason, parsed=True, passed=not reason)


def _fault(verdict: Verdict, nominal: Verdict | None) -> str:
    if verdict.status == "passed":
        return ""
    if nominal:
        return f"the problem's own reference solution {nominal.status}: {nominal.detail}"
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
