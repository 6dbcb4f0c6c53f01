"""What did a hook's pods say last?

Called when a hook has failed or hangs: the end of its log is what its author wants to see first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cluster.connection import Connection, StatusError
from gitops.errors import ClusterError
from gitops.health import assess
from gitops.objects.ownership import live_key

LINES = 10
LONGEST_LINE = 300
MOST_PODS = 3
_MOST_BYTES = 65536
# Kubernetes, "Labels, Annotations and Taints"; Argo Workflows, "Workflow pods"
_SELECTORS = {
    ("batch", "Job"): ("batch.kubernetes.io/controller-uid", "uid"),
    ("argoproj.io", "Workflow"): ("workflows.argoproj.io/workflow", "name"),
}


def last_words(connection: Connection, live: Mapping[str, Any]) -> tuple[str, ...]:
    """The end of the logs of a hook's containers that failed, or else of all of them, and why
    there is none; never an error.

    Args:
        connection: the API server.
        live: the hook's object as it was seen last.
    """
    try:
        pods = _pods(connection, live)
    except ClusterError as error:
        return (f"its pods cannot be listed ({error.reason})",)
    if pods is None:
        return ()
    if not pods:
        return ("it has no pod left whose log could be read",)
    newest = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))
    return tuple(line for pod in newest[-MOST_PODS:] for line in _of_pod(connection, pod))


def _pods(connection: Connection, live: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    key = live_key(live)
    if (key.group, key.kind) == ("", "Pod"):
        return [dict(live)]
    selector = _SELECTORS.get((key.group, key.kind))
    if selector is None:
        return None
    label, field = selector
    query = {"labelSelector": f"{label}={live['metadata'][field]}"}
    listed = connection.get(f"/api/v1/namespaces/{key.namespace}/pods", query)
    kind = {"apiVersion": "v1", "kind": "Pod"}
    return [{**pod, **kind} for pod in listed.get("items") or ()]


def _of_pod(connection: Connection, pod: Mapping[str, Any]) -> Iterator[str]:
    name, health = pod["metadata"]["name"], assess(pod)
    yield f"pod {name}: {health.message or health.status}"
    status = pod.get("status") or {}
    found = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for container in [each for each in found if _failed(each)] or found:
        if "waiting" not in (container.get("state") or {}) or container.get("restartCount"):
            yield from _of_container(connection, pod, container)


def _failed(container: Mapping[str, Any]) -> bool:
    states = (container.get("state") or {}, container.get("lastState") or {})
    return any((state.get("terminated") or {}).get("exitCode") for state in states)


def _of_container(
    connection: Connection, pod: Mapping[str, Any], container: Mapping[str, Any]
) -> Iterator[str]:
    key, name = live_key(pod), container["name"]
    path = f"/api/v1/namespaces/{key.namespace}/pods/{key.name}/log"
    query: dict[str, str | int] = {"container": name, "tailLines": LINES, "limitBytes": _MOST_BYTES}
    if "waiting" in (container.get("state") or {}):
        query["previous"] = "true"
    try:
        text = connection.get_bytes(path, query, accept="*/*").decode(errors="replace")
    except ClusterError as error:
        message = error.status.get("message") if isinstance(error, StatusError) else ""
        yield f"container {name}: no log ({_printable(str(message or error.reason))})"
        return
    lines = text.splitlines()[-LINES:]
    yield f"container {name}: {'the end of its log' if lines else 'its log is empty'}"
    yield from (f"| {_printable(line)}" for line in lines)


def _printable(line: str) -> str:
    # a log may hold anything; on a terminal it must not act
    shown = "".join(each if each.isprintable() else " " for each in line.expandtabs(4))
    return shown if len(shown) <= LONGEST_LINE else f"{shown[: LONGEST_LINE - 1]}…"
