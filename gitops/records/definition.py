"""Which kind of object holds an Application's record?

Applied by the reconciler before its first write (Kubernetes, "CustomResourceDefinition").
"""

from __future__ import annotations

from typing import Any

GROUP = "home-ops.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "Application"
PLURAL = "applications"

_ANY: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_TEXT = {"type": "string"}
_COLUMNS = (
    ("Sync", "string", ".status.sync.status", 0),
    ("Health", "string", ".status.health.status", 0),
    ("Revision", "string", ".status.sync.revision", 0),
    ("Paused", "boolean", ".spec.paused", 0),
    ("Objects", "integer", ".status.objects", 1),
    ("Phase", "string", ".status.operationState.phase", 1),
    ("Message", "string", ".status.health.message", 1),
    ("Age", "date", ".metadata.creationTimestamp", 0),
)


def definition() -> dict[str, Any]:
    """The CustomResourceDefinition ``applications.home-ops.dev``."""
    names = {"kind": KIND, "plural": PLURAL, "singular": "application", "shortNames": ["hoapp"]}
    columns = [
        {"name": name, "type": kind, "jsonPath": path, "priority": priority}
        for name, kind, path, priority in _COLUMNS
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": names,
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {"openAPIV3Schema": _schema()},
                }
            ],
        },
    }


def _schema() -> dict[str, Any]:
    rollback = {
        "type": "object",
        "properties": {"revision": _TEXT, "insteadOf": _TEXT, "digest": _TEXT},
    }
    spec = {
        "type": "object",
        "properties": {
            **dict.fromkeys(("project", "path", "namespace"), _TEXT),
            "paused": {"type": "boolean"},
            "rollback": rollback,
        },
    }
    return {"type": "object", "properties": {"spec": spec, "status": _ANY}}
