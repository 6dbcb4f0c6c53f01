"""How is a pass asked for from outside of the process that makes it?

Called by the webhook receiver and by `gitops reconcile --trigger`. Where a CronJob makes the
passes, a Job like its own is made, as `kubectl create job --from` does; where a loop does, it looks
at a ConfigMap between its passes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from cluster.connection import Connection, StatusError
from gitops.deployment.stack_names import trigger_name
from gitops.in_cluster.objects import RECONCILER

APPLY = "application/apply-patch+yaml"
FIELD = "requested"
_INSTANTIATED = "cronjob.kubernetes.io/instantiate"
_NOT_FOUND = 404


def start_job(connection: Connection, *, namespace: str) -> str | None:
    """Make a Job of the reconciler's CronJob now; its name, None where there is no CronJob.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    root = f"/apis/batch/v1/namespaces/{namespace}"
    try:
        cron_job = connection.get(f"{root}/cronjobs/{RECONCILER}")
    except StatusError as error:
        if error.code == _NOT_FOUND:
            return None
        raise
    made = connection.post(f"{root}/jobs", json.dumps(_job(cron_job, namespace)).encode())
    return str(made["metadata"]["name"])


def ask(connection: Connection, *, namespace: str, stack: str) -> None:
    """Ask the loop that makes a stack's passes for one.

    Raises:
        ClusterError: the server does not answer or refuses.
    """
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": trigger_name(stack), "namespace": namespace},
        "data": {FIELD: now},
    }
    params = {"fieldManager": "home-ops-trigger", "force": "true"}
    path = _path(namespace, stack)
    connection.patch(path, json.dumps(body).encode(), content_type=APPLY, params=params)


def asked(connection: Connection, *, namespace: str, stack: str) -> str:
    """What was asked last; another text means that a pass was asked for since. Empty where nobody
    has asked, or one may not look.

    Raises:
        ClusterError: the server does not answer or fails.
    """
    try:
        found = connection.get(_path(namespace, stack))
    except StatusError as error:
        if error.code in (_NOT_FOUND, 403):
            return ""
        raise
    return str((found.get("data") or {}).get(FIELD) or "")


def _path(namespace: str, stack: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{trigger_name(stack)}"


def _job(cron_job: dict[str, Any], namespace: str) -> dict[str, Any]:
    template = cron_job["spec"]["jobTemplate"]
    given = template.get("metadata") or {}
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": RECONCILER,
        "uid": cron_job["metadata"]["uid"],
        "controller": True,
    }
    metadata = {
        "generateName": f"{RECONCILER}-asked-",
        "namespace": namespace,
        "labels": given.get("labels") or {},
        "annotations": {**(given.get("annotations") or {}), _INSTANTIATED: "manual"},
        "ownerReferences": [owner],
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}
