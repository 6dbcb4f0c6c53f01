"""Does a Pod run, or did it end well? Called by ``assess``; hooks may be bare Pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gitops.health.fields import condition, count, mapping, mappings, text
from gitops.health.status import Health, degraded, healthy, progressing, unknown

IGNORE_RESTART_POLICY = "argocd.argoproj.io/ignore-restart-policy"
_STATUSES = ("initContainerStatuses", "containerStatuses")


def pod(live: Mapping[str, Any]) -> Health:
    """Ready where it runs for ever, Succeeded where it runs once.

    Kubernetes, "Pod Lifecycle"; ArgoCD's built-in rule: a Pod with another restart policy than
    Always is usually a hook, so it is Progressing until it ends and a failing image pull does not
    fail it early; the annotation ``argocd.argoproj.io/ignore-restart-policy`` lifts that.
    """
    phase, message = text(live, "status", "phase"), text(live, "status", "message")
    annotations = mapping(live, "metadata", "annotations")
    always = text(live, "spec", "restartPolicy") in ("", "Always")
    if always and phase in ("Pending", "Running") and (cause := _stuck(live)):
        return degraded(cause)
    match phase:
        case "Succeeded":
            return healthy(message)
        case "Failed":
            return degraded(message or _failure(live) or text(live, "status", "reason") or "failed")
        case "Running" if always or IGNORE_RESTART_POLICY in annotations:
            return _running(live)
        case "Running":
            return progressing(message or _waiting(live) or "running; it is to end by itself")
        case "Pending":
            return progressing(message or _waiting(live) or _unscheduled(live) or "pending")
        case "" if not mapping(live, "status"):
            return progressing("not yet seen by the scheduler")
        case _:
            return unknown(message or f"its phase is '{phase}'")


def _running(live: Mapping[str, Any]) -> Health:
    ready = condition(live, "Ready")
    if text(ready, "status") == "True":
        return healthy()
    for container in _containers(live):
        last = mapping(container, "lastState", "terminated")
        if last:
            name, end = text(container, "name"), _ending(last)
            return degraded(f"container {name} was restarted and is not ready: {end}")
    return progressing(text(ready, "message") or "not ready yet")


def _stuck(live: Mapping[str, Any]) -> str:
    """The containers that wait for a failure to go away, each with reason and message."""
    causes = []
    for container in _containers(live):
        waiting = mapping(container, "state", "waiting")
        reason = text(waiting, "reason")
        if reason.startswith(("Err", "Invalid")) or reason.endswith(("Error", "BackOff")):
            cause = f"container {text(container, 'name')}: {reason}: {text(waiting, 'message')}"
            last = mapping(container, "lastState", "terminated")
            ending = f" (last ended with {_ending(last)})" if last else ""
            causes.append(cause.removesuffix(": ") + ending)
    return "; ".join(causes)


def _waiting(live: Mapping[str, Any]) -> str:
    for container in _containers(live):
        reason = text(container, "state", "waiting", "reason")
        if reason and reason not in ("PodInitializing", "ContainerCreating"):
            message = text(container, "state", "waiting", "message")
            return f"container {text(container, 'name')}: {reason}: {message}".removesuffix(": ")
    if any(text(each, "state", "waiting", "reason") for each in _containers(live)):
        return "its containers are being created"
    return ""


def _unscheduled(live: Mapping[str, Any]) -> str:
    scheduled = condition(live, "PodScheduled")
    if text(scheduled, "status") != "False":
        return ""
    return f"not scheduled: {text(scheduled, 'message') or text(scheduled, 'reason')}"


def _failure(live: Mapping[str, Any]) -> str:
    for container in _containers(live):
        end = mapping(container, "state", "terminated")
        if end and (count(end, "exitCode") or text(end, "reason") == "OOMKilled"):
            return f"container {text(container, 'name')} ended with {_ending(end)}"
    return ""


def _ending(end: Mapping[str, Any]) -> str:
    reason, code = text(end, "reason"), count(end, "exitCode")
    known = f"{reason}, exit code {code}" if reason else f"exit code {code}"
    message = text(end, "message")
    return f"{known}: {message}" if message else known


def _containers(live: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in _STATUSES:
        yield from mappings(live, "status", name)
