"""What Prefect makes of the flows: typed parameters, shown as a form."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def retrain() -> Any:
    from flows.retrain import retrain as flow

    return flow


def test_the_form_has_types_bounds_choices_and_help(retrain: Any) -> None:
    from prefect.utilities.callables import parameter_schema

    schema = parameter_schema(retrain).model_dump()
    assert set(schema["properties"]) == {"config", "allow_dirty_data"}
    sections = schema["definitions"]
    assert sections["TrainConfig"]["properties"]["steps"]["minimum"] == 1
    assert sections["TrainConfig"]["properties"]["mode"]["enum"] == [
        "mle", "token", "sequence", "both",
    ]  # fmt: skip
    assert "hub id" in sections["ModelConfig"]["properties"]["base"]["description"]


def test_a_deployment_names_a_profile_and_what_it_changes(retrain: Any) -> None:
    given = {"config": {"profile": "smoke", "train": {"steps": 7}}}
    config = retrain.validate_parameters(given)["config"]
    assert (config.train.steps, config.model.base) == (7, "tiny-random")


def test_nonsense_from_a_form_is_refused(retrain: Any) -> None:
    from prefect.exceptions import ParameterTypeError

    with pytest.raises(ParameterTypeError, match=r"config\.train\.steps"):
        retrain.validate_parameters({"config": {"profile": "smoke", "train": {"steps": 0}}})


def test_the_deployment_file_points_at_real_flows(retrain: Any, repository: Path) -> None:
    import yaml

    from steadycode.config import Config

    deployments = yaml.safe_load((repository / "prefect.yaml").read_text())["deployments"]
    for deployment in deployments:
        path, _, name = deployment["entrypoint"].partition(":")
        assert f"def {name}(" in (repository / path).read_text()
        assert Config.model_validate(deployment["parameters"]["config"])
