"""What is a hook's author told when it does not end well?

Called by ``hook_run``. Each text names the hook and its phase, how it ended, and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster.connection import StatusError
from gitops.errors import HookError
from gitops.health import assess
from gitops.objects.manifest import Manifest, ResourceKey
from gitops.objects.ownership import live_key, owner
from gitops.syncing.hook_plan import HOOK_DELETE_POLICY, HookDeletePolicy, PlannedHook

AGAIN = "repair it; it runs again in the next sync"
_NOT_FOUND = 404
_UNPROCESSABLE = 422
_REMEDIES = {
    403: "grant it to the user of the kubeconfig (RBAC)",
    409: "look at what holds it, then sync again",
}


def name_of(hook: PlannedHook, key: ResourceKey | None = None) -> str:
    """A hook as messages name it: ``PreSync hook Job media/migrate``."""
    return f"{hook.phase} hook {key or hook.manifest.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """When a hook of the Application ``subject`` ended, why, and what its pods said last."""

    subject: str
    seconds: float
    cause: str = ""
    last_words: tuple[str, ...] = ()


def failed(hook: PlannedHook, live: Mapping[str, Any], ending: Ending) -> HookError:
    """It ended, and not well."""
    told = f": {ending.cause}" if ending.cause else ""
    remedy = AGAIN
    if HookDeletePolicy.NEVER in hook.delete_policies:
        remedy = f"repair it and delete {live_key(live)}, which its delete policy Never keeps"
    return HookError(
        ending.subject,
        f"{name_of(hook, live_key(live))} failed after {ending.seconds:.0f} s{told}",
        remedy=remedy,
        details=ending.last_words,
    )


def hanging(hook: PlannedHook, live: Mapping[str, Any], ending: Ending) -> HookError:
    """It did not end in time."""
    told = f" ({ending.cause})" if ending.cause else ""
    return HookError(
        ending.subject,
        f"{name_of(hook, live_key(live))} has not ended after {ending.seconds:.0f} s{told}",
        remedy="repair what holds it up, or give it longer with the sync option Timeout=<seconds>; "
        "it runs again in the next sync",
        details=ending.last_words,
    )


def vanished(hook: PlannedHook, live: Mapping[str, Any], ending: Ending) -> HookError:
    """Somebody deleted it while it ran."""
    return HookError(
        ending.subject,
        f"{name_of(hook, live_key(live))} was deleted before it had ended, within "
        f"{ending.seconds:.0f} s",
        remedy="it runs again in the next sync",
    )


def refused(
    hook: PlannedHook, manifest: Manifest, error: StatusError, *, subject: str
) -> HookError:
    """The API server does not take the object."""
    name, key = name_of(hook, manifest.key), manifest.key
    message = error.status.get("message") or error.reason
    missing = (error.status.get("details") or {}).get("kind") == "namespaces"
    if error.code == _NOT_FOUND and missing:
        return HookError(
            subject,
            f"{name} cannot be created: there is no namespace {key.namespace}",
            remedy="create it, or set CreateNamespace=true",
        )
    remedy = _REMEDIES.get(error.code, "correct the hook")
    immutable = error.code == _UNPROCESSABLE and "immutable" in str(message)
    if immutable and not hook.deleted_before_creation:
        policy = HookDeletePolicy.BEFORE_HOOK_CREATION
        remedy = f"add {policy} to {HOOK_DELETE_POLICY}, or delete {key}"
    return HookError(subject, f"{name} was refused by the API server: {message}", remedy=remedy)


def unserved(hook: PlannedHook, *, subject: str) -> HookError:
    """Nothing serves its kind."""
    return HookError(
        subject,
        f"{name_of(hook)} cannot be created: the cluster does not serve the kind "
        f"{hook.manifest.key.kind} of {hook.manifest.api_version}",
        remedy="install its CustomResourceDefinition, or move the hook to a later phase",
    )


def taken(hook: PlannedHook, live: Mapping[str, Any], *, subject: str) -> HookError:
    """An object of that name is there which is no hook."""
    other = owner(live)
    whose = f" and belongs to the Application {other}" if other else ""
    return HookError(
        subject,
        f"{name_of(hook)} cannot be created: an object of that name exists that is no hook{whose}",
        remedy="rename the hook, or delete that object",
    )


def stuck(hook: PlannedHook, live: Mapping[str, Any], *, subject: str, timeout: float) -> HookError:
    """What an earlier run left was deleted and does not go."""
    return HookError(
        subject,
        f"{name_of(hook)} cannot run again: what an earlier run left, {live_key(live)}, is deleted "
        f"and still there after {timeout:.0f} s ({assess(live).message})",
        remedy="remove what holds it, then sync again",
    )
