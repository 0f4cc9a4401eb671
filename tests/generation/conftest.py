"""The tiny model, built once; and the real one where it has been built."""

from pathlib import Path

import pytest

from steadycode.config import read_yaml
from steadycode.models import LanguageModel, load
from steadycode.models.tiny import save_tiny

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny-random")
    save_tiny(read_yaml(REPOSITORY / "configs" / "base-models.yaml")["tiny-random"], folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> LanguageModel:
    return load(tiny_folder, "float32")
