"""Is network configuration accepted? Rules for Istio and Cilium, which write of problems only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import mappings, text
from gitops.health.status import Health, degraded, healthy

_CILIUM_PROBLEMS = (
    "cilium.io/ConflictingClusterConfig",
    "cilium.io/MissingAuthSecret",
    "cilium.io/MissingPeerConfigs",
    "cilium.io/NoMatchingNode",
    "cilium.io/PoolConflict",
)


def istio(live: Mapping[str, Any]) -> Health | None:
    """Errors of its analysis, where that is switched on (Istio, "Configuration Status Field")."""
    for each in mappings(live, "status", "validationMessages"):
        if text(each, "level").upper() == "ERROR":
            code = text(each, "type", "code")
            return degraded(f"{code}: {text(each, 'documentationUrl')}".strip(": "))
    return None


def cilium(live: Mapping[str, Any]) -> Health | None:
    """Conditions that are True when something is wrong.

    Cilium, "LoadBalancer IP Address Management", "Conflicts"; "BGP Control Plane Operation Guide".
    Others with its prefix count: ``cilium.io/IPsAvailable`` is Unknown, its message a number.
    """
    found = mappings(live, "status", "conditions")
    for each in found:
        if text(each, "type") in _CILIUM_PROBLEMS and text(each, "status") == "True":
            kind = text(each, "type").rpartition("/")[2]
            return degraded(f"{kind}: {text(each, 'message') or text(each, 'reason')}")
    is_counted = found and all(text(each, "type").startswith("cilium.io/") for each in found)
    return healthy() if is_counted else None
