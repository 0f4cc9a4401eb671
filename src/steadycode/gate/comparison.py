"""Compares candidate and champion on the same problems or documents, for the rules of a gate."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean

from steadycode.errors import EvidenceError
from steadycode.evidence import Evidence
from steadycode.gate.intervals import Interval, bootstrap, tango, weighted_mean
from steadycode.measures.losses import DocumentLoss
from steadycode.randomness import derive_seed
from steadycode.recode.report import Report

Passes = Mapping[str, tuple[bool, ...]]
"""Whether each sample passed, by task_id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    name: str
    n: int
    """The number of problems or documents."""
    champion: float
    candidate: float
    higher_is_better: bool
    interval: Callable[[float], Interval]
    """Takes a confidence and returns the interval of candidate minus champion; only for n > 0."""
    discordant: tuple[int, int] | None = None
    """How many problems only the candidate passes, and only the champion; None when a problem
    has several samples."""
    why_not: str = ""
    """Why the two figures must not be compared; ``n`` is then 0."""

    @property
    def units(self) -> str:
        """What ``n`` counts."""
        return "problems" if self.higher_is_better else "documents"

    def amount(self, size: float) -> str:
        """A difference of this measure with its unit, as a person says it."""
        if self.higher_is_better:
            return f"{size * 100:.1f} points"
        return f"{size:.3f} nats per token"

    def gain(self, confidence: float) -> Interval:
        """The interval with its sign turned so that positive is better."""
        change = self.interval(confidence)
        if self.higher_is_better:
            return change
        return Interval(-change.value, -change.high, -change.low)


def compare(name: str, candidate: Evidence, champion: Evidence) -> Comparison:
    """Compare by the measure of the rule ``name``, one of ``policy.MEASURES``.

    Raises EvidenceError when the two were not measured on the same problems or documents.
    """
    if name == "loss" and candidate.tokenizer != champion.tokenizer:
        return _of_other_tokens(name)
    if name == "loss":
        return compare_losses(name, candidate.heldout, champion.heldout)
    mine, theirs = _passes(name, candidate.report), _passes(name, champion.report)
    return compare_passes(name, mine, theirs)


def compare_passes(name: str, candidate: Passes, champion: Passes) -> Comparison:
    """Compare pass rates, every problem weighing the same however many samples it has."""
    _same_units(name, candidate.keys(), champion.keys(), "problems")
    for task_id, passed in candidate.items():
        if len(passed) != len(champion[task_id]):
            raise EvidenceError(
                f"{name}: {task_id} has {len(passed)} samples for the candidate and "
                f"{len(champion[task_id])} for the champion; evaluate both alike"
            )
    n = len(candidate)
    mine = [fmean(candidate[task_id]) for task_id in sorted(candidate)]
    theirs = [fmean(champion[task_id]) for task_id in sorted(candidate)]
    differences = [a - b for a, b in zip(mine, theirs, strict=True)]

    single = all(len(passed) == 1 for passed in candidate.values())
    discordant = (differences.count(1), differences.count(-1)) if single else None

    def interval(confidence: float) -> Interval:
        if discordant is not None:
            return tango(*discordant, n, confidence)
        return bootstrap(differences, confidence, derive_seed(0, "gate", name))

    return Comparison(
        name=name,
        n=n,
        champion=fmean(theirs) if n else math.nan,
        candidate=fmean(mine) if n else math.nan,
        higher_is_better=True,
        interval=interval,
        discordant=discordant,
    )


def compare_losses(
    name: str, candidate: Mapping[str, DocumentLoss], champion: Mapping[str, DocumentLoss]
) -> Comparison:
    """Compare losses in nats per token, weighting documents by their tokens."""
    _same_units(name, candidate.keys(), champion.keys(), "held-out documents")
    documents = sorted(candidate)
    weights = [float(candidate[document].tokens) for document in documents]
    if weights != [float(champion[document].tokens) for document in documents]:
        raise EvidenceError(
            f"{name}: candidate and champion have different tokenizers, so their losses cannot be "
            "compared; give the new model a model.registered_name of its own"
        )
    mine = [candidate[document].loss for document in documents]
    theirs = [champion[document].loss for document in documents]
    differences = [a - b for a, b in zip(mine, theirs, strict=True)]
    total = sum(weights)

    def mean(losses: list[float]) -> float:
        return sum(a * w for a, w in zip(losses, weights, strict=True)) / total

    return Comparison(
        name=name,
        n=len(documents),
        champion=mean(theirs) if total else math.nan,
        candidate=mean(mine) if total else math.nan,
        higher_is_better=False,
        interval=lambda confidence: weighted_mean(differences, weights, confidence),
    )


def _of_other_tokens(name: str) -> Comparison:
    """What is left of a comparison of losses under different tokenizers: nothing.

    A loss per token depends on how long the tokens are. Nor does a loss per byte help: a document
    that is cut after so many tokens is not the same text for both, and of a whole one the first
    token, which nothing predicts, is not.
    """
    return Comparison(
        name=name,
        n=0,
        champion=math.nan,
        candidate=math.nan,
        higher_is_better=False,
        interval=lambda confidence: weighted_mean([], [], confidence),
        why_not="candidate and champion have different tokenizers, so their losses per token cannot"
        " be compared; give the new model a model.registered_name of its own",
    )


def _passes(name: str, report: Report) -> Passes:
    kind, _, rest = name.partition("/")
    if kind == "correctness":
        return report.nominal("full" if rest == "full" else "partial")
    return report.robust(rest or None)


def _same_units(name: str, mine: object, theirs: object, what: str) -> None:
    if mine != theirs:
        raise EvidenceError(
            f"{name}: candidate and champion were measured on different {what}; evaluate both again"
        )
