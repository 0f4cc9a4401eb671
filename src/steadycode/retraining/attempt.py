"""Identifies a retraining, and finds which attempt at it comes next.

Two retrainings are the same when configuration, data, our code and the start model are. An attempt
without a recorded decision is resumed. After a finished one the next attempt gets a seed of its
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


def is_unfinished(project: Project, retraining: str, number: int) -> bool:
    """Whether an attempt was begun in this project and has no decision there yet."""
    folder = project.attempt(retraining, number)
    return folder.exists() and not (folder / DECISION).exists()


def open_attempt(
    project: Project,
    config: Config,
    retraining: str,
    taken: Callable[[str, int], bool] = lambda retraining, number: False,
) -> Attempt:
    """The unfinished attempt at ``retraining`` in this project, else a new one.

    ``taken`` tells whether the registry already holds an attempt. When it holds one without a
    folder here, that was made elsewhere, or its folder was removed; its number is passed over.
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
