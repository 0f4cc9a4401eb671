"""What a retraining starts from."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from steadycode.config import Config, load_config
from steadycode.files import write_json
from steadycode.gate.decision import Compared, Decision, EvidenceRef
from steadycode.models import fingerprint
from steadycode.project import Project
from steadycode.registry import promotion, versions
from steadycode.registry.store import Store, open_store
from steadycode.retraining.preflight import start_of


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Project(tmp_path)


def model(folder: Path, seed: int) -> Path:
    folder.mkdir()
    weights = np.random.default_rng(seed).random((10, 10), dtype=np.float32)
    save_file({"weight": weights}, folder / "model.safetensors")
    write_json(folder / "config.json", {"model_type": "llama"})
    write_json(folder / "tokenizer.json", {"version": "1.0"})
    return folder


def register(store: Store, name: str, folder: Path) -> versions.RegisteredVersion:
    run = store.client.create_run(store.experiment_id).info.run_id
    tags = {"steadycode.retraining": "abc", "steadycode.attempt": "1", "data.dirty": "false"}
    return versions.register(store, name, folder, run, tags)


def promoting(candidate: versions.RegisteredVersion, champion: Path) -> Decision:
    return Decision(
        outcome="promote",
        reason="it is better",
        rules=(),
        evidence=Compared(
            candidate=EvidenceRef(fingerprint=candidate.fingerprint, sha256="c" * 64),
            champion=EvidenceRef(fingerprint=fingerprint(champion), sha256="b" * 64),
        ),
        retraining=candidate.retraining,
        attempt=candidate.attempt,
    )


def test_start_is_the_base_or_the_champion_of_the_day(project: Project, tmp_path: Path) -> None:
    base, better = model(tmp_path / "base", 1), model(tmp_path / "better", 2)
    from_base = load_config("smoke")
    from_champion = load_config("smoke", ["model.start=champion"])
    name = from_base.model.registered_name
    store = open_store(project, from_base.experiment)

    def start(config: Config) -> str:
        spec = start_of(config, store)
        folder = base if spec == config.model.base else versions.fetch(store, spec)
        return fingerprint(folder)

    assert start_of(from_champion, store) == from_champion.model.base  # no champion yet
    promotion.bootstrap(store, name, base)
    assert start(from_champion) == fingerprint(base)
    candidate = register(store, name, better)
    assert start(from_champion) == fingerprint(base)
    promotion.apply(store, name, promoting(candidate, base))
    assert start(from_champion) == fingerprint(better)
    assert start(from_base) == fingerprint(base)
