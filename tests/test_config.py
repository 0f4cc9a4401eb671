from pathlib import Path

import pytest
from pydantic import ValidationError

from steadycode.config import Config, load_config, profile_names, read_yaml
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


def test_no_profile_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(profile_names()) == set(PROFILES)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "mine.yaml").write_text("train: {steps: 3}")
    (tmp_path / "configs" / "broken.yaml").write_text("train: {")
    monkeypatch.setenv("STEADYCODE_HOME", str(tmp_path))
    assert profile_names() == ["mine"]


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
    with pytest.raises(ConfigError, match=r"no profile 'quikc' .* did you mean quick\?"):
        load_config("quikc")


@pytest.mark.parametrize("name", ["gate", "corpus", "base-models"])
def test_other_files_of_the_folder_are_no_profiles(name: str) -> None:
    assert name not in profile_names()
    with pytest.raises(ConfigError, match=f"no profile '{name}'"):
        load_config(name)


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("train.dropout=0", "train: dropout is 0, so the two views .* set train.dropout=0.1, or"),
        ("train={dropuot: 0.2}", r"train.dropuot: there is no such key \(given as 0.2\); did you"),
        ("train.dropout=1", r"train.dropout: input should be less than 1 \(got 1\)"),
        ("train.batch_size=0", "train.batch_size: input should be greater than or equal to 1"),
        ("train.micro_batch_size=-2", "train.micro_batch_size: input should be greater than or eq"),
        ("evaluate.decoding.samples=5", "evaluate.decoding: 5 samples at temperature 0 are all"),
    ],
)
def test_a_fault_is_one_line_that_names_the_key(override: str, line: str) -> None:
    with pytest.raises(ConfigError, match=f"profile 'quick': {line}"):
        load_config("quick", [override])


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("train.stepz=3", "did you mean steps?"),
        ("trian.steps=3", "did you mean train.steps?"),
        ("steps=3", "did you mean train.steps?"),
        ("gaet=gate", "did you mean gate?"),
        ("train.lora.rnk=8", "did you mean rank? there are: rank, alpha, dropout"),
        ("xyzzy.q=1", "there are: profile, seed, experiment, model, data, train, evaluate,"),
    ],
)
def test_a_misspelt_key_is_told_with_the_nearest_one(override: str, hint: str) -> None:
    with pytest.raises(ConfigError) as fault:
        load_config("quick", [override])
    assert f"setting '{override}': there is no such key; {hint}" in str(fault.value)


def test_no_setting_puts_another_profile_under_the_name_of_the_first() -> None:
    with pytest.raises(ConfigError, match="a profile is chosen by itself"):
        load_config("quick", ["profile=smoke"])


@pytest.mark.parametrize(
    ("override", "why"),
    [
        ("seed=010", "YAML reads 010 as 8"),
        ("train.steps=1:30", "YAML reads 1:30 as 90"),
        ("data.allowed_licences=[MIT] #1", "in quotes"),
        ("data.allowed_licences=&x [MIT]", "in quotes"),
        ("seed=2024-13-45", "not YAML"),
        ("seed=" + "[" * 5000, "not YAML"),
        ("evaluate.max_problems=", "there is no value"),
        ("evaluate.decoding.temperature=inf", "finite"),
        ("evaluate.limits.seconds=1e999", "finite"),
        ("evaluate.limits.seconds=1e300", "less than or equal"),
        ("evaluate.limits.memory_mb=99999999999999", "less than or equal"),
        ("evaluate.limits.output_kb=99999999999999", "less than or equal"),
        ("evaluate.limits.files_mb=99999999999999", "less than or equal"),
        ("model.registered_name='a b'", r"A-Za-z0-9"),
    ],
)
def test_what_is_meant_otherwise_or_too_large_is_refused(override: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        load_config("quick", [override])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("'1e5'", "1e5"),
        ('"inf"', "inf"),
        ("'a #1'", "a #1"),
        ("a#1", "a#1"),
        ("a=b & c", "a=b & c"),
        ("2024", "2024"),
        ("010", "010"),
        ("1e5", "1e5"),
        ("0x_", "0x_"),
        ("2024-13-45", "2024-13-45"),
        ("no", "no"),
        ("null", "null"),
        ("mine #1.jsonl", "mine #1.jsonl"),
        ("&x y", "&x y"),
        ("a: b", "a: b"),
        ("[x", "[x"),
        ("it's 'so'", "it's 'so'"),
        ("'tis', he said, 'so'", "'tis', he said, 'so'"),
        ("'it''s'", "it's"),
    ],
)
def test_a_text_stays_as_it_was_given_without_quotes_around_it(value: str, text: str) -> None:
    assert load_config("quick", [f"experiment={value}"]).experiment == text
    assert load_config("quick", [f"evaluate.problems={value}"]).evaluate.problems == text


def test_other_settings_are_read_by_their_type() -> None:
    given = ["seed=7", "train.learning_rate=5e-5", "train.packing=true", "train.lora={rank: 8}",
             "evaluate.max_problems=null", "evaluate.perturbations=[all]",
             "train.precision=bf16"]  # fmt: skip
    config = load_config("quick", given)
    assert (config.seed, config.train.learning_rate, config.train.packing) == (7, 5e-5, True)
    assert config.train.lora is not None
    assert config.train.lora.rank == 8
    assert config.evaluate.max_problems is None
    assert config.evaluate.perturbations == ("all",)


def test_several_samples_need_a_temperature() -> None:
    given = ["evaluate.decoding.samples=5", "evaluate.decoding.temperature=0.8"]
    assert load_config("quick", given).evaluate.decoding.samples == 5


def test_profiles_of_another_tokenizer_have_a_registered_name_of_their_own() -> None:
    names = {load_config(name).model.base: load_config(name).model.registered_name
             for name in PROFILES}  # fmt: skip
    assert len(set(names.values())) == len(names)


@pytest.mark.parametrize("mode", ["sequence", "both"])
def test_one_sequence_in_a_batch_has_nothing_to_be_compared_with(mode: str) -> None:
    with pytest.raises(ConfigError, match=r"batch_size is 1.*set train\.batch_size=2 or more"):
        load_config("quick", ["train.batch_size=1", f"train.mode={mode}"])
    load_config("quick", ["train.batch_size=1", "train.mode=token"])


def test_without_contrastive_terms_no_dropout_is_needed() -> None:
    assert load_config("quick", ["train.dropout=0", "train.mode=mle"]).train.dropout == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [1", "is not YAML: while parsing a flow sequence in"),
        ("- a", "must hold a mapping of keys to values"),
        ("", "must hold a mapping of keys to values"),
    ],
)
def test_a_file_that_is_no_settings_is_named_in_one_line(
    tmp_path: Path, text: str, fault: str
) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_yaml(tmp_path / "x.yaml")
    assert str(raised.value).startswith(f"{tmp_path / 'x.yaml'} {fault}")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"x\.yaml cannot be read: No such file"):
        read_yaml(tmp_path / "x.yaml")


def test_what_is_no_mapping_is_no_config() -> None:
    with pytest.raises(ValidationError, match="valid dictionary"):
        Config.model_validate("quick")
