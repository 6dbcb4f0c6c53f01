"""A reconciler's own credentials: what its Pod would have, for a pass on this machine."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.checkout import Checkout
from tests.e2e.live import Body, Live

IMAGE = "registry.example/home-ops:1.2.3"


def deployed(**changes: object) -> Body:
    """The config of a reconciler in the cluster."""
    return {"deploy": {"image": IMAGE, **changes}}


def account_kubeconfig(checkout: Checkout, account: str = "reconciler") -> Path:
    """A kubeconfig with a new token of one of the bootstrap's ServiceAccounts (Kubernetes,
    "TokenRequest")."""
    namespace = f"{checkout.id}-base"
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = checkout.live.request("POST", path, wanted)["status"]["token"]
    value = json.loads(Path(checkout.environment["KUBECONFIG"]).read_text())
    for user in value["users"]:
        user["user"] = {"token": token}
    file = checkout.root.parent / f"{account}.kubeconfig"
    file.write_text(json.dumps(value))
    return file


def refused(live: Live, method: str, path: str, body: Body | None = None) -> bool:
    """Whether the API server says that a request is forbidden."""
    content = json.dumps(body) if body is not None else None
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    status, answer = live._exchange(method, path, content, live._headers(kind))
    assert status < 300 or status == 403, (status, answer)
    return status == 403
