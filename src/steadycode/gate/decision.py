"""What was decided about a candidate, and on which figures, as data that can be checked later."""

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
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Decision":
        """Read what ``to_json`` made. Raises EvidenceError when it is damaged or outdated."""
        try:
            fields = dict(row)
            if fields.pop("schema") != SCHEMA:
                raise EvidenceError("the decision has another schema version; decide again")
            if fields["outcome"] not in get_args(Outcome):
                raise EvidenceError(f"the decision's outcome {fields['outcome']!r} is unknown")
            compared = fields["evidence"]
            champion = compared["champion"]
            fields["evidence"] = Compared(
                candidate=EvidenceRef(**compared["candidate"]),
                champion=EvidenceRef(**champion) if champion else None,
            )
            fields["next_steps"] = tuple(fields["next_steps"])
            fields["rules"] = tuple(Rule(**rule) for rule in fields["rules"])
            return cls(**fields)
        except (KeyError, TypeError, AttributeError) as error:
            raise EvidenceError(f"the decision is damaged ({error!r}); decide again") from error

    def write(self, path: Path) -> None:
        write_json(path, self.to_json())

    @classmethod
    def read(cls, path: Path) -> "Decision":
        """Read what ``write`` wrote. Raises EvidenceError when that cannot be done."""
        try:
            return cls.from_json(read_json(path))
        except (OSError, ValueError) as error:
            raise EvidenceError(f"{path} is not readable as a decision ({error})") from error
