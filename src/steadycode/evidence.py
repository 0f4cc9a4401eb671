"""All that a gate may look at for one model, and the conditions under which it was obtained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from steadycode.errors import EvidenceError
from steadycode.measures.losses import DocumentLoss, mean_loss
from steadycode.recode.report import Report
from steadycode.records import Measured, read_record, write_record

SCHEMA = 1
EVIDENCE = "evidence.json"
"""Its file in the folder of the evaluation that made it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Evidence is compared only when all of these are equal (see ``differences``)."""

    benchmark: str
    """The content hash of problems and variants."""
    heldout: str
    """The hash of the held-out documents and of the number of tokens after which each is cut."""
    harness: str
    """The hash of the sources that decide what an evaluation says."""
    decoding: Mapping[str, Any]
    dtype: str
    engine: str
    """Name and version of the completion engine and the libraries below it."""
    device: str
    """The kind of GPU, or a CPU's threads and instructions (``models.device_class``)."""
    limits: Mapping[str, Any]
    chat_template: str = ""
    """The hash of the template by which prompts became chats; empty in style completion."""

    def differences(self, other: "Conditions") -> list[str]:
        """A phrase for each condition that differs, which names both values."""
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
    """Each held-out document's loss per token, by the sha256 of the document."""
    representation: Mapping[str, Measured]
    """The figures that ``measures.representation`` defines, by name; NaN when too few tokens were
    measured."""
    cost: Mapping[str, float] = field(default_factory=dict)
    """What the evaluation took: wall_seconds, peak_memory_mb, generated_tokens, ..."""
    tokenizer: str = ""
    """The fingerprint of the model's tokenizer (``models.tokens``), in whose tokens the losses are;
    empty when there are none."""

    @property
    def heldout_loss(self) -> float:
        """The mean over all predicted tokens of the held-out documents, in nats per token."""
        return mean_loss(self.heldout)

    def write(self, path: Path) -> None:
        write_record(path, self, SCHEMA)

    @classmethod
    def read(cls, path: Path) -> "Evidence":
        """Read what ``write`` wrote. Raises EvidenceError when the file is missing, damaged or of
        another version."""
        return read_record(path, cls, SCHEMA, EvidenceError, "evaluate again")
