"""Can the API or namespace that an object announces be used? Called by ``assess``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import cause, mappings, text
from gitops.health.status import Health, degraded, healthy, progressing


def definition(live: Mapping[str, Any]) -> Health:
    """Established, its names accepted and its schema structural.

    Kubernetes, "Custom Resources" and CustomResourceDefinitionCondition; ArgoCD's built-in rule.
    Established is False with reason Installing while the API server starts to serve the kind:
    that is Progressing here, as a wave would otherwise fail on it.
    """
    found = {text(each, "type"): each for each in mappings(live, "status", "conditions")}
    if not found:
        return progressing("waiting for the API server to take it up")
    terminating, names = found.get("Terminating", {}), found.get("NamesAccepted", {})
    established, schema = found.get("Established", {}), found.get("NonStructuralSchema", {})
    if text(terminating, "status") == "True":
        return progressing(f"being deleted: {cause(terminating)}")
    if text(names, "status") == "False":
        return degraded(f"its names are not accepted: {cause(names)}")
    if text(established, "status") != "True":
        if text(established, "reason") in ("", "Installing"):
            return progressing("not established yet")
        return degraded(f"not established: {cause(established)}")
    if text(schema, "status") == "True":
        return degraded(f"its schema is not structural: {cause(schema)}")
    return healthy()


def api_service(live: Mapping[str, Any]) -> Health:
    """Available is Healthy, anything else Progressing, as in ArgoCD's built-in rule.

    Kubernetes, "Kubernetes API Aggregation Layer"; APIServiceCondition.
    """
    for each in mappings(live, "status", "conditions"):
        if text(each, "type") == "Available":
            if text(each, "status") == "True":
                return healthy()
            return progressing(f"not available: {cause(each)}")
    return progressing("waiting to be processed")


def namespace(live: Mapping[str, Any]) -> Health:
    """Terminating is Progressing, with what holds it; else Healthy.

    Kubernetes, "Namespaces" and NamespaceCondition: its conditions, such as
    NamespaceFinalizersRemaining, exist only while it is deleted.
    """
    if text(live, "status", "phase") != "Terminating":
        return healthy()
    held = [
        cause(each)
        for each in mappings(live, "status", "conditions")
        if text(each, "status") == "True"
    ]
    return progressing(f"being deleted: {'; '.join(held)}" if held else "being deleted")
