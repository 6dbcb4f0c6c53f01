"""How are objects of Argo Rollouts, Argo Events and ArgoCD itself?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import cause, condition, flag, mappings, text
from gitops.health.status import Health, degraded, healthy, progressing, suspended


def rollout(live: Mapping[str, Any]) -> Health | None:
    """Its phase, which the controller works out from everything else it knows.

    Argo Rollouts, "Rollout Specification", ``status.phase``: Healthy, Progressing, Paused (a canary
    step or someone waits) and Degraded (aborted, or the progress deadline is over).
    """
    message = text(live, "status", "message")
    if text(condition(live, "InvalidSpec"), "status") == "True":
        return degraded(f"invalid spec: {text(condition(live, 'InvalidSpec'), 'message')}")
    if flag(live, "status", "abort"):
        return degraded(f"aborted: {message}" if message else "aborted")
    match text(live, "status", "phase"):
        case "Healthy":
            return healthy(message)
        case "Progressing":
            return progressing(message or "rolling out")
        case "Paused":
            waits = [text(each, "reason") for each in mappings(live, "status", "pauseConditions")]
            return suspended(message or ", ".join(waits) or "paused")
        case "Degraded":
            return degraded(message or "degraded")
        case "":
            return progressing("its controller has not reported on it yet")
    return None


def events(live: Mapping[str, Any]) -> Health | None:
    """All conditions True (Argo Events, "EventBus", "EventSource", "Sensor"; common/Status)."""
    found = mappings(live, "status", "conditions")
    for each in found:
        if text(each, "status") == "False":
            return degraded(f"{text(each, 'type')} is False: {cause(each)}".removesuffix(": "))
    waiting = [text(each, "type") for each in found if text(each, "status") != "True"]
    if waiting or not found:
        return progressing(f"waiting for {', '.join(waiting) or 'its controller'}")
    return healthy()


def application_set(live: Mapping[str, Any]) -> Health | None:
    """ErrorOccurred, then ResourcesUpToDate (ArgoCD, "ApplicationSet", status conditions)."""
    error, current = condition(live, "ErrorOccurred"), condition(live, "ResourcesUpToDate")
    if text(error, "status") == "True":
        return degraded(cause(error))
    if text(current, "status") == "False":
        return degraded(f"its Applications are not up to date: {cause(current)}")
    rolling = condition(live, "RolloutProgressing")
    if text(rolling, "status") == "True":
        return progressing(cause(rolling))
    if text(current, "status") == "True":
        return healthy(text(current, "message"))
    return progressing("its controller has not reported on it yet")
