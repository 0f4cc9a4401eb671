"""What was decided about a candidate, and on which figures, as data that can be checked later."""

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
    """One rule's outcome and figures; ``value`` is candidate minus champion, with its interval.

    A figure is None when the rule has none (it is about facts, or a measurement is missing) and
    when it is not finite.
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
    """How many problems or documents were compared."""
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
    """Names evidence by the model's fingerprint and the hash of all that was measured."""

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
    """What was decided, why, and on which evidence. It holds no time, so that equal inputs give
    equal bytes; the registry knows when it was made."""

    outcome: Outcome
    reason: str
    rules: tuple[Rule, ...]
    evidence: Compared
    retraining: str
    attempt: int
    next_steps: tuple[str, ...] = ()
    """What would settle an undecided decision: settings to run again with, or advice."""
    policy: Mapping[str, Any] = field(default_factory=dict)
    data_dirty: bool = False
    reviewer: str = ""
    """Who approved, overrode or rolled back; empty when the policy alone decided."""

    @property
    def promotes(self) -> bool:
        return self.outcome in PROMOTING

    def by(self, reviewer: str, outcome: Outcome, reason: str) -> "Decision":
        """This decision with a person's outcome and reason in place of the policy's. Raises
        EvidenceError when the person's name or the reason is empty."""
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
        """Read what ``write`` wrote. Raises EvidenceError when that cannot be done."""
        return read_record(path, cls, SCHEMA, EvidenceError, _REMEDY)
