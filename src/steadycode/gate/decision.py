"""What was decided about a candidate, on which figures: data, so that it can be checked later."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from steadycode.errors import EvidenceError
from steadycode.evidence import Evidence
from steadycode.files import sha256_json
from steadycode.records import as_record, parse_record, read_record, write_record

SCHEMA = 1
_REMEDY = "decide again"
RuleOutcome = Literal["pass", "fail", "undecided"]
Outcome = Literal["promote", "reject", "undecided", "pending", "bootstrap", "override"]
PROMOTING: frozenset[Outcome] = frozenset({"promote", "bootstrap", "override"})
"""The outcomes that make the candidate champion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One comparison and its figures. ``value`` is candidate minus champion, with its interval.

    Figures are None where the rule has none (a missing measurement, a rule about facts).
    """

    name: str
    outcome: RuleOutcome
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    """The worst difference that the policy allows."""
    n: int = 0
    """Problems, or documents, that were compared."""
    champion: float | None = None
    candidate: float | None = None
    higher_is_better: bool = True
    needed: int | None = None
    """About how many problems, or documents, would settle an undecided rule."""

    def __post_init__(self) -> None:
        for name in ("value", "low", "high", "champion", "candidate"):
            figure = getattr(self, name)
            if figure is not None and not math.isfinite(figure):
                object.__setattr__(self, name, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRef:
    """Which model's evidence: the model's fingerprint and the hash of all that was measured."""

    fingerprint: str
    sha256: str

    @classmethod
    def of(cls, evidence: Evidence) -> "EvidenceRef":
        return cls(fingerprint=evidence.model_fingerprint, sha256=sha256_json(asdict(evidence)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    candidate: EvidenceRef
    champion: EvidenceRef | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Equal inputs give equal bytes: when it was taken is known to the registry, not to it."""

    outcome: Outcome
    reason: str
    rules: tuple[Rule, ...]
    evidence: Compared
    retraining: str
    attempt: int
    next_steps: tuple[str, ...] = ()
    """What would settle an undecided one: settings to run again with, or advice."""
    policy: Mapping[str, Any] = field(default_factory=dict)
    data_dirty: bool = False
    reviewer: str = ""
    """Who approved, overrode or rolled back; empty when the policy alone decided."""

    @property
    def promotes(self) -> bool:
        return self.outcome in PROMOTING

    def by(self, reviewer: str, outcome: Outcome, reason: str) -> "Decision":
        """The same evidence, decided by a person. Raises EvidenceError without name or reason."""
        if not reviewer.strip() or not reason.strip():
            raise EvidenceError("a decision by a person needs a reviewer's name and a reason")
        return replace(self, outcome=outcome, reviewer=reviewer.strip(), reason=reason.strip())

    def to_json(self) -> dict[str, Any]:
        return as_record(self, SCHEMA)

    @classmethod
    def parse(cls, text: str, where: str) -> "Decision":
        """The decision in a text that lies ``where``.

        Raises EvidenceError when it is damaged or of another version.
        """
        return parse_record(text, cls, SCHEMA, where, EvidenceError, _REMEDY)

    def write(self, path: Path) -> None:
        write_record(path, self, SCHEMA)

    @classmethod
    def read(cls, path: Path) -> "Decision":
        return read_record(path, cls, SCHEMA, EvidenceError, _REMEDY)
