"""Who may talk to the API server, and with what: tokens, kubeconfigs, the signing key.

Called by the supervisor before it starts the components. Everything is made at run time; what an
earlier run made is kept, so that a kubeconfig in somebody's shell stays good.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from pathlib import Path
from typing import Any

from toolchain.controlplane.layout import Layout, read_json, write_json, write_private

ADMIN = "admin"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"
NODES = "kwok"
SUPERVISOR = "supervisor"

# The scheduler gets by with the role Kubernetes ships for it. The others act on every kind, and as
# members of system:masters they are also exempt from the API server's request queues.
USERS = {
    ADMIN: ("home-ops:admin", "system:masters"),
    CONTROLLER_MANAGER: ("system:kube-controller-manager", "system:masters"),
    SCHEDULER: ("system:kube-scheduler", ""),
    NODES: ("home-ops:kwok", "system:masters"),
    SUPERVISOR: ("home-ops:supervisor", "system:masters"),
}

# DER of an ECPrivateKey (RFC 5915) without its public half, which readers derive: a sequence of
# the version 1, 32 octets of key, and the object identifier of the curve P-256.
_KEY_PREFIX = bytes.fromhex("3031020101" + "0420")
_KEY_SUFFIX = bytes.fromhex("a00a06082a8648ce3d030107")
# Order of P-256 (FIPS 186-5): a private key is a number from 1 up to one less.
_CURVE_ORDER = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)

# The API server's own certificate is good for a year; a new one is made well before.
_CERTIFICATE_SECONDS = 300 * 24 * 3600


def tokens_file(layout: Layout) -> Path:
    """The file the API server reads tokens from (its flag ``--token-auth-file``)."""
    return layout.credentials / "tokens.csv"


def signing_key(layout: Layout) -> Path:
    """The key that signs service account tokens."""
    return layout.credentials / "service-accounts.key"


def component_kubeconfig(layout: Layout, component: str) -> Path:
    """The kubeconfig of one component."""
    return layout.credentials / f"{component}.kubeconfig"


def prepare(layout: Layout) -> dict[str, str]:
    """Make what is missing of tokens and keys, and drop a certificate that is about to expire.

    Returns:
        The token of each user.
    """
    stored = read_json(layout.credentials / "tokens.json")
    tokens = {user: str(stored.get(user) or secrets.token_urlsafe(32)) for user in USERS}
    if tokens != stored:
        write_json(layout.credentials / "tokens.json", tokens)
    rows = [
        f'{tokens[user]},{name},{user},"{groups}"' if groups else f"{tokens[user]},{name},{user}"
        for user, (name, groups) in USERS.items()
    ]
    write_private(tokens_file(layout), "\n".join(rows) + "\n")
    if not signing_key(layout).exists():
        write_private(signing_key(layout), _new_private_key())
    _drop_unusable_certificate(layout)
    return tokens


def write_kubeconfigs(layout: Layout, server: str, tokens: dict[str, str]) -> None:
    """Write the kubeconfig of the user and those of the components.

    Args:
        layout: the control plane's paths; its certificate must have been made.
        server: the API server's address.
        tokens: the token of each user.
    """
    authority = base64.b64encode(layout.certificate.read_bytes()).decode()
    for component in (CONTROLLER_MANAGER, SCHEDULER, NODES):
        value = _kubeconfig(component, server, authority, tokens[component])
        write_json(component_kubeconfig(layout, component), value)
    name = f"home-ops-{layout.name}"
    content = json.dumps(_kubeconfig(name, server, authority, tokens[ADMIN]), indent=1) + "\n"
    # Tools notice a changed file; one that says the same as before is left alone.
    if not layout.kubeconfig.exists() or layout.kubeconfig.read_text() != content:
        write_private(layout.kubeconfig, content)


def _drop_unusable_certificate(layout: Layout) -> None:
    """Remove a certificate about to expire, or half of one: the API server makes both anew."""
    halves = (layout.certificate, layout.certificate.with_suffix(".key"))
    present = [path for path in halves if path.exists()]
    youngest = time.time() - _CERTIFICATE_SECONDS
    if len(present) == 1 or any(path.stat().st_mtime < youngest for path in present):
        for path in present:
            path.unlink()


def _kubeconfig(name: str, server: str, authority: str, token: str) -> dict[str, Any]:
    """A kubeconfig with one cluster, one user and one context; JSON is valid YAML."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {"name": name, "cluster": {"server": server, "certificate-authority-data": authority}}
        ],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def _new_private_key() -> str:
    """A new P-256 private key in PEM, with nothing but the standard library."""
    number = 1 + secrets.randbelow(_CURVE_ORDER - 1)
    encoded = base64.b64encode(_KEY_PREFIX + number.to_bytes(32, "big") + _KEY_SUFFIX).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{encoded}\n-----END EC PRIVATE KEY-----\n"
