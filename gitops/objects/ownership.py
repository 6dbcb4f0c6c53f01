"""Which Application owns an object, and how does the object itself say so?

Called by composition, which marks every object, and by whoever reads objects back from a cluster.
The label selects, the annotation proves: controllers copy labels to objects of their own (a
Service's to its EndpointSlices), so an object is ours only if the annotation names that very object
and no controller owns it (the same reasoning as ArgoCD's annotation tracking).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gitops.objects.manifest import MAPPING, ResourceKey, annotations_of, labels_of

APPLICATION_LABEL = "home-ops/application"
TRACKING_ID = "home-ops/tracking-id"
STACK = "home-ops/stack"
RETAIN = "home-ops/retain"
LABEL_LIMIT = 63


def label_value(application: str) -> str:
    """An Application's name as a label value; longer than 63 characters, prefix and hash."""
    if len(application) <= LABEL_LIMIT:
        return application
    digest = hashlib.sha256(application.encode()).hexdigest()[:10]
    return f"{application[: LABEL_LIMIT - 11].rstrip('-._')}-{digest}"


def tracking_id(application: str, key: ResourceKey) -> str:
    """What the tracking annotation of an object must be for it to belong to an Application."""
    return f"{application}:{key.group}/{key.kind}:{key.namespace}/{key.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """What an object is marked with.

    ``stack`` keeps two stacks on one cluster from taking each other's objects for orphans;
    ``retained`` says that the object stays when its Application leaves Git.
    """

    application: str
    stack: str = ""
    retained: bool = False


def marked(body: Mapping[str, Any], key: ResourceKey, ownership: Ownership) -> dict[str, Any]:
    """A copy of an object with label and annotations; only the top-level metadata is touched, so
    Pod templates and selectors stay as they are and nothing restarts."""
    annotations = {
        **annotations_of(body),
        TRACKING_ID: tracking_id(ownership.application, key),
    }
    if ownership.stack:
        annotations[STACK] = ownership.stack
    if ownership.retained:
        annotations[RETAIN] = "true"
    labels = {**labels_of(body), APPLICATION_LABEL: label_value(ownership.application)}
    metadata = {**(body.get("metadata") or {}), "labels": labels, "annotations": annotations}
    return {**body, "metadata": metadata}


def live_key(live: Mapping[str, Any]) -> ResourceKey:
    """The identity of an object as a LIST or GET returned it."""
    metadata = live.get("metadata")
    if not isinstance(metadata, MAPPING):
        metadata = {}  # a file may hold anything
    return ResourceKey(
        group=str(live.get("apiVersion", "")).rpartition("/")[0],
        kind=str(live.get("kind", "")),
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name") or ""),
    )


def owner(live: Mapping[str, Any]) -> str | None:
    """The Application a live object belongs to, or None when it is not ours."""
    text = annotations_of(live).get(TRACKING_ID)
    metadata = live.get("metadata") or {}
    references = metadata.get("ownerReferences") or ()
    if not text or any(reference.get("controller") for reference in references):
        return None
    application = str(text).partition(":")[0]
    if text != tracking_id(application, live_key(live)):
        return None
    return application
