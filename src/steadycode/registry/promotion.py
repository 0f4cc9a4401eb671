"""Carries a decision out: the record first, then the aliases, under one lock.

The record on the version is the truth. Whatever is interrupted between record and aliases is
completed by applying the same decision again.
"""

from collections.abc import Mapping
from pathlib import Path

from steadycode.errors import EvidenceError, ModelError
from steadycode.files import sha256_text, to_json
from steadycode.gate.decision import Compared, Decision, EvidenceRef
from steadycode.registry.attempts import open_tagged
from steadycode.registry.store import Store
from steadycode.registry.tags import ATTEMPT, RETRAINING, STAGE
from steadycode.registry.versions import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    RegisteredVersion,
    champion,
    register,
    resolve,
    version_by_alias,
    version_of_attempt,
)

RECORD = "decision.record"
CARRIED_OUT = "decision.carried_out"
"""A tag: the hash of the record by which the aliases were moved last, written once they are."""
ROLLED_BACK = "rolled_back"


class ChampionChanged(EvidenceError):
    """The champion that the decision compares with is no longer the champion."""


def apply(store: Store, name: str, decision: Decision) -> RegisteredVersion:
    """Record ``decision`` on its candidate and move the aliases; returns the candidate.

    With nothing written, raises ChampionChanged when the champion is no longer the one that the
    decision was made against, EvidenceError when a candidate trained on unversioned data would be
    promoted, ModelError when the candidate is not registered.
    """
    with store.writing():
        candidate = _candidate(store, name, decision)
        current = champion(store, name)
        if decision.promotes and _recorded(candidate, decision) and _is(candidate, current):
            _drop_alias(store, name, CHALLENGER)  # what an interrupted promotion had left to do
        else:
            _refuse_unfit(candidate, decision)
            _refuse_stale(decision, current)
            _record(store, candidate, decision)
            _move_aliases(store, candidate, current, decision)
        if not _carried_out(candidate, decision):
            mark = sha256_text(_compact(decision))
            store.client.set_model_version_tag(name, str(candidate.version), CARRIED_OUT, mark)
        return resolve(store, candidate.spec)


def apply_again(store: Store, name: str, decision: Decision) -> RegisteredVersion:
    """Complete what ``decision``, a recorded one, was interrupted in, as ``apply`` does.

    Raises EvidenceError, with nothing written, when it had been carried out and somebody has moved
    an alias since: what he decided stands.
    """
    with store.writing():
        candidate = _candidate(store, name, decision)
        current = champion(store, name)
        stands = _is(candidate, current) if decision.promotes else CHALLENGER in candidate.aliases
        moves = decision.promotes or decision.outcome == "pending"
        if _carried_out(candidate, decision) and moves and not stands:
            raise EvidenceError(
                f"the aliases of {candidate.spec} were moved by hand since it was carried out "
                f"({CHAMPION} is {current.spec if current else 'none'}); they stay where they are"
            )
        return apply(store, name, decision)


def bootstrap(
    store: Store,
    name: str,
    base_folder: Path,
    tags: Mapping[str, str] | None = None,
    evidence_sha256: str = "",
) -> RegisteredVersion:
    """Make the base model version 1 and champion, unless there is a champion already."""
    with store.writing():
        current = champion(store, name)
        if current is not None:
            return current
        lineage = {**(tags or {}), RETRAINING: "base", ATTEMPT: "0"}
        run_id = open_tagged(store, "base model", {**lineage, STAGE: f"base {name}"})
        base = register(store, name, base_folder, run_id, lineage)
        decision = Decision(
            outcome="bootstrap",
            reason="the base model: what the first retraining is compared with",
            rules=(),
            evidence=Compared(
                candidate=EvidenceRef(fingerprint=base.fingerprint, sha256=evidence_sha256),
                champion=None,
            ),
            retraining=base.retraining,
            attempt=base.attempt,
        )
        store.client.set_terminated(run_id, "FINISHED")
        return apply(store, name, decision)


def approve(store: Store, name: str, reviewer: str, reason: str) -> RegisteredVersion:
    """Promote the challenger that waits for approval."""
    return apply(store, name, _waiting(store, name).by(reviewer, "promote", reason))


def turn_down(store: Store, name: str, reviewer: str, reason: str) -> RegisteredVersion:
    """Reject the challenger that waits for approval."""
    return apply(store, name, _waiting(store, name).by(reviewer, "reject", reason))


def override(store: Store, spec: str, reviewer: str, reason: str) -> RegisteredVersion:
    """Promote a version that the policy did not: a separate, named, recorded act."""
    version = resolve(store, spec)
    decision = recorded_decision(version)
    if decision is None:
        raise EvidenceError(f"{spec} has no decision to override; evaluate and decide first")
    return apply(store, version.name, decision.by(reviewer, "override", reason))


