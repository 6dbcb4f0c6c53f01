"""The nodes that exist only as objects, and when the control plane is ready for use.

Called by the supervisor once the API server answers. kwok plays what these nodes would do.
"""

from __future__ import annotations

from toolchain.controlplane.api import Api, Object
from toolchain.controlplane.errors import ApiError

MOST_NODES = 200
_LABEL = "home-ops.local/node"
_CAPACITY = {"cpu": "32", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "1000"}
_CONFLICT = 409
_NOT_FOUND = 404


def create(api: Api, count: int) -> None:
    """Make the nodes that are missing and remove those beyond the number wanted.

    Args:
        api: the client to use.
        count: how many nodes there shall be.
    """
    wanted = {_name(number): number for number in range(1, count + 1)}
    listed = api.request("GET", f"/api/v1/nodes?labelSelector={_LABEL}")
    present = {item["metadata"]["name"] for item in listed["items"]}
    version = str(api.request("GET", "/version")["gitVersion"])
    for name in sorted(present - set(wanted)):
        api.request("DELETE", f"/api/v1/nodes/{name}")
    for name, number in wanted.items():
        if name not in present:
            try:
                api.request("POST", "/api/v1/nodes", _node(name, number, version))
            except ApiError as error:
                if error.status != _CONFLICT:
                    raise


def unready(api: Api, count: int) -> str | None:
    """What still keeps a Deployment from running here, or None when nothing does.

    Args:
        api: the client to use.
        count: how many nodes there shall be.
    """
    try:
        api.request("GET", "/api/v1/namespaces/default/serviceaccounts/default")
        api.request("GET", "/api/v1/namespaces/default/configmaps/kube-root-ca.crt")
    except ApiError as error:
        if error.status == _NOT_FOUND:
            return "the namespace default has no service account or certificate yet"
        raise
    nodes = api.request("GET", "/api/v1/nodes")["items"]
    ready = sum(1 for node in nodes if _accepts_pods(node))
    return None if ready >= count else f"{ready} of {count} nodes accept pods"


def _name(number: int) -> str:
    return f"node-{number}"


def _accepts_pods(node: Object) -> bool:
    """Whether a node is ready and the controllers have taken their taint off it."""
    conditions = node["status"].get("conditions") or []
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
    return ready and not node["spec"].get("taints")


def _node(name: str, number: int, version: str) -> Object:
    """A large node. Its address is one of those set aside for documentation (RFC 5737)."""
    # Room for the pods of one node: 10.64.0.0 and up, 16,384 addresses each.
    second, third = divmod((number + 3) * 64, 256)
    pods = f"10.{64 + second}.{third}.0/18"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": _labels(name, number)},
        "spec": {"podCIDR": pods, "podCIDRs": [pods]},
        "status": {
            "capacity": _CAPACITY,
            "allocatable": _CAPACITY,
            "addresses": [
                {"type": "InternalIP", "address": f"192.0.2.{number}"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "osImage": "kwok",
                "kernelVersion": "kwok",
                "containerRuntimeVersion": "kwok://0",
                "kubeletVersion": version,
                "kubeProxyVersion": "",
                "machineID": name,
                "systemUUID": name,
                "bootID": name,
            },
        },
    }


def _labels(name: str, number: int) -> dict[str, str]:
    """What selectors of real applications look for; the first node is the control plane's."""
    role = {"node-role.kubernetes.io/control-plane": ""} if number == 1 else {}
    return role | {
        _LABEL: "true",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": "local",
        "topology.kubernetes.io/zone": f"local-{number}",
    }
