from pathlib import Path

import pytest

from steadycode.models import LanguageModel, load


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> LanguageModel:
    return load(tiny_folder, "float32")


@pytest.fixture(scope="session")
def tiny_bf16(tiny_folder: Path) -> LanguageModel:
    return load(tiny_folder, "bfloat16")
