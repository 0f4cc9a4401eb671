"""All that a gate may look at for one model, and the conditions under which it was got."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from steadycode.errors import EvidenceError
from steadycode.files import number, read_json, write_json
from steadycode.measures.losses import DocumentLoss, mean_loss
from steadycode.recode.report import Report

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Evidence is compared only when all of these are equal (see ``differences``)."""

    benchmark: str
    """Content hash of problems and variants."""
    heldout: str
    """Content hash of the held-out documents and the number of tokens scored in each."""
    harness: str
    """Hash of the sources that evaluate: recode, generation, sandbox."""
    decoding: Mapping[str, Any]
    dtype: str
    engine: str
    """Name and version of the completion engine and the libraries below it."""
    device: str
    limits: Mapping[str, Any]

    def differences(self, other: "Conditions") -> list[str]:
        """One phrase per condition that differs, naming both values."""
        mine, theirs = asdict(self), asdict(other)
        return [
            f"{name}: {mine[name]!r} against {theirs[name]!r}"
            for name in mine
            if mine[name] != theirs[name]
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    model_fingerprint: str
    conditions: Conditions
    report: Report
    heldout: Mapping[str, DocumentLoss]
    """sha256 of the document -> its loss."""
    representation: Mapping[str, float]
    """intra_similarity, inter_similarity, isotropy (definitions: measures.representation); NaN
    where too few tokens were measured."""
    cost: Mapping[str, float] = field(default_factory=dict)
    """wall_seconds, peak_memory_mb, generated_tokens, ..."""

    @property
    def heldout_loss(self) -> float:
        """The mean over all predicted tokens of the held-out documents, in nats per token."""
        return mean_loss(self.heldout)

    def write(self, path: Path) -> None:
        write_json(path, {"schema": SCHEMA, **asdict(self)})

    @classmethod
    def read(cls, path: Path) -> "Evidence":
        """Raises EvidenceError when the file is missing, damaged or of another version."""
        try:
            row = read_json(path)
            if row.pop("schema") != SCHEMA:
                raise EvidenceError(f"{path} has another schema version; evaluate again")
            return cls(
                **{
                    **row,
                    "conditions": Conditions(**row["conditions"]),
                    "report": Report.from_json(row["report"]),
                    "heldout": {k: DocumentLoss.from_json(v) for k, v in row["heldout"].items()},
                    "representation": {k: number(v) for k, v in row["representation"].items()},
                }
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EvidenceError(f"{path} is not readable as evidence ({error})") from error
