"""Is there storage behind a claim, a volume or a snapshot? Called by ``assess``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import flag, mapping, text
from gitops.health.status import Health, degraded, healthy, progressing, unknown


def claim(live: Mapping[str, Any]) -> Health:
    """Bound is Healthy, Pending is Progressing, Lost is Degraded (ArgoCD, "Resource Health").

    Kubernetes, "Persistent Volumes". A claim of a class that binds WaitForFirstConsumer stays
    Pending until a Pod uses it; the claim itself does not say so.
    """
    phase = text(live, "status", "phase")
    match phase:
        case "Bound":
            return healthy()
        case "" | "Pending":
            name = text(live, "spec", "storageClassName")
            return progressing(f"no volume bound yet (class {name})" if name else "no volume yet")
        case "Lost":
            return degraded(f"its volume {text(live, 'spec', 'volumeName')} is gone")
        case _:
            return unknown(f"its phase is '{phase}'")


def volume(live: Mapping[str, Any]) -> Health:
    """Failed is Degraded; a free or released volume is as good as a bound one.

    Kubernetes, "Persistent Volumes", "Phase".
    """
    if text(live, "status", "phase") == "Failed":
        return degraded(text(live, "status", "message") or "its reclamation failed")
    return healthy()


def snapshot(live: Mapping[str, Any]) -> Health:
    """Ready to use, or failed with the driver's error (Kubernetes, "Volume Snapshots")."""
    if error := mapping(live, "status", "error"):
        return degraded(text(error, "message") or "the snapshot failed")
    if flag(live, "status", "readyToUse"):
        return healthy()
    return progressing("not ready to use yet")
