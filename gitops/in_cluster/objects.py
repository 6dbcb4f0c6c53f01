"""What does every object of the bootstrap have in common?

Called by the modules that make them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RECONCILER = "reconciler"
WEBHOOK = "webhook"
NAME = "app.kubernetes.io/name"
COMPONENT = "app.kubernetes.io/component"
LABELS: Mapping[str, str] = {NAME: "home-ops", "app.kubernetes.io/managed-by": "home-ops"}
USER = 65532  # the image's; a number, so that the kubelet can see that it is not root


def an_object(
    api_version: str,
    kind: str,
    name: str,
    *,
    labels: Mapping[str, str] = LABELS,
    annotations: Mapping[str, str] | None = None,
    namespace: str = "",
    **fields: Any,
) -> dict[str, Any]:
    """An object; ``fields`` stand beside its metadata."""
    metadata: dict[str, Any] = {"name": name, "labels": dict(labels)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def selector(component: str) -> dict[str, str]:
    """The labels that the Pods of a component have and no others."""
    return {NAME: LABELS[NAME], COMPONENT: component}


def pod(
    component: str,
    container: Mapping[str, Any],
    *,
    volumes: list[dict[str, Any]],
    pull_secrets: tuple[str, ...] = (),
    **fields: Any,
) -> dict[str, Any]:
    """The template of a Pod that the Pod Security Standard "restricted" admits."""
    locked = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    spec: dict[str, Any] = {
        "serviceAccountName": component,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{"name": component, **container, "securityContext": locked}],
        "volumes": volumes,
        **fields,
    }
    if pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in pull_secrets]
    return {"metadata": {"labels": {**LABELS, **selector(component)}}, "spec": spec}


def network_policy(
    component: str, namespace: str, *, out: tuple[int, ...], into: tuple[int, ...] = ()
) -> dict[str, Any]:
    """What a component's Pods may talk to: names, and these TCP ports; and who may talk to them:
    nobody, or anybody on these ports."""
    names = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    spec: dict[str, Any] = {
        "podSelector": {"matchLabels": selector(component)},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [{"ports": names}, {"ports": _ports(out)}],
    }
    if into:
        spec["ingress"] = [{"ports": _ports(into)}]
    return an_object(
        "networking.k8s.io/v1", "NetworkPolicy", component, namespace=namespace, spec=spec
    )


def disruption_budget(component: str, namespace: str) -> dict[str, Any]:
    """One Pod of a component stays while others are moved, unless it does not work anyway."""
    spec = {
        "minAvailable": 1,
        "selector": {"matchLabels": selector(component)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return an_object("policy/v1", "PodDisruptionBudget", component, namespace=namespace, spec=spec)


def _ports(numbers: tuple[int, ...]) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": number} for number in sorted(set(numbers))]
