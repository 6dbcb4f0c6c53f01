"""Has finite work ended well? Called by ``assess``; most hooks are Jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitops.health.fields import (
    cause,
    count,
    flag,
    mapping,
    mappings,
    moment,
    number,
    sequence,
    text,
)
from gitops.health.status import Health, degraded, healthy, progressing, suspended, unknown


def job(live: Mapping[str, Any]) -> Health:
    """Complete is Healthy, Failed is Degraded, Suspended is Suspended, else Progressing.

    Kubernetes, "Jobs", "Terminal Job conditions" (SuccessCriteriaMet and FailureTarget announce an
    end that has not come); ArgoCD, "Resource Health", Job.
    """
    conditions = {
        text(each, "type"): each
        for each in mappings(live, "status", "conditions")
        if text(each, "status") == "True"
    }
    if failed := conditions.get("Failed"):
        return degraded(cause(failed) or "failed")
    if complete := conditions.get("Complete"):
        return healthy(text(complete, "message"))
    if "Suspended" in conditions or flag(live, "spec", "suspend"):
        return suspended("suspended (spec.suspend)")
    if failing := conditions.get("FailureTarget"):
        return progressing(f"failing: {cause(failing)}".removesuffix(": "))
    return progressing(_progress(live))


def cron_job(live: Mapping[str, Any]) -> Health:
    """Degraded when the last scheduled run is over and did not succeed.

    ArgoCD's shipped check for batch/CronJob: Suspended by ``spec.suspend``; Healthy while a run is
    active or none ever succeeded (its status does not tell a first run from a failed one).
    Kubernetes, "CronJob"; CronJobStatus.
    """
    if flag(live, "spec", "suspend"):
        return suspended("suspended (spec.suspend)")
    if live.get("status") is None:
        return progressing("waiting for its controller")
    scheduled = moment(live, "status", "lastScheduleTime")
    succeeded = moment(live, "status", "lastSuccessfulTime")
    if scheduled is None:
        return healthy("not scheduled yet")
    if sequence(live, "status", "active"):
        return healthy("a run is active")
    if succeeded is None:
        return healthy("no run has succeeded yet")
    if succeeded < scheduled:
        when = text(live, "status", "lastScheduleTime")
        return degraded(f"its last run, scheduled at {when}, did not succeed")
    return healthy()


def workflow(live: Mapping[str, Any]) -> Health:
    """Argo Workflows, "Workflow status": the phases Pending, Running, Succeeded, Failed, Error.

    ArgoCD assesses it in code; ``spec.suspend`` is ours to add: a person must resume it.
    """
    phase, message = text(live, "status", "phase"), text(live, "status", "message")
    match phase:
        case "Succeeded":
            return healthy(message)
        case "Failed" | "Error":
            return degraded(message or phase.lower())
        case "" | "Pending" | "Running" if flag(live, "spec", "suspend"):
            return suspended("suspended (spec.suspend)")
        case "" | "Pending" | "Running":
            return progressing(message or phase.lower() or "waiting for its controller")
        case _:
            return unknown(f"its phase is '{phase}'")


def _progress(live: Mapping[str, Any]) -> str:
    if not mapping(live, "status"):
        return "waiting for its controller"
    active, failed = count(live, "status", "active"), count(live, "status", "failed")
    succeeded, wanted = count(live, "status", "succeeded"), number(live, "spec", "completions")
    parts = [f"{active} Pods active"]
    if wanted is not None and wanted > 1:
        parts.append(f"{succeeded} of {wanted} completions")
    if failed:
        limit = number(live, "spec", "backoffLimit")
        parts.append(f"{failed} failed" if limit is None else f"{failed} failed (limit {limit})")
    return ", ".join(parts)
