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
        ({"rules": ["correctness/full", "speed"]}, "no rule 'speed'" ),
    ],
)  # fmt: skip
def test_a_policy_that_makes_no_sense_is_refused(given, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_policy(given, "gate.yaml")
    assert "\n" not in str(caught.value)
