from pathlib import Path

import pytest

from steadycode.config import load_config
from steadycode.errors import ModelError
from steadycode.project import Project
from steadycode.retraining.evaluation import evaluate_alone


def test_an_unknown_model_is_named_with_the_choices(repository: Path) -> None:
    with pytest.raises(ModelError, match=r"no model 'no such model'.*hub id"):
        evaluate_alone(Project(repository), "no such model", load_config("smoke"))
