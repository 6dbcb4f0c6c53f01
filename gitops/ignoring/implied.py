"""Which fields does another controller own, as the manifests themselves say?

Called by composition with the objects of all Applications; the rules are added to those people
write. An autoscaler owns the replicas of what it scales (Kubernetes, "Horizontal Pod Autoscaling",
last section), and cert-manager the CA bundles it is told to inject ("CA Injector").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gitops.ignoring.rules import IgnoreRule
from gitops.objects.manifest import Manifest

INJECTIONS = frozenset(
    f"cert-manager.io/{name}"
    for name in ("inject-ca-from", "inject-ca-from-secret", "inject-apiserver-ca")
)
_AUTOSCALERS = {
    ("autoscaling", "HorizontalPodAutoscaler"): {},
    ("keda.sh", "ScaledObject"): {"apiVersion": "apps/v1", "kind": "Deployment"},
}
_WEBHOOKS = "admissionregistration.k8s.io"
_BUNDLES = {
    ("apiregistration.k8s.io", "APIService"): "/spec/caBundle",
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
    ): "/spec/conversion/webhook/clientConfig/caBundle",
}


def implied_rules(manifests: Iterable[Manifest]) -> tuple[IgnoreRule, ...]:
    """The rules that follow from the manifests, of whichever Application."""
    return tuple(
        rule for manifest in manifests for rule in (*_scaled(manifest), *_injected(manifest))
    )


def _scaled(manifest: Manifest) -> Iterator[IgnoreRule]:
    defaults = _AUTOSCALERS.get((manifest.key.group, manifest.key.kind))
    reference = _mapping(manifest.outline.get("spec")).get("scaleTargetRef")
    if defaults is None or not isinstance(reference, Mapping):
        return
    reference = {**defaults, **reference}
    kind, name = str(reference.get("kind") or ""), str(reference.get("name") or "")
    if kind and name:
        yield IgnoreRule(
            group=str(reference.get("apiVersion") or "").rpartition("/")[0],
            kind=kind,
            name=name,
            namespace=manifest.key.namespace,
            json_pointers=("/spec/replicas",),
        )


def _injected(manifest: Manifest) -> Iterator[IgnoreRule]:
    if INJECTIONS.isdisjoint(manifest.annotations):
        return
    pointers = _bundles(manifest)
    if pointers:
        key = manifest.key
        yield IgnoreRule(group=key.group, kind=key.kind, name=key.name, json_pointers=pointers)


def _bundles(manifest: Manifest) -> tuple[str, ...]:
    key = manifest.key
    if key.group == _WEBHOOKS and key.kind.endswith("WebhookConfiguration"):
        count = len(manifest.outline.get("webhooks") or ())
        return tuple(f"/webhooks/{index}/clientConfig/caBundle" for index in range(count))
    pointer = _BUNDLES.get((key.group, key.kind))
    return (pointer,) if pointer else ()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
