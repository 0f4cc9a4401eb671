from pathlib import Path

import pytest
from pydantic import ValidationError

from steadycode.config import Config, load_config, read_yaml
from steadycode.errors import ConfigError
from steadycode.gate.policy import load_policy
from steadycode.project import find_project

PROFILES = {  # and the longest sequence that the model reads
    "quick": 8192,
    "smoke": 2048,
    "smollm2-135m": 8192,
    "codegen-350m": 2048,
    "gpt2-wikitext": 1024,
    "qwen2.5-coder-0.5b": 32768,
}


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_is_valid(name: str) -> None:
    config = load_config(name)
    assert config.profile == name
    assert config.train.sequence_length <= PROFILES[name]
    assert config.train.warmup_steps < config.train.steps
    policy = load_policy(find_project(), config.gate)
    asked = config.evaluate.max_problems
    assert asked is None or asked >= policy.min_problems or name == "smoke"


def test_no_profile_is_left_out(repository: Path) -> None:
    found = {p.stem for p in (repository / "configs").glob("*.yaml") if "model" in read_yaml(p)}
    assert found == set(PROFILES)


def test_overrides_lie_over_the_profile() -> None:
    config = load_config("smoke", ["train.steps=7", "train.learning_rate=5e-5", "model.base=org/x"])
    assert (config.train.steps, config.train.learning_rate, config.model.base) == (7, 5e-5, "org/x")
    assert config.train.batch_size == load_config("smoke").train.batch_size


def test_null_lifts_a_bound() -> None:
    assert load_config("quick", ["evaluate.max_problems=null"]).evaluate.max_problems is None


def test_python_and_the_command_line_build_the_same_config() -> None:
    assert Config(profile="smoke", train={"steps": 7}) == load_config("smoke", ["train.steps=7"])


def test_a_config_survives_its_own_json() -> None:
    config = load_config("quick", ["train.steps=7"])
    assert Config.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("train.steps=0", "train.steps"),
        ("train.stepz=3", "train.stepz"),
        ("train.mode=banana", "train.mode"),
        ("train.steps", "section.key=value"),
        ("train..steps=3", "section.key=value"),
        ("seed=[1", "not YAML"),
    ],
)
def test_nonsense_is_named_in_one_line(override: str, named: str) -> None:
    with pytest.raises(ConfigError) as fault:
        load_config("quick", [override])
    assert named in str(fault.value)
    assert "\n" not in str(fault.value)


def test_an_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no profile 'nope'.*quick"):
        load_config("nope")


def test_a_form_can_be_made_of_it() -> None:
    """Prefect shows parameters as a form from this schema."""
    schema = Config.model_json_schema()
    assert schema["$defs"]["TrainConfig"]["properties"]["steps"]["minimum"] == 1
    with pytest.raises(ValidationError):
        Config(profile="quick", train={"steps": -1})


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("train.dropout=0", "train: dropout is 0, so the two views .* set train.dropout=0.1, or"),
        ("train.dropuot=0.2", r"train.dropuot: there is no such key \(given as 0.2\)"),
        ("train.dropout=1", r"train.dropout: input should be less than 1 \(got 1\)"),
    ],
)
def test_a_fault_is_one_line_that_names_the_key(override: str, line: str) -> None:
    with pytest.raises(ConfigError, match=f"profile 'quick': {line}"):
        load_config("quick", [override])


def test_without_contrastive_terms_no_dropout_is_needed() -> None:
    assert load_config("quick", ["train.dropout=0", "train.mode=mle"]).train.dropout == 0
