"""What makes two retrainings the same one, and which attempt at it comes next.

A retraining's identity is its configuration, its data, our code and its start model. An attempt
without a recorded decision is resumed; when the last one is finished the next gets a seed of its
own, so that it is a new experiment and not a copy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from steadycode.config import Config
from steadycode.files import sha256_json, write_json
from steadycode.identity import code_hash
from steadycode.project import Project
from steadycode.randomness import derive_seed

DECISION = "decision.json"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try at a retraining. ``number`` counts from 1; ``folder`` holds its stages."""

    retraining: str
    number: int
    folder: Path
    seed: int

    @property
    def decision_path(self) -> Path:
        """Written last: the mark of a finished attempt."""
        return self.folder / DECISION


def retraining_id(config: Config, data_md5: str, start_fingerprint: str) -> str:
    identity = {
        "config": config.model_dump(mode="json"),
        "data": data_md5,
        "code": code_hash(),
        "start": start_fingerprint,
    }
    return sha256_json(identity)[:12]


def open_attempt(
    project: Project,
    config: Config,
    retraining: str,
    taken: Callable[[str, int], bool] = lambda retraining, number: False,
) -> Attempt:
    """The unfinished attempt at ``retraining`` in this project, else a new one.

    ``taken`` tells whether the registry already holds an attempt; one of which there is no folder
    here was made elsewhere, or its folder was removed, so its number is passed over.
    """
    number = 1
    while True:
        folder = project.attempt(retraining, number)
        attempt = Attempt(
            retraining=retraining,
            number=number,
            folder=folder,
            seed=derive_seed(config.seed, "attempt", number),
        )
        if folder.exists():
            if not attempt.decision_path.exists():
                return attempt
        elif not taken(retraining, number):
            write_json(folder / "config.json", config.model_dump(mode="json"))
            return attempt
        number += 1
