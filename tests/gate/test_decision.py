import pytest

from steadycode.errors import EvidenceError
from steadycode.files import to_json
from steadycode.gate.decide import Facts, decide
from steadycode.gate.decision import Decision
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
