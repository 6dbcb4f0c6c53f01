"""What a pass asks the policy, and what it remembers afterwards."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gitops.application import Automated, SyncPolicy
from gitops.application_target import ApplicationTarget
from gitops.comparison import Comparison, ObjectDrift, Why
from gitops.deployment.inventory import Inventory, InventoryObject
from gitops.diff import Difference
from gitops.errors import RenderError
from gitops.health import Health, HealthStatus
from gitops.objects.manifest import Manifest
from gitops.policy.decision import Action, Decision
from gitops.records.record import (
    ApplicationRecord,
    Operation,
    OperationPhase,
    Pinned,
    SyncStatus,
)
from gitops.target import Target
from reconciler.engine.events import Changes, Outcome
from reconciler.passes.conditions import conditions, health_of, may_vary
from reconciler.passes.deciding import Known, decide
from reconciler.passes.outcomes import (
    applied,
    full_run_due,
    has_news,
    held,
    missed,
    outcomes,
    wanted,
)
from reconciler.passes.records import After, Synced, begun, next_record
from reconciler.passes.running import left_undone, stale_lock
from reconciler.passes.workspace import Commit
from reconciler.syncing.results import SyncResult
from tests.e2e.live import until
from tests.gitops.objects import application, config_map, key_of

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
COMMIT = Commit(id="c2", author="Ada", message="Change it", committed=NOW)
SPEC = replace(application(), sync_policy=SyncPolicy(automated=Automated(prune=True)))
HEALING = replace(SPEC, sync_policy=SyncPolicy(automated=Automated(prune=True, self_heal=True)))
TARGET = ApplicationTarget(
    spec=SPEC, manifests=(Manifest.from_body(config_map()),), inputs="inputs-1"
)
DIGEST = TARGET.digest
KEY = key_of(config_map())
MISSING = ObjectDrift(key=KEY, api_version="v1", why=Why.MISSING)
DRIFT = Comparison(application=SPEC.name, drifts=(MISSING,))
SYNCED = Comparison(application=SPEC.name)
HEALTHY = Health(status=HealthStatus.HEALTHY)
SYNC = Decision(action=Action.SYNC, reason="because", retries=2)


def operation(
    phase: OperationPhase = OperationPhase.SUCCEEDED, *, digest: str = DIGEST, age: int = 3600
) -> Operation:
    ended = NOW - timedelta(seconds=age)
    return Operation(phase=phase, revision="c1", digest=digest, started=ended, finished=ended)


def record(digest: str = DIGEST, last: Operation | None = None) -> ApplicationRecord:
    return ApplicationRecord(
        name=SPEC.name, digest=digest, revision="c1", inputs="inputs-1", operation=last
    )


def known(
    comparison: Comparison,
    *,
    target: ApplicationTarget | None = TARGET,
    before: ApplicationRecord | None = None,
    asked: bool = False,
) -> Known:
    return Known(
        name=SPEC.name,
        comparison=comparison,
        target=target,
        wanted=target.digest if target else "",
        record=before,
        asked=asked,
    )


def action(of: Known) -> Action:
    return decide(of, {}, now=NOW).action


def test_drift_and_news() -> None:
    """What was synced before and differs now is drift, which selfHeal decides about; what Git
    wants anew is synced."""
    drifted = record(last=operation())
    healing = replace(TARGET, spec=HEALING)
    assert action(known(DRIFT)) is Action.SYNC
    assert action(known(DRIFT, before=drifted)) is Action.OUT_OF_SYNC
    assert action(known(DRIFT, before=drifted, target=healing)) is Action.SYNC
    assert action(known(DRIFT, before=record("old", operation(digest="old")))) is Action.SYNC
    assert action(known(SYNCED, before=drifted)) is Action.NOTHING
    assert action(known(DRIFT, before=drifted, asked=True)) is Action.SYNC


def test_drift_of_what_somebody_else_synced() -> None:
    """An Application that a person's run has synced, or whose operation is forgotten, is drifting
    all the same when it differs: it is not synced as if it were new."""
    assert action(known(DRIFT, before=record())) is Action.OUT_OF_SYNC
    assert action(known(DRIFT, before=record(last=operation(digest="old")))) is Action.OUT_OF_SYNC


def test_failures_and_killed_passes() -> None:
    """A sync that failed is tried again after a while; one that was interrupted, and another
    revision, at once: also the one that was there before what failed."""
    failed = OperationPhase.FAILED
    assert action(known(DRIFT, before=record("", operation(failed, age=1)))) is Action.WAIT
    assert action(known(DRIFT, before=record("", operation(failed)))) is Action.SYNC
    for phase in (OperationPhase.RUNNING, OperationPhase.ERROR):
        interrupted = known(DRIFT, before=record("", operation(phase, age=1)))
        assert action(interrupted) is Action.SYNC
    for phase in (failed, OperationPhase.RUNNING, OperationPhase.ERROR):
        other = operation(phase, digest="other", age=1)
        assert action(known(DRIFT, before=record("", other))) is Action.SYNC
        assert action(known(DRIFT, before=record(DIGEST, other))) is Action.SYNC


def test_back_to_what_was_synced_before() -> None:
    """A content that was synced before, and another since that needed no sync as its objects had
    moved to another Application, is no drift when Git has it again."""
    assert action(known(DRIFT, before=record("other", operation()))) is Action.SYNC
    gone = operation(digest="departed", age=1)
    assert action(known(DRIFT, target=None, before=record("other", gone))) is Action.WAIT


def test_departed_paused_broken_and_rolled_back() -> None:
    """One that has left Git is removed; one that is paused, broken or rolled back is left."""
    assert action(known(DRIFT, target=None)) is Action.SYNC
    assert action(known(DRIFT, before=replace(record(""), paused=True))) is Action.OUT_OF_SYNC
    error = RenderError(SPEC.subject, "is broken", remedy="repair it")
    broken = Comparison(application=SPEC.name, error=error)
    assert action(known(broken, target=TARGET.broken(error))) is Action.OUT_OF_SYNC
    pinned = replace(record(""), pinned=Pinned(revision="c0", instead_of="c1", digest=DIGEST))
    assert action(known(DRIFT, before=pinned)) is Action.OUT_OF_SYNC
    assert conditions(known(DRIFT, before=pinned), DRIFT, None).keys() == {"RolledBack"}
    newer = replace(pinned, pinned=Pinned(revision="c0", instead_of="c1", digest="older"))
    assert action(known(DRIFT, before=newer)) is Action.SYNC


def remembered(
    of: Known, comparison: Comparison, synced: Synced | None = None
) -> ApplicationRecord:
    after = After(
        comparison=comparison,
        health=HEALTHY,
        conditions=conditions(of, comparison, synced),
        synced=synced,
    )
    return next_record(of, after, COMMIT, now=NOW)


def synced(failure: str = "") -> Synced:
    changes = Changes(counts={Outcome.CREATED: 1, Outcome.UNCHANGED: 4})
    return Synced(
        decision=SYNC,
        started=NOW,
        finished=NOW,
        seconds=1.23456,
        failure=failure,
        changes=changes,
    )


def test_what_a_sync_leaves() -> None:
    """A sync that succeeded is history, with what changed; one that failed is not, and its error
    stays a condition until another ends otherwise."""
    first = remembered(known(DRIFT), SYNCED, synced())
    assert (first.sync, first.digest, first.revision) == (SyncStatus.SYNCED, DIGEST, "c2")
    assert first.operation is not None
    assert (first.operation.phase, first.operation.retries) == (OperationPhase.SUCCEEDED, 2)
    entry = first.history[0]
    assert (entry.author, entry.message, entry.seconds) == ("Ada", "Change it", 1.235)
    assert entry.changes == {"created": 1}
    failed = remembered(known(DRIFT, before=record("old")), DRIFT, synced("refused"))
    assert (failed.digest, failed.history) == ("old", ())
    assert [each.type for each in failed.conditions] == ["SyncError"]
    later = remembered(known(DRIFT, before=failed), DRIFT)
    assert later.conditions == failed.conditions
    assert remembered(known(SYNCED, before=failed), SYNCED).operation == failed.operation


def test_nothing_new_changes_nothing() -> None:
    """A pass that found nothing leaves the very same record, also for another commit."""
    first = remembered(known(DRIFT), SYNCED, synced())
    again = Commit(id="c3", author="Eve", message="Another", committed=NOW)
    after = After(comparison=SYNCED, health=HEALTHY)
    later = NOW + timedelta(hours=1)
    assert next_record(known(SYNCED, before=first), after, again, now=later) == first


def test_other_settings() -> None:
    """An Application whose settings changed is synced though no object differs, until that has
    succeeded; where automation is off a person syncs it, and nobody is told for ever. A change of
    settings is another attempt, at once, even after the last retry."""
    first = remembered(known(DRIFT), SYNCED, synced())
    assert first.settings == TARGET.settings
    options = replace(SPEC.sync_policy, sync_options={"Replace": "true"})
    other = replace(TARGET, spec=replace(SPEC, sync_policy=options))
    assert action(known(SYNCED, before=first)) is Action.NOTHING
    assert action(known(SYNCED, before=first, target=other)) is Action.SYNC
    waiting = remembered(known(SYNCED, before=first, target=other), SYNCED)
    assert action(known(SYNCED, before=waiting, target=other)) is Action.SYNC
    failed = remembered(known(SYNCED, before=first, target=other), SYNCED, synced("refused"))
    assert action(known(SYNCED, before=failed, target=other)) is Action.WAIT
    done = remembered(known(SYNCED, before=first, target=other), SYNCED, synced())
    assert action(known(SYNCED, before=done, target=other)) is Action.NOTHING

    manual = replace(TARGET, spec=replace(SPEC, sync_policy=replace(options, automated=None)))
    left = remembered(known(SYNCED, before=first, target=manual), SYNCED)
    assert action(known(SYNCED, before=first, target=manual)) is Action.NOTHING
    assert left.settings == manual.settings

    stopped = replace(operation(OperationPhase.FAILED, age=1), settings=TARGET.settings, retries=9)
    assert action(known(DRIFT, before=record("old", stopped))) is not Action.SYNC
    confirmed = replace(TARGET, spec=replace(SPEC, confirm=frozenset({"prune-0123456789abcdef"})))
    assert action(known(DRIFT, before=record("old", stopped), target=confirmed)) is Action.SYNC


def test_healing_is_no_history() -> None:
    """What is put right was deployed before: its history stays."""
    first = remembered(known(DRIFT), SYNCED, synced())
    healed = remembered(known(DRIFT, before=first), SYNCED, synced())
    assert healed.history == first.history


def test_a_killed_pass_is_told_of() -> None:
    """What a killed pass had begun is running until the next one sees that it is done."""
    running = begun(known(DRIFT), SYNC, COMMIT, NOW)
    assert running.operation is not None
    assert running.operation.phase is OperationPhase.RUNNING
    done = remembered(known(SYNCED, before=running), SYNCED)
    assert done.operation is not None
    assert done.operation.phase is OperationPhase.SUCCEEDED
    assert [each.digest for each in done.history] == [DIGEST]
    left = remembered(known(DRIFT, before=running), DRIFT)
    assert left.operation is not None
    assert left.operation.phase is OperationPhase.ERROR
    assert "was killed" in left.operation.message
    assert left.history == ()


def test_resources_of_a_record() -> None:
    """Objects that differ are listed with their fields, cut where they are long."""
    difference = Difference(path="data.a", target="x" * 500, live=None, manager="eve")
    drift = replace(MISSING, why=Why.DIFFERENT, differences=(difference,))
    pruned = ObjectDrift(key=replace(KEY, name="old"), api_version="v1", why=Why.EXTRANEOUS)
    comparison = Comparison(application=SPEC.name, drifts=(pruned, drift))
    found = {each["name"]: each for each in remembered(known(comparison), comparison).resources}
    assert found["old"]["requiresPruning"] is True
    shown = found["settings"]["differences"][0]
    assert (shown["path"], shown["live"], shown["manager"]) == ("data.a", "", "eve")
    assert len(shown["target"]) == 200


def test_health_with_what_is_missing() -> None:
    """An object that is not there makes its Application Missing; one that renders to nothing is
    Healthy."""
    assert health_of(DRIFT, (), known(DRIFT)).status is HealthStatus.MISSING
    nothing = replace(TARGET, manifests=())
    assert health_of(SYNCED, (), known(SYNCED, target=nothing)).status is HealthStatus.HEALTHY


def test_a_render_may_vary() -> None:
    """Only a target that changed while all it is rendered from did not is rendered again."""
    assert may_vary(known(DRIFT, before=record("old")))
    assert not may_vary(known(DRIFT, before=record()))
    other = replace(record("old"), inputs="inputs-0")
    assert not may_vary(known(DRIFT, before=other))
    assert not may_vary(known(DRIFT))


def test_outcomes_of_a_sync() -> None:
    """An Application that failed says why; what else went wrong in the run is the failure of those
    it left something of, and of no other."""
    left = known(DRIFT)
    done = replace(known(SYNCED), name="done")
    told = replace(known(DRIFT), name="told")
    every = {SPEC.name: left, "done": done, "told": told}
    result = SyncResult(failures={"told": "refused"}, error="no disk", complete=False)
    found = outcomes(every, dict.fromkeys(every, SYNC), result, started=NOW)
    assert {name: each.failure for name, each in found.items()} == {
        SPEC.name: "no disk",
        "done": "",
        "told": "refused",
    }
    # complete: what differs still is the cluster's doing, not a failure
    assert outcomes(every, {SPEC.name: SYNC}, SyncResult(), started=NOW)[SPEC.name].failure == ""


def test_what_a_run_may_touch() -> None:
    """Wanted are those to sync; a run of everything leaves the others that differ as they are."""
    left = Decision(action=Action.OUT_OF_SYNC, reason="paused")
    nothing = Decision(action=Action.NOTHING, reason="synced")
    every = {"a": known(DRIFT), "b": known(DRIFT), "c": known(SYNCED)}
    decisions = {"a": SYNC, "b": left, "c": nothing}
    assert wanted(every, decisions) == {"a": DRIFT}
    assert held(every, decisions) == {"b"}
    changed = SyncResult(
        changes={
            name: Changes(counts={Outcome.UPDATED: count})
            for name, count in (("", 1), ("a", 1), ("b", 1), ("c", 0))
        }
    )
    said = missed(["b", "c", "d"], changed)
    assert "(1 updated) though no pass" in said["b"]
    assert (said["c"], said["d"], len(said)) == ("", "", 3)


def test_what_was_applied() -> None:
    """Of a run that did not come to its end what was changed without a failure was applied."""
    changed = Changes(counts={Outcome.UPDATED: 1})
    ended = SyncResult(failures={"b": "refused"})
    assert applied(["a", "b"], ended) == {"a"}
    broken_off = replace(ended, changes={"a": changed, "b": changed}, complete=False)
    assert applied(["a", "b", "c"], broken_off) == {"a"}


def test_what_was_missed_is_said_until_somebody_knows() -> None:
    """What only a run of everything has found about an Application stays its condition, since when
    it was found, until another such run finds nothing or somebody syncs it by hand."""
    first = known(SYNCED, before=record())

    def after(of: Known, said: str | None = None, synced: Synced | None = None) -> Known:
        found = conditions(of, SYNCED, synced, missed=said)
        return replace(of, record=(of.record or record()).with_conditions(found, NOW))

    def told(of: Known) -> list[str]:
        return [each.message for each in (of.record or record()).conditions]

    assert told(after(first)) == told(after(first, "")) == []
    alarmed = after(first, "missed it")
    assert told(alarmed) == ["missed it"] == told(after(alarmed))
    assert told(after(alarmed, "")) == []
    assert told(after(alarmed, "again")) == ["again"]
    by_hand = replace(alarmed, asked=True)
    assert told(after(by_hand)) == told(after(by_hand, synced=synced("it failed")))[:1]
    assert told(after(by_hand, synced=synced())) == []
    assert told(after(alarmed, synced=synced())) == ["missed it"], "by no hand"


def test_news() -> None:
    """The engine's state is read ahead for what automation has not synced nor tried yet, and not
    for what it leaves alone pass after pass."""
    records = {SPEC.name: record()}
    assert not has_news([TARGET], records)
    assert has_news([TARGET], {})
    assert has_news([TARGET], {SPEC.name: record("old")})
    assert not has_news([TARGET], {SPEC.name: record("old", operation(OperationPhase.FAILED))})
    assert not has_news([TARGET], {SPEC.name: replace(record("old"), paused=True)})
    manual = replace(TARGET, spec=replace(SPEC, sync_policy=SyncPolicy()))
    assert not has_news([manual], {})
    error = RenderError(SPEC.subject, "is broken", remedy="repair it")
    assert not has_news([TARGET.broken(error)], {SPEC.name: record("old")})
    assert has_news([], records)


def test_full_runs() -> None:
    """Everything is run when what is shared has changed, when it is time, and when nobody knows."""
    hour = timedelta(hours=1)
    recent = {"shared": "x", "fullRun": (NOW - hour / 2).isoformat()}
    assert not full_run_due(recent, "x", every=hour, now=NOW)
    assert full_run_due(recent, "y", every=hour, now=NOW)
    assert full_run_due(recent, "x", every=hour / 4, now=NOW)
    assert not full_run_due(recent, "x", every=timedelta(), now=NOW)
    assert full_run_due({}, "x", every=hour, now=NOW)
    assert full_run_due({"shared": "x", "fullRun": "?"}, "x", every=hour, now=NOW)


def test_stale_locks() -> None:
    """Only a lock from the machine where a run was killed is stale, one taken since that run began,
    and there only when its process is gone."""
    text = (
        "stack {}: another run holds it (file:///x.json: created by root@{} (pid {}) at "
        "2026-05-01T12:00:00Z); wait"
    )
    before, after = "2026-05-01T11:59:59+00:00", "2026-05-01T12:00:01+00:00"
    assert stale_lock(text.format("home", "pod-1", 1), "pod-1") == "home"
    assert stale_lock(text.format("home-definitions", "pod-1", 1), "pod-1") == "home-definitions"
    assert stale_lock(text.format("home", "pod-1", 1), f"pod-0, pod-1 {before}") == "home"
    assert not stale_lock(text.format("home", "pod-1", 1), f"pod-1 {after}")
    assert not stale_lock(text.format("home", "laptop", 1), f"pod-1 {before}")
    assert not stale_lock(text.format("home", "pod-1", 1), "")
    assert not stale_lock("stack home: incorrect passphrase", "pod-1")
    here, ours = socket.gethostname(), os.getpid()
    assert stale_lock(text.format("home", here, ours), here), "this process runs no engine now"
    with subprocess.Popen(["sleep", "60"]) as another:
        until(Path(f"/proc/{another.pid}/cmdline").read_text, "it to be started")
        assert stale_lock(text.format("home", here, another.pid), here), "it is no engine"
        another.kill()
    engine = "import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", engine, "pulumi"]) as alive:
        assert not stale_lock(text.format("home", here, alive.pid), here)
        alive.kill()
        alive.wait()
        assert stale_lock(text.format("home", here, alive.pid), here)


def test_what_an_earlier_run_left_undone() -> None:
    """Everything is run after a killed run, and where a state that is read lacks what the cluster
    has: a run has failed, or the state is an older one. After a run that failed also where it has
    what nobody has any more, as its provider died before it could say so."""

    def left(memory: dict[str, str], inventory: Inventory | None = None) -> str:
        state: Future[Inventory] | None = None
        if inventory is not None:
            state = Future()
            state.set_result(inventory)
        target = Target(applications=(TARGET,), projects=(), errors=(), warnings=())
        names, live = [SPEC.name], (KEY,)
        return left_undone(memory, names, target, state, live=live, separate_definitions=False)

    assert left({}) == ""
    assert "killed" in left({"running": "pod-1"})
    assert "the state does not have" in left({}, Inventory())
    last = InventoryObject(key=KEY, urn="urn", body={})
    assert left({}, Inventory(objects={KEY: last})) == ""
    gone = replace(last, key=replace(KEY, name="gone"), application="departed")
    both = Inventory(objects={KEY: last, gone.key: gone})
    assert "which neither Git nor the cluster has" in left({"unsure": "true"}, both)
    assert left({}, both) == ""
    kept = Inventory(objects={KEY: replace(last, application=SPEC.name)})
    assert left({"unsure": "true"}, kept) == ""


def test_what_is_rolled_back_is_held() -> None:
    """A run of everything leaves an Application alone that is rolled back, though it is Synced: to
    what it is rolled back to; once Git has another content that is over."""
    pinned = Pinned(revision="c1", instead_of="c2", digest="in git")
    back = replace(record(last=operation()), pinned=pinned)
    standing = replace(known(SYNCED, before=back), wanted="in git")
    left = Decision(action=Action.NOTHING, reason="synced")
    assert standing.pinned is pinned
    assert held({"a": standing}, {"a": left}) == {"a"}
    moved_on = replace(standing, wanted="another")
    assert moved_on.pinned is None
    assert held({"a": moved_on}, {"a": left}) == set()
    assert held({"a": known(SYNCED, before=record())}, {"a": left}) == set()
