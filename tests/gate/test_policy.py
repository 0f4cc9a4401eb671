"""What a policy may say; the shipped one says the defaults."""

import pytest

from steadycode.errors import ConfigError
from steadycode.gate.policy import Policy, load_policy, parse_policy
from steadycode.project import Project


def test_the_shipped_policy_is_the_default_one(repository):
    assert load_policy(Project(repository)) == Policy()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"margn": 0.1}, "gate.yaml: margn"),
        ({"margin": 0}, "gate.yaml: margin"),
        ({"rules": ["loss"]}, "correctness/full must be among the rules"),
        ({"rules": ["correctness/full", "speed"]}, "no rule 'speed'; there are: correctness/full,"),
        ({"rules": ["correctness/full", "los"]}, r"no rule 'los'; did you mean loss\?"),
        ({"improvement_in": ["heldout/loss"]}, "no rule 'heldout/loss'; there are: correctness/"),
        (
            {"rules": ["correctness/full", "robustness/docstrings"]},
            r"did you mean robustness/docstring\? there are: .*robustness/format",
        ),
        ({"improvement_in": []}, r"gate\.yaml: improvement_in is empty, .*require_improvement: f"),
        ({"margn": 0.1}, r"did you mean margin\?"),
        ({"rules": ["correctness/full", "correctness/full"]}, "a rule is named twice"),
    ],
)  # fmt: skip
def test_a_policy_that_makes_no_sense_is_refused(given, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_policy(given, "gate.yaml")
    assert "\n" not in str(caught.value)


def test_a_policy_that_is_not_there_is_not_replaced_by_a_weaker_one(tmp_path):
    with pytest.raises(ConfigError) as fault:
        load_policy(Project(tmp_path), "strict")
    assert str(fault.value) == (
        f"no promotion policy {tmp_path / 'configs' / 'strict.yaml'}; restore it or name"
        " another; there are: none"
    )


def test_a_misspelt_gate_is_told_with_the_nearest_one(repository):
    with pytest.raises(ConfigError, match=r"did you mean gate-text\? there are: gate, gate-text$"):
        load_policy(Project(repository), "gate-txt")


def test_no_improvement_needs_no_place_to_look(repository):
    policy = parse_policy({"require_improvement": False, "improvement_in": []}, "gate.yaml")
    assert policy.measures == policy.rules
