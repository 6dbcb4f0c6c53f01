"""Are packages and what they manage in order? Rules for Crossplane and Flux."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import cause, condition, mapping, text
from gitops.health.status import Health, degraded, healthy, progressing, suspended


def crossplane(live: Mapping[str, Any]) -> Health | None:
    """Synced, the last asynchronous operation, and whether a package is installed.

    Crossplane, "Managed Resources", "Conditions", and "Providers", "Conditions"; upjet, "Async
    operations". Kinds such as ProviderConfig have no conditions; ``users`` counts who uses them.
    """
    status = mapping(live, "status")
    if "users" in status and "conditions" not in status:
        return healthy()
    synced, last = condition(live, "Synced"), condition(live, "LastAsyncOperation")
    if text(synced, "reason") == "ReconcilePaused":
        return suspended("its reconciliation is paused")
    for name, each in (("Synced", synced), ("LastAsyncOperation", last)):
        if text(each, "status") == "False":
            return degraded(f"{name} is False: {cause(each)}")
    installed = condition(live, "Installed")
    if text(installed, "status") == "False":
        told = f"not installed: {cause(installed)}"
        is_working = text(installed, "reason") in ("UnpackingPackage", "InactivePackageRevision")
        return progressing(told) if is_working else degraded(told)
    return None


def helm_repository(live: Mapping[str, Any]) -> Health | None:
    """One of type oci is only an address: nothing is ever written to its status.

    Flux, "Helm Repositories", "Helm OCI repository".
    """
    if text(live, "spec", "type") == "oci" and not mapping(live, "status"):
        return healthy()
    return None


def helm_release(live: Mapping[str, Any]) -> Health | None:
    """A release that failed is Degraded, though it was rolled back and will be tried again.

    Flux, "Helm Releases", "Failed HelmRelease": Ready then has the reason of the last action, which
    may be RollbackSucceeded, and Reconciling is True with ProgressingWithRetry.
    """
    released = condition(live, "Released")
    if text(condition(live, "Stalled"), "status") == "True":
        return None
    if text(condition(live, "Ready"), "status") == "False" and text(released, "status") == "False":
        return degraded(cause(released) or "its release failed")
    return None