def rollback(store: Store, name: str, reviewer: str, reason: str) -> RegisteredVersion:
    """Make the previous champion champion again; the present one becomes the previous one."""
    with store.writing():
        current, previous = champion(store, name), version_by_alias(store, name, PREVIOUS)
        if current is None or previous is None:
            raise ModelError(f"{name} has no previous champion to go back to")
        if not reason.strip():
            raise EvidenceError("a rollback needs a reason")
        decision = Decision(
            outcome="override",
            reason="",
            rules=(),
            evidence=Compared(
                candidate=EvidenceRef(fingerprint=previous.fingerprint, sha256=""),
                champion=EvidenceRef(fingerprint=current.fingerprint, sha256=""),
            ),
            retraining=previous.retraining,
            attempt=previous.attempt,
        )
        decision = decision.by(reviewer, "override", f"rollback: {reason}")
        # otherwise the decision that once promoted it would promote it again when applied again
        store.client.set_model_version_tag(name, str(current.version), ROLLED_BACK, reason)
        return apply(store, name, decision)


def recorded_decision(version: RegisteredVersion) -> Decision | None:
    """The latest decision on ``version``. Raises EvidenceError when its record is damaged."""
    record = version.tags.get(RECORD)
    if not record:
        return None
    return Decision.parse(record, f"the decision on {version.spec}")


def _candidate(store: Store, name: str, decision: Decision) -> RegisteredVersion:
    version = version_of_attempt(store, name, decision.retraining, decision.attempt)
    if version is None:
        raise ModelError(
            f"{name} has no version of retraining {decision.retraining} attempt {decision.attempt};"
            " register it first"
        )
    if version.fingerprint != decision.evidence.candidate.fingerprint:
        raise EvidenceError(f"the decision is about other weights than those of {version.spec}")
    return version


def _waiting(store: Store, name: str) -> Decision:
    challenger = version_by_alias(store, name, CHALLENGER)
    decision = recorded_decision(challenger) if challenger else None
    if decision is None or decision.outcome != "pending":
        raise EvidenceError(f"no version of {name} waits for approval")
    return decision


def _refuse_unfit(candidate: RegisteredVersion, decision: Decision) -> None:
    dirty = decision.data_dirty or candidate.tags.get("data.dirty") == "true"
    if decision.promotes and dirty:
        raise EvidenceError(
            f"{candidate.spec} was trained on data that no version describes, so it is never "
            "promoted; dvc add data, commit, retrain"
        )
    if decision.promotes and candidate.weights_removed:
        raise EvidenceError(
            f"the weights of {candidate.spec} were removed by `steadycode gc`, so it cannot be "
            "promoted; retrain, or name another version"
        )
    if decision.outcome == "promote" and ROLLED_BACK in candidate.tags:
        raise EvidenceError(
            f"{candidate.spec} was rolled back ({candidate.tags[ROLLED_BACK]}); "
            "only an override promotes it again"
        )


def _refuse_stale(decision: Decision, current: RegisteredVersion | None) -> None:
    expected = decision.evidence.champion.fingerprint if decision.evidence.champion else None
    actual = current.fingerprint if current else None
    if expected != actual:
        against, now = (weights[:12] if weights else "none" for weights in (expected, actual))
        raise ChampionChanged(
            f"the champion has changed since the decision (was {against}, is {now}); "
            "compare with the new one"
        )


def _record(store: Store, candidate: RegisteredVersion, decision: Decision) -> None:
    if _recorded(candidate, decision):
        return
    client, name, version = store.client, candidate.name, str(candidate.version)
    earlier = client.list_artifacts(candidate.run_id, "decisions")
    # the run keeps every decision ever taken on this candidate, in order
    file = f"decisions/{len(earlier) + 1:03d}-{decision.outcome}.json"
    client.log_text(candidate.run_id, to_json(decision.to_json()) + "\n", file)
    client.set_model_version_tag(name, version, "decision", decision.outcome)
    client.set_tag(candidate.run_id, "decision", decision.outcome)
    client.set_model_version_tag(name, version, RECORD, _compact(decision))


def _move_aliases(
    store: Store,
    candidate: RegisteredVersion,
    current: RegisteredVersion | None,
    decision: Decision,
) -> None:
    client, name, version = store.client, candidate.name, str(candidate.version)
    if decision.promotes:
        if current is not None and not _is(candidate, current):
            client.set_registered_model_alias(name, PREVIOUS, str(current.version))
        client.set_registered_model_alias(name, CHAMPION, version)
        _drop_alias(store, name, CHALLENGER)
    elif decision.outcome == "pending":
        client.set_registered_model_alias(name, CHALLENGER, version)
    elif CHALLENGER in candidate.aliases:
        _drop_alias(store, name, CHALLENGER)


def _drop_alias(store: Store, name: str, alias: str) -> None:
    if version_by_alias(store, name, alias) is not None:
        store.client.delete_registered_model_alias(name, alias)


def _recorded(candidate: RegisteredVersion, decision: Decision) -> bool:
    return candidate.tags.get(RECORD) == _compact(decision)


def _carried_out(candidate: RegisteredVersion, decision: Decision) -> bool:
    return candidate.tags.get(CARRIED_OUT) == sha256_text(_compact(decision))


def _is(candidate: RegisteredVersion, current: RegisteredVersion | None) -> bool:
    return current is not None and current.version == candidate.version


def _compact(decision: Decision) -> str:
    return to_json(decision.to_json(), indent=None)
