"""Can an autoscaler read its metrics and scale? Called by ``assess``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gitops.health.fields import SurpriseError, mapping, mappings, text
from gitops.health.status import Health, degraded, healthy, progressing

V1_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
_CANNOT_SCALE = ("FailedGetScale", "FailedUpdateScale")
_CANNOT_COUNT = ("FailedGet", "FailedCompute", "Invalid", "AmbiguousSelector")
_WORKS = frozenset(
    {
        ("AbleToScale", "SucceededRescale"),
        ("ScalingActive", "ScalingDisabled"),
        ("ScalingActive", "ValidMetricFound"),
        ("ScalingLimited", "DesiredWithinRange"),
        ("ScalingLimited", "TooFewReplicas"),
        ("ScalingLimited", "TooManyReplicas"),
    }
)


def horizontal(live: Mapping[str, Any]) -> Health:
    """Degraded when it cannot scale or has no metric, Healthy once it has made a decision.

    Kubernetes, "Horizontal Pod Autoscaling", "Appendix: Horizontal Pod Autoscaler Status
    Conditions"; the reasons are those of ArgoCD's built-in rule. Ours to add: every kind of metric
    counts, not only resources, and a target scaled to zero (ScalingDisabled) is as asked for.
    """
    conditions = _conditions(live)
    for each in conditions:
        kind, reason = text(each, "type"), text(each, "reason")
        if (kind == "AbleToScale" and reason in _CANNOT_SCALE) or (
            kind == "ScalingActive" and reason.startswith(_CANNOT_COUNT)
        ):
            return degraded(f"{reason}: {text(each, 'message')}".removesuffix(": "))
    for each in conditions:
        if (text(each, "type"), text(each, "reason")) in _WORKS:
            return healthy(text(each, "message"))
    return progressing("waiting for its first decision")


def _conditions(live: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """``autoscaling/v1`` has no room for conditions and puts them, as JSON, in an annotation."""
    found = mappings(live, "status", "conditions")
    annotation = text(mapping(live, "metadata", "annotations"), V1_CONDITIONS)
    if found or not annotation:
        return found
    try:
        return mappings({V1_CONDITIONS: json.loads(annotation)}, V1_CONDITIONS)
    except (ValueError, RecursionError):
        raise SurpriseError(f"annotation {V1_CONDITIONS} is no JSON") from None
