"""What hooks make: how it is recognised, how it ended, and what a next run does with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gitops.objects.manifest import HELM_HOOK, HOOK, Manifest, SyncPhase
from gitops.objects.ownership import Ownership, owner
from gitops.syncing.hook_objects import (
    HookOwner,
    deleted_before,
    made_by,
    may_be_taken,
    object_of,
    outcome,
    phase_ran_in,
    run_digest,
)
from gitops.syncing.hook_plan import HOOK_DELETE_POLICY, PlannedHook, hooks_of
from tests.gitops.objects import an_object, config_map

JELLYFIN = "local-media-jellyfin"
SYNC = HookOwner(
    subject="media/jellyfin",
    ownership=Ownership(application=JELLYFIN, stack="local"),
    digest="0123456789abcdef",
    started=datetime(2026, 1, 1, tzinfo=UTC),
)
NEXT_SYNC = replace(SYNC, digest="fedcba9876543210")
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}
FAILED = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}


def hook(*policies: str, kind: str = "Job", phases: str = "PreSync", generate: bool = False) -> Any:
    """One hook of a namespace."""
    annotations = {HOOK: phases}
    if policies:
        annotations[HOOK_DELETE_POLICY] = ",".join(policies)
    api_version = "batch/v1" if kind == "Job" else "v1"
    body = an_object(api_version, kind, "migrate", namespace="media", annotations=annotations)
    if generate:
        body["metadata"]["generateName"] = body["metadata"].pop("name") + "-"
    (planned, *_) = hooks_of([Manifest.from_body(body)]).hooks
    return planned


def live(planned: PlannedHook, status: Mapping[str, Any], sync: HookOwner = SYNC) -> dict[str, Any]:
    """What the cluster holds of a hook that ran in a sync."""
    return {**object_of(planned, sync).body, "status": status}


def test_marks() -> None:
    """Its object says which Application's hook it is and for which sync it ran; it is ours."""
    found = live(hook(), {})
    assert (owner(found), phase_ran_in(found)) == (JELLYFIN, SyncPhase.PRE_SYNC)
    assert made_by(hook(), JELLYFIN, found)
    assert not made_by(hook(), "local-media-sonarr", found)
    assert not made_by(hook(phases="PostSync"), JELLYFIN, found)
    assert run_digest(hook(), SYNC) != run_digest(hook(), NEXT_SYNC)
    assert run_digest(hook(), SYNC) != run_digest(hook(phases="PostSync"), SYNC)


def test_generated_name_is_recognised() -> None:
    """Under whatever name: what a hook with generateName made is known as its own."""
    planned = hook(generate=True)
    found = live(planned, {})
    assert found["metadata"]["name"].startswith("migrate-0123456-presync-")
    assert "generateName" not in found["metadata"]
    assert made_by(planned, JELLYFIN, found)
    assert not made_by(hook(), JELLYFIN, found)


def test_copied_marks_make_no_hook() -> None:
    """A copy under another name, or what a controller made, is nobody's hook."""
    found = live(hook(), {})
    metadata = {**found["metadata"], "name": "copied"}
    assert phase_ran_in({**found, "metadata": metadata}) is None
    assert phase_ran_in(config_map(labels={"home-ops/hook": "PreSync"})) is None


@pytest.mark.parametrize(
    ("found", "taken"),
    [
        (live(hook(), {}), True),
        (live(hook(), {}, replace(SYNC, ownership=Ownership(application="old-name"))), True),
        (config_map(annotations={HOOK: "PreSync"}), True),
        (config_map(annotations={HELM_HOOK: "pre-install"}), True),
        (config_map(), False),
    ],
)
def test_whose_name_may_be_taken(found: dict[str, Any], *, taken: bool) -> None:
    """Our hooks', those of the same Application under a former name, ArgoCD's and Helm's; no
    object that is no hook."""
    assert may_be_taken(found, JELLYFIN) is taken


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        (live(hook(), COMPLETE), True),
        (live(hook(), FAILED), False),
        (live(hook(), {"active": 1}), None),
        (an_object("v1", "Pod", "once", status={"phase": "Succeeded"}), True),
        (an_object("v1", "Pod", "once", status={"phase": "Failed"}), False),
        (an_object("v1", "Pod", "once", status={"phase": "Unknown"}), None),
        (an_object("argoproj.io/v1alpha1", "Workflow", "w", status={"phase": "Running"}), None),
        (an_object("argoproj.io/v1alpha1", "Workflow", "w", status={"phase": "Error"}), False),
        (an_object("example.com/v1", "Widget", "w", status={"phase": "Sideways"}), True),
        (config_map(), True),
    ],
)
def test_outcome(body: dict[str, Any], ended: bool | None) -> None:  # noqa: FBT001 - a table's value
    """Healthy has succeeded, Degraded has failed; what no rule knows has succeeded by existing."""
    assert outcome(body) is ended
    going = {**body, "metadata": {**body["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert outcome(going) is ended


@pytest.mark.parametrize(
    ("planned", "status", "sync", "deleted"),
    [
        (hook(), COMPLETE, SYNC, True),
        (hook(), {"active": 1}, SYNC, True),
        (hook("HookSucceeded"), COMPLETE, NEXT_SYNC, True),
        (hook("HookSucceeded"), FAILED, SYNC, True),
        (hook("HookSucceeded"), {"active": 1}, SYNC, False),
        (hook("HookSucceeded"), {"active": 1}, NEXT_SYNC, True),
        (hook("HookFailed"), COMPLETE, NEXT_SYNC, False),
        (hook("Never"), FAILED, NEXT_SYNC, False),
        (hook(kind="PersistentVolumeClaim"), {"phase": "Bound"}, NEXT_SYNC, False),
        (hook(kind="ServiceAccount"), {}, NEXT_SYNC, True),
    ],
)
def test_deleted_before(
    planned: PlannedHook, status: dict[str, Any], sync: HookOwner, *, deleted: bool
) -> None:
    """What goes before a hook runs again: by policy, what failed, what a killed run left of another
    sync; never what holds data."""
    digest = run_digest(planned, sync)
    assert deleted_before(planned, live(planned, status), digest=digest) is deleted
