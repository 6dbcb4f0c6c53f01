"""Do monitoring and event-driven scaling work? Rules for Prometheus operator, KEDA and VPA."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import cause, condition, text
from gitops.health.status import Health, degraded, healthy, progressing


def prometheus(live: Mapping[str, Any]) -> Health | None:
    """Available may also be "Degraded", which means that some Pods are not ready.

    Prometheus Operator, API reference, Condition and ConditionStatus.
    """
    reconciled, available = condition(live, "Reconciled"), condition(live, "Available")
    if text(reconciled, "status") == "False":
        return degraded(f"not reconciled: {cause(reconciled)}")
    match text(available, "status"):
        case "True":
            return healthy(text(available, "message"))
        case "Degraded":
            return progressing(cause(available))
        case "False":
            return degraded(cause(available))
    return progressing(cause(available) or "its controller has not reported on it yet")


def scaled_object(live: Mapping[str, Any]) -> Health | None:
    """Fallback means that its metrics fail (KEDA, "Scaling Deployments", "Fallback").

    HPAMetricsUnavailable is how each one starts, until its autoscaler has read a metric.
    """
    fallback = condition(live, "Fallback")
    if text(fallback, "status") == "True":
        return degraded(f"it falls back as its metrics fail: {cause(fallback)}")
    ready = condition(live, "Ready")
    if text(ready, "status") == "False" and text(ready, "reason") == "HPAMetricsUnavailable":
        return progressing(cause(ready))
    return None


def vertical_autoscaler(live: Mapping[str, Any]) -> Health | None:
    """Kubernetes autoscaler, "Vertical Pod Autoscaler", VerticalPodAutoscalerConditionType."""
    for kind in ("NoPodsMatched", "ConfigUnsupported"):
        if text(found := condition(live, kind), "status") == "True":
            return degraded(f"{kind}: {text(found, 'message')}".removesuffix(": "))
    if text(condition(live, "RecommendationProvided"), "status") == "True":
        return healthy()
    return progressing("no recommendation yet")
