"""How does a namespace go away while an aggregated API has no backend?

Started by the supervisor. The namespace controller deletes what is in a namespace and then waits
until every API group answers: with the APIService of metrics-server applied, whose pods serve
nothing here, no namespace would ever end. Such a group stores nothing of its own in this control
plane. So a namespace that waits for that reason alone is ended here.
"""

from __future__ import annotations

import re
import threading
from urllib.parse import quote

from toolchain.controlplane.api import Api, Object, follow
from toolchain.controlplane.errors import ApiError

_DISCOVERY = "NamespaceDeletionDiscoveryFailure"
_GROUP_VERSION = re.compile(r"\b([a-z0-9][a-z0-9.-]*)/(v[0-9][a-z0-9]*)\b")
_CONFLICT = 409
_NOT_FOUND = 404


def start(api: Api) -> None:
    """Begin, in a thread that ends with the process."""
    requests = api.clone()

    def see(event: str, namespace: Object) -> None:
        groups = waits_for(namespace) if event != "DELETED" else set()
        if groups and groups <= _without_backend(requests):
            _finish(requests, namespace)

    arguments = (api.clone(), "/api/v1/namespaces", see)
    threading.Thread(target=follow, args=arguments, daemon=True).start()


def waits_for(namespace: Object) -> set[str]:
    """The group versions that alone keep a namespace from ending, as names of APIServices.

    Empty when it is not being deleted, or when anything is left in it.
    """
    status = namespace.get("status") or {}
    if status.get("phase") != "Terminating":
        return set()
    true = {item["type"]: item for item in status.get("conditions") or [] if is_true(item)}
    if set(true) != {_DISCOVERY}:
        return set()
    found = _GROUP_VERSION.findall(true[_DISCOVERY].get("message") or "")
    return {f"{version}.{group}" for group, version in found}


def is_true(condition: Object) -> bool:
    """Whether a condition holds."""
    return bool(condition.get("status") == "True")


def _without_backend(api: Api) -> set[str]:
    """APIServices that name a Service which does not answer."""
    listed = api.request("GET", "/apis/apiregistration.k8s.io/v1/apiservices")
    return {
        item["metadata"]["name"]
        for item in listed["items"]
        if item["spec"].get("service")
        and not any(
            condition["type"] == "Available" and is_true(condition)
            for condition in (item.get("status") or {}).get("conditions") or []
        )
    }


def _finish(api: Api, namespace: Object) -> None:
    """Take the controller's finalizer off a namespace, as the controller would."""
    name = namespace["metadata"]["name"]
    body = {**namespace, "spec": {"finalizers": []}}
    try:
        api.request("PUT", f"/api/v1/namespaces/{quote(name)}/finalize", body)
    except ApiError as error:
        if error.status not in (_CONFLICT, _NOT_FOUND):
            raise
