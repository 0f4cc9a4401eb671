import json
from dataclasses import replace

import pytest

from steadycode.errors import EvidenceError, ModelError
from steadycode.gate.decide import Facts, decide
from steadycode.gate.policy import Policy
from steadycode.registry import promotion
from steadycode.registry.promotion import (
    apply,
    approve,
    bootstrap,
    override,
    recorded_decision,
    rollback,
    turn_down,
)
from steadycode.registry.versions import champion, register, version_by_alias, versions
from tests.builders.evidence import evidence, lineage, marks, model_folder

NAME = "steadycode"


@pytest.fixture
def base(store, tmp_path):
    return bootstrap(store, NAME, model_folder(tmp_path / "base", 0))


@pytest.fixture
def candidate(store, base, tmp_path):
    return add(store, tmp_path, 1)


def add(store, tmp_path, attempt, *, dirty=False):
    run = store.client.create_run(store.experiment_id).info.run_id
    folder = model_folder(tmp_path / f"model-{attempt}", attempt)
    return register(store, NAME, folder, run, lineage(attempt=attempt, dirty=dirty).tags())


def decided(version, against, *, robust=84, approval=False):
    return decide(
        evidence(marks(60, 164), robust=marks(robust, 164), fingerprint=version.fingerprint),
        evidence(marks(60, 164), fingerprint=against.fingerprint),
        Policy(require_approval=approval),
        Facts(retraining=version.retraining, attempt=version.attempt, data_valid=True),
    )


def aliases(store):
    return {alias: one.version for one in versions(store, NAME) for alias in one.aliases}


def test_the_base_model_becomes_version_one_and_champion_once(store, base, tmp_path):
    assert (base.version, base.aliases) == (1, ("champion",))
    assert recorded_decision(base).outcome == "bootstrap"
    again = bootstrap(store, NAME, model_folder(tmp_path / "other", 9))
    assert again == base
    assert len(versions(store, NAME)) == 1


def test_a_promotion_moves_the_aliases_and_keeps_the_record(store, base, candidate):
    decision = decided(candidate, base)
    assert decision.outcome == "promote"
    promoted = apply(store, NAME, decision)
    assert aliases(store) == {"champion": 2, "previous-champion": 1}
    assert recorded_decision(promoted) == decision
    (file,) = store.client.list_artifacts(candidate.run_id, "decisions")
    assert file.path == "decisions/001-promote.json"
    assert store.client.get_run(candidate.run_id).data.tags["decision"] == "promote"


def test_applying_a_decision_again_changes_nothing(store, base, candidate):
    decision = decided(candidate, base)
    first = apply(store, NAME, decision)
    assert apply(store, NAME, decision) == first
    assert aliases(store) == {"champion": 2, "previous-champion": 1}
    assert len(store.client.list_artifacts(candidate.run_id, "decisions")) == 1


def test_a_decision_against_a_former_champion_is_refused_and_writes_nothing(
    store, base, candidate, tmp_path
):
    stale = decided(add(store, tmp_path, 2), base)
    apply(store, NAME, decided(candidate, base))
    with pytest.raises(EvidenceError, match="the champion has changed since the decision"):
        apply(store, NAME, stale)
    assert aliases(store) == {"champion": 2, "previous-champion": 1}
    newest = versions(store, NAME)[0]
    assert (newest.version, recorded_decision(newest)) == (3, None)
    assert "decision" not in newest.tags
    assert store.client.list_artifacts(newest.run_id) == []


@pytest.mark.parametrize("stop_before", ["set_registered_model_alias",
                                         "delete_registered_model_alias"])  # fmt: skip
def test_a_kill_between_record_and_aliases_is_completed(store, base, candidate, monkeypatch,
                                                        stop_before):  # fmt: skip
    store.client.set_registered_model_alias(NAME, "challenger", "2")
    decision = decided(candidate, base)
    with monkeypatch.context() as killed:

        def die(*_):
            raise KeyboardInterrupt

        killed.setattr(type(store.client), stop_before, die)
        with pytest.raises(KeyboardInterrupt):
            apply(store, NAME, decision)
    apply(store, NAME, decision)
    assert aliases(store) == {"champion": 2, "previous-champion": 1}
    assert len(store.client.list_artifacts(candidate.run_id, "decisions")) == 1


