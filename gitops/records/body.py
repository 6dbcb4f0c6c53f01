"""What does an Application's record look like as an object of the cluster?

Written and read by ``cluster.application_records``. Reading is total: whatever is missing or was
edited into something else reads as not remembered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from gitops.health import HealthStatus
from gitops.records.record import (
    ApplicationRecord,
    Condition,
    HistoryEntry,
    Operation,
    OperationPhase,
    Pinned,
    SyncStatus,
)

Member = TypeVar("Member", bound=StrEnum)


PAUSED_BY, PAUSED_AT = "home-ops.dev/paused-by", "home-ops.dev/paused-at"


def spec_of(record: ApplicationRecord) -> dict[str, Any]:
    """What identifies the Application, and its rollback. ``paused`` is people's alone: a pass that
    began before they set it must not write it back."""
    spec: dict[str, Any] = {
        "project": record.project,
        "path": record.path,
        "namespace": record.namespace,
    }
    if record.pinned:
        spec["rollback"] = {
            "revision": record.pinned.revision,
            "insteadOf": record.pinned.instead_of,
            "digest": record.pinned.digest,
        }
    return spec


def status_of(record: ApplicationRecord) -> dict[str, Any]:
    """The status as it is written."""
    status: dict[str, Any] = {
        "sync": {
            "status": record.sync.value,
            "revision": record.revision,
            "digest": record.digest,
            "inputs": record.inputs,
            "settings": record.settings,
        },
        "health": {"status": record.health.value, "message": record.message},
        "objects": record.objects,
        "resources": [dict(each) for each in record.resources],
        "conditions": [
            {"type": each.type, "message": each.message, "lastTransitionTime": _text(each.since)}
            for each in record.conditions
        ],
        "history": [_entry(each) for each in record.history],
        "compared": dict(record.equal),
    }
    if record.operation:
        status["operationState"] = _operation(record.operation)
    return status


def read(body: Mapping[str, Any]) -> ApplicationRecord:
    """Read the live object; what is missing or malformed reads as not remembered."""
    spec, status = _mapping(body.get("spec")), _mapping(body.get("status"))
    annotations = _mapping(_mapping(body.get("metadata")).get("annotations"))
    sync, health = _mapping(status.get("sync")), _mapping(status.get("health"))
    return ApplicationRecord(
        name=str(_mapping(body.get("metadata")).get("name") or ""),
        project=_string(spec.get("project")),
        path=_string(spec.get("path")),
        namespace=_string(spec.get("namespace")),
        paused=spec.get("paused") is True,
        paused_by=_string(annotations.get(PAUSED_BY)),
        paused_at=_string(annotations.get(PAUSED_AT)),
        pinned=_pinned(_mapping(spec.get("rollback"))),
        revision=_string(sync.get("revision")),
        digest=_string(sync.get("digest")),
        inputs=_string(sync.get("inputs")),
        settings=_string(sync.get("settings")),
        sync=_member(SyncStatus, sync.get("status"), SyncStatus.UNKNOWN),
        health=_member(HealthStatus, health.get("status"), HealthStatus.UNKNOWN),
        message=_string(health.get("message")),
        objects=_number(status.get("objects")),
        resources=tuple(_mappings(status.get("resources"))),
        conditions=tuple(_condition(each) for each in _mappings(status.get("conditions"))),
        operation=_operation_from(_mapping(status.get("operationState"))),
        history=tuple(_entry_from(each) for each in _mappings(status.get("history"))),
        equal={str(k): str(v) for k, v in _mapping(status.get("compared")).items()},
    )


def _operation(operation: Operation) -> dict[str, Any]:
    return {
        "phase": operation.phase.value,
        "message": operation.message,
        "syncResult": {
            "revision": operation.revision,
            "digest": operation.digest,
            "settings": operation.settings,
        },
        "startedAt": _text(operation.started),
        "finishedAt": _text(operation.finished) if operation.finished else "",
        "retryCount": operation.retries,
    }


def _operation_from(values: Mapping[str, Any]) -> Operation | None:
    if not values:
        return None
    result = _mapping(values.get("syncResult"))
    return Operation(
        phase=_member(OperationPhase, values.get("phase"), OperationPhase.ERROR),
        message=_string(values.get("message")),
        revision=_string(result.get("revision")),
        digest=_string(result.get("digest")),
        settings=_string(result.get("settings")),
        started=_time(values.get("startedAt")),
        finished=_time(values["finishedAt"]) if values.get("finishedAt") else None,
        retries=_number(values.get("retryCount")),
    )


def _entry(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "revision": entry.revision,
        "digest": entry.digest,
        "author": entry.author,
        "message": entry.message,
        "deployedAt": _text(entry.deployed),
        "durationMilliseconds": round(entry.seconds * 1000),
        "changes": dict(entry.changes),
    }


def _entry_from(values: Mapping[str, Any]) -> HistoryEntry:
    return HistoryEntry(
        id=_number(values.get("id")),
        revision=_string(values.get("revision")),
        digest=_string(values.get("digest")),
        author=_string(values.get("author")),
        message=_string(values.get("message")),
        deployed=_time(values.get("deployedAt")),
        seconds=_number(values.get("durationMilliseconds")) / 1000,
        changes={str(k): _number(v) for k, v in _mapping(values.get("changes")).items()},
    )


def _condition(values: Mapping[str, Any]) -> Condition:
    return Condition(
        type=_string(values.get("type")),
        message=_string(values.get("message")),
        since=_time(values.get("lastTransitionTime")),
    )


def _pinned(values: Mapping[str, Any]) -> Pinned | None:
    if not values.get("revision"):
        return None
    return Pinned(
        revision=_string(values.get("revision")),
        instead_of=_string(values.get("insteadOf")),
        digest=_string(values.get("digest")),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _member(kind: type[Member], value: Any, otherwise: Member) -> Member:
    return kind(value) if isinstance(value, str) and value in set(kind) else otherwise


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
