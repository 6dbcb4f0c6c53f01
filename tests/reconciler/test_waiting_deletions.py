"""What is no longer in Git waits while something is broken, fails nobody, and is not forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gitops.application import Automated, SyncPolicy
from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.errors import RenderError
from gitops.health import Health, HealthStatus
from gitops.objects.manifest import Manifest
from gitops.policy.decision import Action, Decision
from gitops.records.record import ApplicationRecord, OperationPhase
from reconciler.passes.conditions import conditions
from reconciler.passes.deciding import PRUNE_WAITS, Known, decide
from reconciler.passes.outcomes import has_news, outcomes
from reconciler.passes.records import After, Synced, next_record
from reconciler.passes.workspace import Commit
from reconciler.syncing.results import SyncResult
from tests.gitops.objects import application, config_map, key_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
COMMIT = Commit(id="c2", author="Ada", message="Change it", committed=NOW)
SPEC = replace(application(), sync_policy=SyncPolicy(automated=Automated(prune=True)))
TARGET = ApplicationTarget(spec=SPEC, manifests=(Manifest.from_body(config_map()),))
GONE = ObjectDrift(
    key=replace(key_of(config_map()), name="gone"), api_version="v1", why=Why.EXTRANEOUS
)
MISSING = ObjectDrift(key=key_of(config_map()), api_version="v1", why=Why.MISSING)
BOTH = Comparison(application=SPEC.name, drifts=(GONE, MISSING))
LEFT = Comparison(application=SPEC.name, drifts=(GONE,))
HOLD = "nothing is deleted while media/broken cannot be synced: what is gone may be there"
SYNC = Decision(action=Action.SYNC, reason="Git wants something else", prune=True)
IN_VAIN = SyncResult(failures={"other": "refused"}, complete=False, runs=1)


def soon() -> datetime:
    """A minute after what was done just now."""
    return datetime.now(UTC) + timedelta(minutes=1)


def known(
    comparison: Comparison,
    *,
    target: ApplicationTarget | None = TARGET,
    record: ApplicationRecord | None = None,
    hold: str = HOLD,
) -> Known:
    return Known(
        name=SPEC.name,
        comparison=comparison,
        target=target,
        wanted=target.digest if target else "",
        record=record,
        holds_deletion=hold,
    )


def outcome(of: Known, result: SyncResult, *, interrupted: bool = False) -> Synced:
    """What became of one Application that was to be synced."""
    found = outcomes({of.name: of}, {of.name: SYNC}, result, started=NOW, interrupted=interrupted)
    return found[of.name]


def remembered(
    of: Known, synced: Synced | None = None, decision: Decision | None = None
) -> ApplicationRecord:
    after = After(
        comparison=of.comparison,
        health=Health(status=HealthStatus.HEALTHY),
        conditions=conditions(of, of.comparison, synced, decision=decision),
        synced=synced,
    )
    return next_record(of, after, COMMIT, now=NOW)


def waiting(record: ApplicationRecord) -> str:
    """What a record says of deletions that wait; empty when it says nothing."""
    return "".join(each.message for each in record.conditions if each.type == PRUNE_WAITS)


def test_nothing_is_tried_in_vain() -> None:
    """Where only deletions are left the engine is not started, neither for an Application that has
    left Git nor for one that has lost objects; the record says what they wait for, and no sync has
    failed. Once nothing is broken both are synced."""
    for target in (TARGET, None):
        left = known(LEFT, target=target)
        decision = decide(left, {}, now=NOW)
        assert (decision.action, decision.reason, decision.at) == (Action.WAIT, HOLD, None)
        record = remembered(left, decision=decision)
        assert (waiting(record), record.operation) == (HOLD, None)
        repaired = known(LEFT, target=target, record=record, hold="")
        assert decide(repaired, {}, now=NOW).action is Action.SYNC


def test_the_state_is_not_read_in_vain() -> None:
    """A removal that has to wait is no reason to read the engine's state ahead."""
    records = {"gone": ApplicationRecord(name="gone"), SPEC.name: ApplicationRecord(name=SPEC.name)}
    broken = TARGET.broken(RenderError(SPEC.subject, "is broken", remedy="repair it"))
    assert not has_news([broken], records)
    manual = replace(TARGET, spec=replace(SPEC, sync_policy=SyncPolicy()))
    assert has_news([manual], records)


