from pathlib import Path

import pytest

from steadycode.generation import decoding, ways
from steadycode.models import LanguageModel, load


@pytest.fixture(autouse=True)
def _the_fastest_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not tried out first: tests here count forward passes. ``tests/models`` tries it."""
    monkeypatch.setattr(decoding, "way_of", lambda model, device: ways.ways(model, device)[0])


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> LanguageModel:
    return load(tiny_folder, "float32")


@pytest.fixture(scope="session")
def tiny_bf16(tiny_folder: Path) -> LanguageModel:
    return load(tiny_folder, "bfloat16")