def test_a_candidate_of_unversioned_data_is_never_promoted(store, base, tmp_path):
    dirty = add(store, tmp_path, 1, dirty=True)
    decision = decided(dirty, base)  # the caller forgot to say so
    with pytest.raises(EvidenceError, match="never promoted"):
        apply(store, NAME, decision)
    with pytest.raises(EvidenceError, match="never promoted"):
        apply(store, NAME, decision.by("ada", "override", "I insist"))
    assert aliases(store) == {"champion": 1}


def test_an_undecided_candidate_is_only_tagged(store, base, candidate):
    decision = decided(candidate, base, robust=60)
    tagged = apply(store, NAME, decision)
    assert (tagged.tags["decision"], tagged.aliases) == ("undecided", ())
    assert champion(store, NAME).version == 1


def test_approval_promotes_the_waiting_challenger_with_a_name(store, base, candidate):
    apply(store, NAME, decided(candidate, base, approval=True))
    assert aliases(store) == {"champion": 1, "challenger": 2}
    with pytest.raises(EvidenceError, match="reviewer's name and a reason"):
        approve(store, NAME, " ", "fine")
    approved = approve(store, NAME, "ada", "read the report")
    assert aliases(store) == {"champion": 2, "previous-champion": 1}
    record = recorded_decision(approved)
    assert (record.outcome, record.reviewer, record.reason) == ("promote", "ada", "read the report")
    files = [f.path for f in store.client.list_artifacts(candidate.run_id, "decisions")]
    assert files == ["decisions/001-pending.json", "decisions/002-promote.json"]


def test_a_challenger_that_is_turned_down_stops_waiting(store, base, candidate):
    apply(store, NAME, decided(candidate, base, approval=True))
    assert turn_down(store, NAME, "ada", "odd licence").tags["decision"] == "reject"
    assert aliases(store) == {"champion": 1}
    with pytest.raises(EvidenceError, match="no version of steadycode waits"):
        approve(store, NAME, "ada", "changed my mind")


def test_an_override_is_a_named_act(store, base, candidate):
    apply(store, NAME, decided(candidate, base, robust=60))
    overridden = override(store, "models:/steadycode/2", "ada", "needed for the demo")
    assert overridden.aliases == ("champion",)
    assert recorded_decision(overridden).outcome == "override"


def test_a_rollback_swaps_back_and_the_old_decision_cannot_undo_it(store, base, candidate):
    decision = decided(candidate, base)
    apply(store, NAME, decision)
    back = rollback(store, NAME, "ada", "it writes tabs")
    assert (back.version, aliases(store)) == (1, {"champion": 1, "previous-champion": 2})
    with pytest.raises(EvidenceError, match=r"was rolled back \(it writes tabs\)"):
        apply(store, NAME, decision)
    assert rollback(store, NAME, "ada", "tabs are fine").version == 2


def test_there_may_be_nothing_to_roll_back_to(store, base):
    with pytest.raises(ModelError, match="no previous champion"):
        rollback(store, NAME, "ada", "why not")


def test_a_decision_about_other_weights_is_refused(store, base, candidate):
    decision = decided(candidate, base)
    other = replace(decision.evidence.candidate, fingerprint="0" * 64)
    wrong = replace(decision, evidence=replace(decision.evidence, candidate=other))
    with pytest.raises(EvidenceError, match="about other weights"):
        apply(store, NAME, wrong)
    with pytest.raises(ModelError, match="register it first"):
        apply(store, NAME, replace(decision, attempt=77))


def test_a_damaged_record_is_one_line(store, base):
    store.client.set_model_version_tag(NAME, "1", promotion.RECORD, json.dumps({"schema": 1}))
    with pytest.raises(EvidenceError, match="damaged"):
        recorded_decision(version_by_alias(store, NAME, "champion"))
