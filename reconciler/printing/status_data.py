"""What of an Application's status do ``-o json`` and ``-o yaml`` hold?

Called by the printing of the commands. The names below ``status`` are those of ArgoCD's
Application, and of the records.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gitops.records.record import ApplicationRecord
from gitops.status.application import ApplicationStatus
from gitops.status.resource import ResourceStatus


def as_data(found: ApplicationStatus) -> dict[str, Any]:
    """An Application as ``-o json`` has it; ``status`` has the fields of ArgoCD's Application."""
    spec = found.spec
    return {
        "name": found.name,
        "category": found.category,
        "applicationSet": spec.application_set if spec else "",
        "project": spec.project if spec else "",
        "path": spec.source.path if spec else "",
        "namespace": found.namespace,
        "objects": len(found.resources),
        "kinds": dict(found.kinds),
        "status": {
            "health": {
                "status": found.health.status.value,
                "message": found.health.message,
            },
            "sync": _sync_data(found),
            **(_remembered_data(found.record) if found.record else {}),
            "resources": [resource_data(each) for each in found.resources],
        },
    }


def _sync_data(found: ApplicationStatus) -> dict[str, Any]:
    sync = found.sync
    data: dict[str, Any] = {"status": sync.status.value, "message": sync.message}
    if sync.revision:
        data["revision"] = sync.revision
    if sync.compared:
        data["comparedAt"] = _time(sync.compared)
    return data


def _remembered_data(record: ApplicationRecord) -> dict[str, Any]:
    data: dict[str, Any] = {"paused": record.paused}
    if record.paused_by:
        data |= {"pausedBy": record.paused_by, "pausedAt": record.paused_at}
    if record.pinned:
        pinned = record.pinned
        data["rollback"] = {"revision": pinned.revision, "insteadOf": pinned.instead_of}
    if operation := record.operation:
        data["operationState"] = {
            "phase": operation.phase.value,
            "message": operation.message,
            "startedAt": _time(operation.started),
            "finishedAt": _time(operation.finished) if operation.finished else "",
        }
    data["conditions"] = [
        {"type": each.type, "message": each.message, "lastTransitionTime": _time(each.since)}
        for each in record.conditions
    ]
    return data


def resource_data(found: ResourceStatus) -> dict[str, Any]:
    """An object as ``-o json`` has it."""
    key = found.key
    data: dict[str, Any] = {
        "group": key.group,
        "version": found.api_version.rpartition("/")[2],
        "kind": key.kind,
        "namespace": key.namespace,
        "name": key.name,
        "health": {"status": found.health.status.value, "message": found.message},
    }
    if found.hook:
        data["hook"] = True
    if found.ignored:
        data["ignored"] = True
    if found.children:
        data["children"] = [resource_data(each) for each in found.children]
    return data


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
