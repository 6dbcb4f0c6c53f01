"""Which Application answers the admission webhooks an Application's objects go through?

Called to order Applications. Only what is rendered counts: the webhook configuration, the Service
it names and the objects it matches (Kubernetes, "Dynamic Admission Control", rules, selectors).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.application_target import ApplicationTarget
from gitops.objects.manifest import Manifest, labels_of
from gitops.objects.scope import is_crd

GROUP = "admissionregistration.k8s.io"
KINDS = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})
NAMESPACE_NAME = "kubernetes.io/metadata.name"
_APPLIED_WITH = frozenset({"CREATE", "UPDATE", "*"})
_HISSING = re.compile(r"(s|x|z|ch|sh)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Webhook:
    """One webhook and the Application that renders its Service."""

    body: Mapping[str, Any]
    backend: str


def backends(targets: Sequence[ApplicationTarget]) -> set[tuple[str, str]]:
    """Pairs of Applications: one with an object that a webhook is asked about, and the one that
    renders that webhook's Service."""
    webhooks = list(_webhooks(targets))
    if not webhooks:
        return set()
    plurals = _plurals(targets)
    namespaces = _namespace_labels(targets)
    found: set[tuple[str, str]] = set()
    for target in targets:
        for webhook in webhooks:
            pair = (target.spec.name, webhook.backend)
            if pair[0] == pair[1] or pair in found:
                continue
            if any(_asked(webhook.body, each, plurals, namespaces) for each in target.manifests):
                found.add(pair)
    return found


def _webhooks(targets: Iterable[ApplicationTarget]) -> Iterator[_Webhook]:
    services = {
        (each.key.namespace, each.key.name): target.spec.name
        for target in targets
        for each in target.manifests
        if (each.key.group, each.key.kind) == ("", "Service")
    }
    for target in targets:
        for manifest in target.manifests:
            if manifest.key.group != GROUP or manifest.key.kind not in KINDS:
                continue
            for body in _list(manifest.outline, "webhooks"):
                service = _mapping(_mapping(body, "clientConfig"), "service")
                backend = services.get((service.get("namespace", ""), service.get("name", "")))
                if backend is not None:
                    yield _Webhook(body=body, backend=backend)


def _asked(
    webhook: Mapping[str, Any],
    manifest: Manifest,
    plurals: Mapping[tuple[str, str], str],
    namespaces: Mapping[str, Mapping[str, str]],
) -> bool:
    key = manifest.key
    if key.group == GROUP:
        return False  # the API server asks no webhook about webhooks
    plural = plurals.get((key.group, key.kind)) or plural_of(key.kind)
    if not any(_rule_matches(rule, manifest, plural) for rule in _list(webhook, "rules")):
        return False
    if not _selected(_mapping(webhook, "objectSelector"), labels_of(manifest.outline)):
        return False
    name = key.name if (key.group, key.kind) == ("", "Namespace") else key.namespace
    if not name:
        return True  # the namespace selector asks nothing of objects without a namespace
    labels = {**namespaces.get(name, {}), NAMESPACE_NAME: name}
    return _selected(_mapping(webhook, "namespaceSelector"), labels)


def _rule_matches(rule: Mapping[str, Any], manifest: Manifest, plural: str) -> bool:
    version = manifest.api_version.rpartition("/")[2]
    scopes = ("*", "Namespaced" if manifest.key.namespace else "Cluster")
    return (
        not _APPLIED_WITH.isdisjoint(_list(rule, "operations"))
        and _holds(rule, "apiGroups", manifest.key.group)
        and _holds(rule, "apiVersions", version)
        and not {"*", "*/*", plural, f"{plural}/*"}.isdisjoint(_list(rule, "resources"))
        and rule.get("scope", "*") in scopes
    )


def _holds(rule: Mapping[str, Any], name: str, value: str) -> bool:
    return not {"*", value}.isdisjoint(_list(rule, name))


def _selected(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Kubernetes, "Labels and Selectors", set-based requirements; an empty selector takes all."""
    if any(labels.get(name) != value for name, value in _mapping(selector, "matchLabels").items()):
        return False
    return all(_required(each, labels) for each in _list(selector, "matchExpressions"))


def _required(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(str(expression.get("key"))), _list(expression, "values")
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return True  # the API server will refuse it


def plural_of(kind: str) -> str:
    """The resource a kind of Kubernetes' own is served as, by the rules its names follow."""
    word = kind.lower()
    if word == "endpoints":
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if _HISSING.search(word) else f"{word}s"


def _plurals(targets: Iterable[ApplicationTarget]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for manifest in (each for target in targets for each in target.manifests):
        if is_crd(manifest.outline):
            spec = _mapping(manifest.outline, "spec")
            names = _mapping(spec, "names")
            found[str(spec.get("group")), str(names.get("kind"))] = str(names.get("plural"))
    return found


def _namespace_labels(targets: Iterable[ApplicationTarget]) -> dict[str, Mapping[str, str]]:
    return {
        manifest.key.name: labels_of(manifest.outline)
        for target in targets
        for manifest in target.manifests
        if (manifest.key.group, manifest.key.kind) == ("", "Namespace")
    }


def _mapping(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def _list(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []
