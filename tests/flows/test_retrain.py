"""What Prefect makes of the flows: typed parameters, shown as a form."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def retrain() -> Any:
    from flows.retrain import retrain as flow

    return flow


def test_the_form_shows_a_choice_of_profiles_and_what_is_to_differ(retrain: Any) -> None:
    from prefect.utilities.callables import parameter_schema

    schema = parameter_schema(retrain).model_dump()
    assert set(schema["properties"]) == {"config", "allow_dirty_data"}
    fields = schema["definitions"]["Submission"]["properties"]
    assert set(fields) == {"profile", "overrides"}
    assert "smoke" in fields["profile"]["enum"]


def test_a_deployment_names_a_profile_and_what_it_changes(retrain: Any) -> None:
    given = {"config": {"profile": "smoke", "overrides": ["train.steps=7"]}}
    config = retrain.validate_parameters(given)["config"].resolved()
    assert (config.train.steps, config.model.base) == (7, "tiny-random")


def test_nonsense_from_a_form_is_refused(retrain: Any) -> None:
    from steadycode.errors import ConfigError

    with pytest.raises(ConfigError, match=r"train\.steps: input should be greater"):
        retrain.validate_parameters({"config": {"overrides": ["train.steps=0"]}})


def test_the_deployment_file_points_at_real_flows(retrain: Any, repository: Path) -> None:
    import yaml

    from steadycode.retraining.submission import Submission

    deployments = yaml.safe_load((repository / "prefect.yaml").read_text())["deployments"]
    for deployment in deployments:
        path, _, name = deployment["entrypoint"].partition(":")
        assert f"def {name}(" in (repository / path).read_text()
        assert Submission.model_validate(deployment["parameters"]["config"])
