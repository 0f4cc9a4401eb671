"""Nominal problems and their variants: built, checked, and hashed."""

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

from steadycode.errors import DataError
from steadycode.files import sha256_json
from steadycode.problems import Problem
from steadycode.recode.perturbations import PERTURBATIONS, check_names, perturb
from steadycode.recode.source import partial
from steadycode.recode.variant import Group, Mode, Style, Variant
from steadycode.sandbox import Program, Sandbox, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A variant that broke a promise, and which: it is not in the benchmark."""

    task_id: str
    perturbation: str
    group: Group
    seed: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """``partial`` is parallel to ``nominal``; a problem without a half appears there unchanged.

    ``metadata`` tells how it was made (style, seeds, perturbations, counts) and is not part of
    the content hash.
    """

    nominal: tuple[Problem, ...]
    partial: tuple[Problem, ...]
    variants: tuple[Variant, ...]
    rejected: tuple[Rejected, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def content_hash(self) -> str:
        """sha256 over problems and variants, in their order."""
        return sha256_json([[asdict(row) for row in part]
                            for part in (self.nominal, self.partial, self.variants)])  # fmt: skip

    @property
    def perturbations(self) -> tuple[str, ...]:
        """Names of the perturbations asked for, whether or not a variant of each is left."""
        return tuple(self.metadata.get("perturbations", ())) or tuple(
            dict.fromkeys(variant.perturbation for variant in self.variants)
        )

    @property
    def summary(self) -> str:
        unchanged = sum(not variant.changed for variant in self.variants)
        return (
            f"{len(self.nominal)} problems, {len(self.variants)} variants"
            f" ({unchanged} unchanged, {len(self.rejected)} rejected)"
        )

    def cases(self) -> Iterator[tuple[Mode, Problem]]:
        """Every row to evaluate, with the mode of its prompt: nominal, partial, variants."""
        yield from (("full", problem) for problem in self.nominal)
        yield from (("partial", problem) for problem in self.partial)
        yield from ((PERTURBATIONS[v.perturbation].mode, v) for v in self.variants)


def build_benchmark(
    problems: Sequence[Problem],
    names: Sequence[str] | None = None,
    seeds: int = 1,
    style: Style = "sound",
    verify: bool = True,
    unsafe: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Benchmark:
    """Perturb every problem by every perturbation in ``names`` (default: all there are).

    Random perturbations give ``seeds`` variants, fixed ones a single one. Every variant is
    promised to parse, to pass its own test with its reference solution (``verify``: this is run
    in the sandbox, whose ``unsafe`` it is), and to say whether its prompt changed; one that breaks
    a promise is rejected. ``on_progress(done, total)`` counts variants. Raises ConfigError for an
    unknown name or style.
    """
    chosen = tuple(PERTURBATIONS) if names is None else tuple(dict.fromkeys(names))
    check_names(chosen, style)
    plan = [
        (name, seed, problem)
        for name in chosen
        for seed in range(seeds if PERTURBATIONS[name].random else 1)
        for problem in problems
    ]
    rejected: list[Rejected] = []
    made: list[Variant] = []
    for name, seed, problem in plan:
        try:
            made.append(perturb(problem, name, seed, style))
        except DataError as error:
            group = PERTURBATIONS[name].group
            rejected.append(
                Rejected(task_id=problem.task_id, perturbation=name, group=group, seed=seed,
                         reason=str(error))
            )  # fmt: skip
    variants = []
    for number, (variant, reason) in enumerate(
        _broken_promises(made, problems, verify, unsafe), start=1
    ):
        if reason:
            rejected.append(
                Rejected(**{f.name: getattr(variant, f.name) for f in fields(Rejected)
                            if f.name != "reason"}, reason=reason)
            )  # fmt: skip
        else:
            variants.append(variant)
        if on_progress:
            on_progress(number, len(made))
    metadata = {
        "style": style,
        "seeds": seeds,
        "perturbations": list(chosen),
        "verified": verify,
        "python": platform.python_version(),
        "counts": _counts(chosen, variants, rejected),
    }
    return Benchmark(
        nominal=tuple(problems),
        partial=tuple(_partial_or_same(problem) for problem in problems),
        variants=tuple(variants),
        rejected=tuple(rejected),
        metadata=metadata,
    )


def _partial_or_same(problem: Problem) -> Problem:
    try:
        return partial(problem)
    except DataError:  # not Python: no variants either, and those are counted as rejected
        return problem


def _broken_promises(
    variants: Sequence[Variant], problems: Sequence[Problem], verify: bool, unsafe: bool
) -> Iterator[tuple[Variant, str]]:
    """Each variant with the promise that it breaks, or an empty string.

    A variant whose reference fails as the unperturbed one does is told apart from one that the
    perturbation broke.
    """
    if not verify:
        yield from ((variant, _parse_fault(variant)) for variant in variants)
        return
    with Sandbox(unsafe=unsafe) as sandbox:
        sound = {
            problem.task_id: verdict
            for problem, verdict in zip(
                problems, sandbox.run_all(_reference(p) for p in problems), strict=True
            )
        }
        verdicts = sandbox.run_all(_reference(variant) for variant in variants)
        for variant, verdict in zip(variants, verdicts, strict=True):
            yield variant, _parse_fault(variant) or _fault(verdict, sound[variant.task_id])


def _reference(problem: Problem) -> Program:
    return Program(problem.prompt + problem.canonical_solution, problem.test, problem.entry_point)


def _parse_fault(variant: Variant) -> str:
    try:
        compile(variant.prompt + variant.canonical_solution, "<variant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"does not parse: {type(error).__name__}: {error}"
    return ""


def _fault(verdict: Verdict, nominal: Verdict) -> str:
    if verdict.status == "passed":
        return ""
    if nominal.status != "passed":
        return f"the problem's own reference solution {nominal.status}: {nominal.detail}"
    return f"the perturbed reference solution {verdict.status}: {verdict.detail}"


def _counts(
    names: Sequence[str], variants: Sequence[Variant], rejected: Sequence[Rejected]
) -> dict[str, dict[str, int]]:
    """Per perturbation: kept rows, unchanged among them, repeats among them, rejected."""
    kept = Counter(variant.perturbation for variant in variants)
    unchanged = Counter(variant.perturbation for variant in variants if not variant.changed)
    lost = Counter(row.perturbation for row in rejected)
    distinct = Counter(
        name for name, _, _ in {(v.perturbation, v.task_id, v.prompt) for v in variants}
    )
    return {
        name: {
            "rows": kept[name],
            "unchanged": unchanged[name],
            "repeated": kept[name] - distinct[name],
            "rejected": lost[name],
        }
        for name in names
    }
