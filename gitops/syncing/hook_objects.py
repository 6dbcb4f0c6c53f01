"""How does the object that a hook made say so, and may what an earlier run left be deleted?

Called by whoever runs hooks and by whoever meets their objects in the cluster: an object with these
marks belongs to its Application and is no part of what the Application consists of, so it is never
pruned. Sources: ArgoCD, "Sync Phases and Waves", "Hook lifecycle and cleanup".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gitops.gate.stateful_kinds import stateful
from gitops.health import Health, HealthStatus, UserRules, assess
from gitops.health.assessment import RULES
from gitops.objects.manifest import HELM_HOOK, HOOK, Manifest, SyncPhase, annotations_of, labels_of
from gitops.objects.ownership import Ownership, live_key, marked, owner
from gitops.syncing.hook_plan import HookDeletePolicy, PlannedHook

HOOK_PHASE = "home-ops/hook"
HOOK_NAME = "home-ops/hook-name"
HOOK_DIGEST = "home-ops/hook-digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class HookOwner:
    """The sync of an Application that hooks run for.

    Args:
        subject: what errors call the Application.
        ownership: what its objects are marked with.
        digest: a hash of what is synced; a hook's object remembers the one it ran for.
        started: when the sync started.
    """

    subject: str
    ownership: Ownership
    digest: str
    started: datetime


def object_of(hook: PlannedHook, hook_owner: HookOwner) -> Manifest:
    """The object to create for one run of a hook, with its name and marks."""
    manifest = hook.named(revision=hook_owner.digest, started=hook_owner.started)
    body = marked(manifest.outline, manifest.key, hook_owner.ownership)
    metadata = body["metadata"]
    marks = {HOOK_NAME: hook.manifest.key.name, HOOK_DIGEST: run_digest(hook, hook_owner)}
    labels = {**metadata["labels"], HOOK_PHASE: hook.phase.value}
    annotations = {**metadata["annotations"], **marks}
    metadata = {**metadata, "labels": labels, "annotations": annotations}
    return replace(manifest, outline={**body, "metadata": metadata})


def run_digest(hook: PlannedHook, hook_owner: HookOwner) -> str:
    """A hash by which an object shows that it was made by this hook for this very sync."""
    text = json.dumps([hook_owner.digest, hook.phase, hook.manifest.body], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def phase_ran_in(live: Mapping[str, Any]) -> SyncPhase | None:
    """The phase a live object was made in as a hook, None when it is no hook's object of ours."""
    value = labels_of(live).get(HOOK_PHASE)
    if owner(live) is None or value not in tuple(SyncPhase):
        return None
    return SyncPhase(str(value))


def made_by(hook: PlannedHook, application: str, live: Mapping[str, Any]) -> bool:
    """Whether a live object, whatever its name, was made by this hook of an Application."""
    same = annotations_of(live).get(HOOK_NAME) == hook.manifest.key.name
    return same and owner(live) == application and phase_ran_in(live) is hook.phase


def may_be_taken(live: Mapping[str, Any], application: str) -> bool:
    """Whether a hook may delete or write to the object that has its name: one of the Application's
    own, or any hook's, such as ArgoCD or Helm left it."""
    annotations = annotations_of(live)
    ours = phase_ran_in(live) is not None or owner(live) == application
    return ours or HOOK in annotations or HELM_HOOK in annotations


def state_of(live: Mapping[str, Any], rules: UserRules | None = None) -> Health:
    """The health of a hook's object, which a deletion that has begun does not change."""
    metadata = dict(live.get("metadata") or {})
    metadata.pop("deletionTimestamp", None)
    return assess({**live, "metadata": metadata}, rules=rules)


def outcome(live: Mapping[str, Any], rules: UserRules | None = None) -> bool | None:
    """Whether a hook has succeeded, by the health of its object; None while it has not ended.

    A kind without a rule of its own that says nothing we can read has succeeded by being there
    (ArgoCD: created).
    """
    match state_of(live, rules).status:
        case HealthStatus.HEALTHY:
            return True
        case HealthStatus.DEGRADED:
            return False
        case HealthStatus.UNKNOWN:
            key = live_key(live)
            return None if (key.group, key.kind) in RULES else True
        case _:
            return None


def deleted_before(
    hook: PlannedHook, live: Mapping[str, Any], *, digest: str, rules: UserRules | None = None
) -> bool:
    """Whether an object that an earlier run left is deleted before the hook runs again.

    BeforeHookCreation says so. Without it a hook that failed would fail for ever, and one that a
    killed run left would never be finished: these, and what should have been deleted when it
    ended, go too. Anything else stays and is applied again, as ArgoCD does ("created once"). What
    holds data (a Namespace, a claim) is never deleted for a hook.

    Args:
        hook: the hook that is about to run.
        live: what it finds.
        digest: this run's (``run_digest``).
        rules: the user's own health scripts.
    """
    if stateful(hook.manifest.key) or HookDeletePolicy.NEVER in hook.delete_policies:
        return False
    if hook.deleted_before_creation:
        return True
    ended = outcome(live, rules)
    if ended is None:
        return annotations_of(live).get(HOOK_DIGEST) != digest
    return not ended or hook.deleted_after(succeeded=True)
