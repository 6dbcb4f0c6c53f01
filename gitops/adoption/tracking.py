"""Who manages a live object now, and by which metadata do they know it?

ArgoCD's annotation or label tracking ("Resource Tracking"), Helm's release annotations, and what
``kubectl apply`` notes. Former managers are those that apply whole objects; somebody's
``kubectl edit``, ``scale`` or ``rollout restart`` is a change to one field and stays theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.diff.comparing import LAST_APPLIED
from gitops.diff.owners import Owned, owned
from gitops.ignoring.json_paths import Path
from gitops.ignoring.partial import FIELD_MANAGER
from gitops.objects.manifest import ResourceKey, annotations_of, labels_of
from gitops.objects.ownership import live_key
from gitops.objects.shared_objects import ARGOCD_TRACKING_ID

TEMPORARY = "home-ops-adoption"
ARGOCD_MANAGERS = frozenset({"argocd-controller", "argocd-application-controller"})
# kubectl-last-applied and before-first-apply are what the API server itself calls those that came
# before the first server-side apply.
FORMER_MANAGERS = ARGOCD_MANAGERS | {
    "before-first-apply",
    "Helm",
    "helm",
    "kubectl",
    "kubectl-client-side-apply",
    "kubectl-create",
    "kubectl-last-applied",
    "kubectl-replace",
    TEMPORARY,
}
ARGOCD_INSTALLATION = "argocd.argoproj.io/installation-id"
INSTANCE = "app.kubernetes.io/instance"
INSTANCE_LABELS = (INSTANCE, "argocd.argoproj.io/instance")
"""ArgoCD's own, and what people set it to so that it is no label of a chart
(``application.instanceLabelKey``)."""
MANAGED_BY = "app.kubernetes.io/managed-by"
HELM_RELEASE = "meta.helm.sh/release-name"
HELM_NAMESPACE = "meta.helm.sh/release-namespace"
_ANNOTATIONS = (ARGOCD_TRACKING_ID, ARGOCD_INSTALLATION, LAST_APPLIED, HELM_RELEASE, HELM_NAMESPACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmRelease:
    """A release; its Secrets hold every manifest Helm knows of."""

    name: str
    namespace: str

    def __str__(self) -> str:
        return f"Helm release {self.namespace}/{self.name}"


def former_entries(live: Mapping[str, Any], more: Collection[str] = ()) -> list[Owned]:
    """What former managers own of an object; ``more`` are further names that count as such.

    What they own of a subresource (``status``) is not looked at.
    """
    names = FORMER_MANAGERS | frozenset(more)
    return [
        each
        for each in owned(live)
        if not each.subresource and each.manager in names and each.manager != FIELD_MANAGER
    ]


def staying_entries(live: Mapping[str, Any], former: Sequence[Owned]) -> list[Owned]:
    """What everybody owns but the former managers."""
    return [each for each in owned(live) if each not in former]


def argocd_application(live: Mapping[str, Any]) -> str:
    """The name in ArgoCD's tracking annotation, empty where it is not about this very object:
    controllers copy annotations. Of an Application outside ArgoCD's own namespace it is
    ``<namespace>_<name>``."""
    name, _, rest = annotations_of(live).get(ARGOCD_TRACKING_ID, "").partition(":")
    return name if rest == _identity(live_key(live)) else ""


def argocd_labels(live: Mapping[str, Any], former: Sequence[Owned]) -> dict[str, str]:
    """The labels with which ArgoCD names the Application, as far as ArgoCD has set them."""
    trees = (each.tree for each in former if each.manager in ARGOCD_MANAGERS)
    theirs = {
        name for tree in trees for name in (tree.get("f:metadata") or {}).get("f:labels") or {}
    }
    labels = labels_of(live)
    return {
        name: labels[name] for name in INSTANCE_LABELS if name in labels and f"f:{name}" in theirs
    }


def argocd_names(live: Mapping[str, Any], former: Sequence[Owned]) -> frozenset[str]:
    """What an object's metadata says of the ArgoCD Application it is of."""
    return frozenset({argocd_application(live), *argocd_labels(live, former).values()} - {""})


def helm_release(live: Mapping[str, Any]) -> HelmRelease | None:
    """The Helm release an object says it belongs to."""
    annotations = annotations_of(live)
    name = annotations.get(HELM_RELEASE)
    namespace = annotations.get(HELM_NAMESPACE, "")
    return HelmRelease(name=name, namespace=namespace) if name else None


def tracked_by(live: Mapping[str, Any], former: Sequence[Owned]) -> Iterator[str]:
    """Who manages an object, in words."""
    labelled = next(iter(argocd_labels(live, former).values()), "")
    if application := argocd_application(live) or labelled:
        yield f"ArgoCD Application {application}"
    elif any(each.manager in ARGOCD_MANAGERS for each in former):
        yield "ArgoCD"
    release = helm_release(live)
    if release:
        yield str(release)
    elif any(each.manager.lower() == "helm" for each in former):
        yield "Helm"
    if LAST_APPLIED in annotations_of(live):
        yield "kubectl apply"
    elif any(each.manager.startswith("kubectl") for each in former):
        yield "kubectl"


def tracking_metadata(
    live: Mapping[str, Any], target: Mapping[str, Any], former: Sequence[Owned]
) -> list[Path]:
    """The labels and annotations that go with the former managers; what Git sets stays.

    Args:
        live: the object.
        target: what a sync would apply.
        former: what its former managers own.
    """
    annotations, labels = annotations_of(live), labels_of(live)
    found: list[Path] = [
        ("metadata", "annotations", name)
        for name in _ANNOTATIONS
        if name in annotations and name not in annotations_of(target)
    ]
    by_helm = HELM_RELEASE in annotations and labels.get(MANAGED_BY) == "Helm"
    theirs = (*((MANAGED_BY,) if by_helm else ()), *argocd_labels(live, former))
    found += [("metadata", "labels", name) for name in theirs if name not in labels_of(target)]
    return found


def _identity(key: ResourceKey) -> str:
    return f"{key.group}/{key.kind}:{key.namespace}/{key.name}"
