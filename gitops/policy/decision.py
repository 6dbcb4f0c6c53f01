"""Is an Application synced in this pass, later, or not at all?

Asked by the reconciler for every Application, once it is rendered and compared. A pure function of
what the Application's policy says, what happened before, and the time. The rules are ArgoCD's
("Automated Sync Policy", "Sync Windows", "Sync Retry"), and two of ours: pausing, and a rollback
that automation does not undo.

A *revision* is here what is applied for one Application: a digest of its target. A commit that
changes nothing of it is no new revision for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from gitops.application import ApplicationSpec
from gitops.policy import retry
from gitops.policy.retry import Retry
from gitops.policy.windows import SyncWindow, calendar

SELF_HEAL = Retry(limit=retry.FOR_EVER, duration=timedelta(seconds=5))
"""How long after a sync drift is healed again, and after how many such times how much later: so
that two who fight over a field do not do it all day."""


class Action(StrEnum):
    """What a pass does with an Application."""

    NOTHING = "Nothing"
    """It is synced."""
    SYNC = "Sync"
    WAIT = "Wait"
    """It will be synced by itself, but not now."""
    OUT_OF_SYNC = "OutOfSync"
    """It is not synced, and will not be by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What decides besides the state.

    Args:
        spec: the Application.
        windows: the sync windows of its project.
        retry: its own, read with ``retry.read``.
    """

    spec: ApplicationSpec
    windows: Sequence[SyncWindow] = ()
    retry: Retry = field(default_factory=Retry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """The last attempt to sync an Application.

    Args:
        revision: what it applied.
        succeeded: whether it did.
        ended: when it was over.
        retries: how often this revision was tried again already; of a success, how often in a row
            drift was healed.
        interrupted: whether something else than the Application ended it; then it is gone on with.
    """

    revision: str
    succeeded: bool
    ended: datetime
    retries: int = 0
    interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of an Application.

    Args:
        revision: what Git wants to be applied.
        synced: live objects and target are the same.
        only_prune: they differ by objects alone that are no longer in Git.
        holds_deletion: why nothing may be deleted now; empty where it may.
        left_deletions: a sync has left objects that it was not allowed to delete then.
        resettled: Git has other settings for the Application than were last synced.
        last: the last attempt, None before the first.
        paused: somebody has paused it.
        rolled_back: the revision a person has rolled back from, empty when none; automation leaves
            the Application alone until Git wants another.
        asked: a person wants a sync now.
    """

    revision: str
    synced: bool
    only_prune: bool = False
    holds_deletion: str = ""
    left_deletions: bool = False
    resettled: bool = False
    last: Operation | None = None
    paused: bool = False
    rolled_back: str = ""
    asked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is done, why, and when to look again.

    Args:
        action: what this pass does.
        reason: for people.
        prune: whether the sync deletes what is no longer in Git.
        retries: what the operation is to remember, where there is a sync.
        at: the next moment at which the decision would be another by itself, None when there is
            none in sight.
    """

    action: Action
    reason: str
    prune: bool = False
    retries: int = 0
    at: datetime | None = None


def decide(policy: Policy, state: State, *, now: datetime) -> Decision:
    """Decide about one Application.

    Args:
        policy: what its spec and its project say.
        state: what happened before, and how Git and cluster compare.
        now: the time, with its zone.
    """
    decision = _asked(policy, state) if state.asked else _automated(policy, state, now)
    if decision.action is not Action.SYNC:
        return decision
    if state.only_prune and state.holds_deletion:
        return Decision(action=Action.WAIT, reason=state.holds_deletion)
    found = calendar(policy.windows, policy.spec, now=now, manual=state.asked)
    if not found.refusal:
        return decision
    return Decision(action=Action.WAIT, reason=found.refusal, at=found.opens)


def _asked(policy: Policy, state: State) -> Decision:
    # A person's sync is not held up by a pause, a rollback or a failure: it is how they end.
    reason = "asked for" if not state.synced else "asked for, though it is synced"
    return Decision(action=Action.SYNC, reason=reason, prune=policy.spec.sync_policy.prune)


def _automated(policy: Policy, state: State, now: datetime) -> Decision:
    sync_policy = policy.spec.sync_policy
    if state.synced and not (state.resettled and sync_policy.automated):
        return Decision(action=Action.NOTHING, reason="synced")
    if state.paused:
        return _left("paused")
    if sync_policy.automated is None:
        return _left("syncPolicy.automated is off")
    if state.rolled_back and state.rolled_back == state.revision:
        return _left("rolled back from what Git wants; another revision, or a sync, ends that")
    if state.only_prune and not sync_policy.prune:
        return _left("objects are no longer in Git, and prune is off")
    last = state.last
    if last is None or last.revision != state.revision:
        # Whatever became of another revision, this one has not been tried.
        return _sync("Git wants something else", policy)
    if last.interrupted:
        return _sync("its last sync was interrupted", policy, retries=last.retries)
    if not last.succeeded:
        return _again(policy, last, now)
    if state.resettled:
        return _sync("its settings in Git have changed", policy)
    if state.left_deletions and state.only_prune and state.holds_deletion:
        return Decision(action=Action.WAIT, reason=state.holds_deletion)
    if state.left_deletions:
        left = "its last sync left what is no longer in Git"
        if not last.retries:
            return _sync(left, policy, retries=1)
        return _heal(policy, last, now, reason=left, again=left)
    if not sync_policy.automated.self_heal:
        return _left("changed in the cluster since it was synced, and selfHeal is off")
    healing, again = "changed in the cluster, and selfHeal is on", "changed in the cluster again"
    return _heal(policy, last, now, reason=healing, again=again)


def _again(policy: Policy, last: Operation, now: datetime) -> Decision:
    at = policy.retry.next_attempt(ended=last.ended, retries=last.retries)
    if at is None:
        return _left(f"failed {last.retries + 1} times; waits for another revision")
    nth = f"retry {last.retries + 1}"
    if policy.retry.limit >= 0:
        nth += f" of {policy.retry.limit}"
    if now < at:
        return Decision(action=Action.WAIT, reason=f"failed, {nth} is to come", at=at)
    return _sync(f"failed, {nth}", policy, retries=last.retries + 1)


def _heal(policy: Policy, last: Operation, now: datetime, *, reason: str, again: str) -> Decision:
    at = last.ended + SELF_HEAL.delay(last.retries)
    if now < at:
        return Decision(action=Action.WAIT, reason=again, at=at)
    # what stayed healed for a while is healed at once the next time
    calm = now - last.ended > 2 * SELF_HEAL.max_duration
    return _sync(reason, policy, retries=0 if calm else last.retries + 1)


def _sync(reason: str, policy: Policy, *, retries: int = 0) -> Decision:
    prune = policy.spec.sync_policy.prune
    return Decision(action=Action.SYNC, reason=reason, prune=prune, retries=retries)


def _left(reason: str) -> Decision:
    return Decision(action=Action.OUT_OF_SYNC, reason=reason)
