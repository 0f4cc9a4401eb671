from dataclasses import replace
from typing import get_args

import pytest

from steadycode.errors import EvidenceError
from steadycode.files import to_json
from steadycode.gate.decide import Facts, decide
from steadycode.gate.decision import Decision, Outcome
from steadycode.gate.policy import Policy
from tests.builders.evidence import evidence, marks


def decided() -> Decision:
    candidate = evidence(marks(60, 164), robust=marks(84, 164))
    champion = evidence(marks(60, 164), fingerprint="a" * 64)
    return decide(
        candidate, champion, Policy(), Facts(retraining="abc", attempt=1, data_valid=True)
    )


def test_a_decision_comes_back_from_json_as_it_was(tmp_path):
    decision = decided()
    decision.write(tmp_path / "decision.json")
    assert Decision.read(tmp_path / "decision.json") == decision
    assert to_json(decided().to_json()) == to_json(decision.to_json())


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 2}', '{"schema": 1, "outcome": "x"}'])
def test_a_damaged_decision_is_one_clear_line(tmp_path, text):
    path = tmp_path / "decision.json"
    path.write_text(text)
    with pytest.raises(EvidenceError) as caught:
        Decision.read(path)
    assert "\n" not in str(caught.value)
    assert "decision" in str(caught.value)


def test_a_person_may_decide_otherwise_with_a_name_and_a_reason():
    decision = decided()
    rejected = decision.by(" ada ", "reject", " odd licence ")
    assert (rejected.outcome, rejected.reviewer, rejected.reason) == (
        "reject",
        "ada",
        "odd licence",
    )
    assert (rejected.rules, rejected.evidence) == (decision.rules, decision.evidence)
    for reviewer, reason in ((" ", "odd"), ("ada", "")):
        with pytest.raises(EvidenceError, match=r"needs a reviewer's name and a reason$"):
            decision.by(reviewer, "override", reason)


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_what_makes_a_champion(outcome):
    promotes = replace(decided(), outcome=outcome).promotes
    assert promotes == (outcome in ("promote", "bootstrap", "override"))
