"""What a person submits is what runs: a form's untouched fields change nothing."""

import json

import jsonschema
import pytest
from pydantic import ValidationError

from steadycode.config import load_config, profile_names
from steadycode.errors import ModelError, SteadycodeError
from steadycode.retraining.submission import Submission

FORM = jsonschema.Draft202012Validator(Submission.model_json_schema())
"""As Prefect's server checks what a form posts."""


@pytest.mark.parametrize("profile", profile_names())
def test_an_untouched_form_runs_the_profile_and_nothing_else(profile: str) -> None:
    shown = Submission(profile=profile).model_dump(mode="json")
    assert shown == {"profile": profile, "overrides": []}
    assert Submission.model_validate(shown).resolved() == load_config(profile)


def test_a_changed_field_is_an_override_and_stands_in_the_name() -> None:
    submission = Submission(profile="quick", overrides=("train.steps=80", "seed = 3"))
    assert submission.resolved() == load_config("quick", ["train.steps=80", "seed=3"])
    assert submission.label == "quick train.steps=80 seed = 3"


def test_profiles_are_a_choice_and_every_field_has_a_help() -> None:
    properties = Submission.model_json_schema()["properties"]
    assert properties["profile"]["enum"] == profile_names()
    assert properties["overrides"]["items"].keys() == {"type", "allOf"}
    assert all(field["description"] for field in properties.values())


@pytest.mark.parametrize(
    ("profile", "override", "message"),
    [
        ("quikc", "seed=1", "did you mean quick?"),
        ("quick", "trian.steps=80", "did you mean train.steps?"),
        ("quick", "gate=gaet", "did you mean gate?"),
        ("quick", "evaluate.perturbations=[new_linse]", "did you mean new_lines?"),
        ("quick", "model.base=smollm2-135m-instuct", "did you mean smollm2-135m-instruct?"),
        ("quick", "model.base=models:/steadycode", "is not models:/NAME@ALIAS"),
        ("quick", "train.mode=bth", "input should be 'mle', 'token', 'sequence' or 'both'"),
        ("quick", "profile=smoke", "a profile is chosen by itself"),
    ],
)
def test_a_slip_is_told_in_one_line_with_the_nearest_name(
    profile: str, override: str, message: str
) -> None:
    with pytest.raises(SteadycodeError) as fault:
        Submission(profile=profile, overrides=(override,))
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)


def test_what_the_registry_and_the_hub_hold_is_not_asked_here() -> None:
    for spec in ("models:/steadycode@champion", "org/name"):
        assert Submission(overrides=(f"model.base={spec}",)).resolved().model.base == spec
    with pytest.raises(ModelError, match="no model ''"):
        Submission(overrides=("model.base=''",))


def test_settings_have_one_place() -> None:
    with pytest.raises(ValidationError, match="train"):
        Submission.model_validate({"profile": "quick", "train": {"steps": 3}})


@pytest.mark.parametrize(
    ("override", "fits"),
    [
        ("train.steps=80", True),
        (" train.steps = 80", True),
        ("train={steps: 3}", True),
        ("train.lora=null", True),
        ("train.lora.rank=8", True),
        ("evaluate.decoding.style='chat'", True),
        ("evaluate.perturbations=[]", True),
        ("evaluate.perturbations=[all]", True),
        ("evaluate.perturbations=[BackTranslation, 'ForWhileTransformer']", True),
        ("gate=gate-text", True),
        ("model.base=tiny-random", True),
        ("model.base=org/name", True),
        ("model.base=~/my models/one", True),
        ("model.base=models:/steadycode@champion", True),
        ("problems=humaneval", False),
        ("train.steps", False),
        ("train.steps=", False),
        ("steps=3", False),
        ("train.stepss=3", False),
        ("train.lora.steps=3", False),
        ("profile=smoke", False),
        ("evaluate.decoding.style=chatty", False),
        ("evaluate.perturbations=ForWhile", False),
        ("evaluate.perturbations=[ButterFingers, ForWhilee]", False),
        ("gate=gat", False),
        ("model.base=tiny", False),
    ],
)
def test_the_forms_schema_tells_a_setting_from_a_misspelt_one(override: str, fits: bool) -> None:
    assert FORM.is_valid({"overrides": [override]}) == fits


@pytest.mark.parametrize("profile", profile_names())
def test_the_forms_schema_knows_every_setting_of_the_profiles(profile: str) -> None:
    settings = load_config(profile).model_dump(mode="json", exclude={"profile"})
    for section, value in settings.items():
        inside = value.items() if isinstance(value, dict) else {}.items()
        for key, part in [(section, value), *((f"{section}.{name}", v) for name, v in inside)]:
            FORM.validate({"overrides": [f"{key}={json.dumps(part)}"]})