def test_synced_but_for_deletions() -> None:
    """A sync that had to leave objects has succeeded, and says what they wait for; when nothing is
    broken any more they go, though selfHeal is off and Git has nothing new. It is asked for no
    retry."""
    synced = outcome(known(LEFT), SyncResult(runs=1))
    assert (synced.failure, synced.waits) == ("", HOLD)
    record = remembered(known(LEFT), synced)
    assert record.operation is not None
    assert (record.operation.phase, record.operation.message) == (OperationPhase.SUCCEEDED, HOLD)
    assert waiting(record) == HOLD
    again = known(LEFT, record=record)
    assert decide(again, {}, now=datetime.now(UTC)).reason == HOLD
    decision = decide(again, {}, now=soon())
    assert (decision.action, decision.reason) == (Action.WAIT, HOLD)
    still = remembered(again, decision=decision)
    repaired = known(LEFT, record=still, hold="")
    assert decide(repaired, {}, now=soon()).action is Action.SYNC

    assert waiting(remembered(repaired)) != "", "something else may keep it from being synced"
    done = replace(repaired, comparison=Comparison(application=SPEC.name))
    assert waiting(remembered(done, outcome(done, SyncResult(runs=1)))) == ""


def test_changed_in_the_cluster_meanwhile() -> None:
    """An extraneous object that policy leaves alone waits for nothing, so it is left alone after a
    repair as well."""
    record = remembered(
        known(Comparison(application=SPEC.name)), outcome(known(LEFT), SyncResult())
    )
    assert waiting(record) == ""
    drifted = known(LEFT, record=record)
    decision = Decision(action=Action.OUT_OF_SYNC, reason="selfHeal is off")
    assert waiting(remembered(drifted, decision=decision)) == ""


def test_others_that_fail() -> None:
    """In a run that deletes nothing because of others, what has nothing but deletions left has not
    failed; what failed itself, was not applied, or was interrupted has."""
    unbroken = known(LEFT, hold="")
    waits = outcome(unbroken, IN_VAIN)
    assert waits.failure == "" and "while other cannot be synced" in waits.waits
    late = SyncResult(waiting={SPEC.name: HOLD})
    assert (outcome(unbroken, late).failure, outcome(unbroken, late).waits) == ("", HOLD)

    assert outcome(known(BOTH, hold=""), IN_VAIN).failure
    own = replace(IN_VAIN, failures={SPEC.name: "cannot be deleted"})
    assert outcome(unbroken, own).failure == "cannot be deleted"
    assert outcome(unbroken, own).waits == ""
    no_disk = replace(IN_VAIN, error="no disk")
    assert outcome(unbroken, no_disk).failure == "no disk"
    assert outcome(unbroken, IN_VAIN, interrupted=True).failure


def test_without_prune() -> None:
    """Where prune is off nothing waits: the objects are not to be deleted at all."""
    manual = replace(TARGET, spec=replace(SPEC, sync_policy=SyncPolicy()))
    left = known(LEFT, target=manual)
    found = outcomes(
        {SPEC.name: left}, {SPEC.name: replace(SYNC, prune=False)}, SyncResult(), started=NOW
    )
    assert found[SPEC.name].waits == ""


def test_a_removal_is_never_given_up() -> None:
    """An Application that has left Git gets no other revision that could end its retries."""
    removed = known(LEFT, target=None, hold="")
    failed = outcome(removed, replace(IN_VAIN, failures={SPEC.name: "refused"}))
    record = remembered(removed, failed)
    assert record.operation is not None
    tired = replace(record, operation=replace(record.operation, retries=50))
    after = decide(replace(removed, record=tired), {}, now=datetime.now(UTC) + timedelta(hours=1))
    assert after.action is Action.SYNC
