"""What was decided about a candidate, on which figures: data, so that it can be checked later."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from steadycode.errors import EvidenceError
from steadycode.evidence import Evidence
from steadycode.files import read_json, sha256_json, write_json

SCHEMA = 1
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
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Decision":
        """Raises EvidenceError when ``row`` is damaged or of another version."""
        try:
            given = dict(row)
            if given.pop("schema") != SCHEMA:
                raise EvidenceError("the decision has another schema version; decide again")
            if given["outcome"] not in get_args(Outcome):
                raise EvidenceError(f"the decision's outcome {given['outcome']!r} is unknown")
            compared = given["evidence"]
            champion = compared["champion"]
            given["evidence"] = Compared(
                candidate=EvidenceRef(**compared["candidate"]),
                champion=EvidenceRef(**champion) if champion else None,
            )
            given["next_steps"] = tuple(given["next_steps"])
            given["rules"] = tuple(Rule(**rule) for rule in given["rules"])
            return cls(**given)
        except (KeyError, TypeError, AttributeError) as error:
            raise EvidenceError(f"the decision is damaged ({error!r}); decide again") from error

    def write(self, path: Path) -> None:
        write_json(path, self.to_json())

    @classmethod
    def read(cls, path: Path) -> "Decision":
        try:
            return cls.from_json(read_json(path))
        except (OSError, ValueError) as error:
            raise EvidenceError(f"{path} is not readable as a decision ({error})") from error
