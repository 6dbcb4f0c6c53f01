"""What is one Kubernetes object, and where does it belong in a sync?

Called by rendering, which makes Manifests; read by ordering, ownership, pruning and the components.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from gitops import yaml_reader
from gitops.errors import ManifestError

SYNC_WAVE = "argocd.argoproj.io/sync-wave"
HOOK = "argocd.argoproj.io/hook"


class SyncPhase(StrEnum):
    """The part of a sync an object is applied in (ArgoCD, "Sync Phases and Waves")."""

    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"
    PRE_DELETE = "PreDelete"
    POST_DELETE = "PostDelete"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class ResourceKey:
    """The identity of an object in a cluster; its version is not part of it."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"

    @property
    def logical_name(self) -> str:
        """The name Pulumi knows the object by; group, version and kind are in its type."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One rendered object: its identity, its body, and its place in the order of a sync."""

    key: ResourceKey
    body: dict[str, Any] = field(hash=False)
    phase: SyncPhase = SyncPhase.SYNC
    wave: int = 0
    source: str = ""

    @property
    def api_version(self) -> str:
        """``group/version``, or ``v1`` for the core group."""
        return str(self.body["apiVersion"])

    @property
    def annotations(self) -> Mapping[str, str]:
        """The object's own annotations; empty when it has none."""
        return annotations_of(self.body)

    @classmethod
    def from_body(cls, body: dict[str, Any], *, source: str = "") -> Manifest:
        """Read the identity, phase and wave of an object.

        Raises:
            ManifestError: ``apiVersion``, ``kind`` or ``metadata.name`` is missing or no text, or
                the sync-wave annotation is no whole number.
        """
        where = source or "manifest"
        api_version, kind = body.get("apiVersion"), body.get("kind")
        metadata = body.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        for label, value in (("apiVersion", api_version), ("kind", kind)):
            if not isinstance(value, str) or not value:
                raise ManifestError(
                    where, f"an object has no {label}", remedy=f"give it a {label}, as text"
                )
        if metadata is not None and not isinstance(metadata, dict):
            raise ManifestError(where, f"metadata of a {kind} is no mapping", remedy="correct it")
        if not isinstance(name, str) or not name:
            generate = metadata.get("generateName") if isinstance(metadata, dict) else None
            if not (isinstance(generate, str) and generate and annotations_of(body).get(HOOK)):
                raise ManifestError(
                    where, f"a {kind} has no metadata.name", remedy="give it a name, as text"
                )
            name = generate
        namespace = metadata.get("namespace") or "" if isinstance(metadata, dict) else ""
        if not isinstance(namespace, str):
            raise ManifestError(
                where, f"metadata.namespace of {kind} {name} is no text", remedy="quote it"
            )
        group = str(api_version).rpartition("/")[0]
        key = ResourceKey(group=group, kind=str(kind), namespace=namespace, name=name)
        return cls(key=key, body=body, phase=phase_of(body), wave=wave_of(body, key), source=source)


def load_yaml(text: str | bytes, *, source: str = "") -> list[dict[str, Any]]:
    """The objects in a YAML or JSON text, read as the API server reads it.

    Empty documents are dropped, and an object that is a List is replaced by its items, to any
    depth; items without a kind get the List's, as kubectl does it.

    Raises:
        ManifestError: the text cannot be read, or a document or item is no mapping.
    """
    found: list[dict[str, Any]] = []
    for document in yaml_reader.load(text, source=source):
        if document is not None and document != {}:
            found += _expanded(document, source or "manifest")
    return found


def _expanded(document: Any, where: str) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        raise ManifestError(
            where,
            f"a document is a {type(document).__name__}, not a mapping",
            remedy="write an object with apiVersion, kind and metadata",
        )
    kind, items = document.get("kind"), document.get("items")
    if not (isinstance(kind, str) and kind.endswith("List") and document.get("apiVersion")):
        return [document]
    if not isinstance(items, list):
        return [] if kind == "List" and items is None else [document]
    found = []
    for item in items:
        if isinstance(item, dict) and kind != "List" and "kind" not in item:
            kinds = {"apiVersion": document["apiVersion"], "kind": kind.removesuffix("List")}
            item = {**kinds, **item}
        found += _expanded(item, where)
    return found


def annotations_of(body: Mapping[str, Any]) -> Mapping[str, str]:
    """The annotations of an object; empty when there are none or they are no mapping."""
    metadata = body.get("metadata")
    found = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def labels_of(body: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of an object; empty when there are none or they are no mapping."""
    metadata = body.get("metadata")
    found = metadata.get("labels") if isinstance(metadata, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def wave_of(body: Mapping[str, Any], key: ResourceKey) -> int:
    """The sync wave of an object, 0 without the annotation.

    Raises:
        ManifestError: the annotation is no whole number (ArgoCD reads it as 0 in silence).
    """
    text = annotations_of(body).get(SYNC_WAVE)
    if text is None:
        return 0
    try:
        return int(str(text).strip())
    except ValueError as error:
        raise ManifestError(
            str(key), f"{SYNC_WAVE} is {text!r}", remedy='use a whole number such as "-1"'
        ) from error


def phase_of(body: Mapping[str, Any]) -> SyncPhase:
    """The first phase the hook annotation names, Sync without one."""
    names = {name.strip() for name in str(annotations_of(body).get(HOOK, "")).split(",")}
    return next((phase for phase in SyncPhase if phase.value in names), SyncPhase.SYNC)
