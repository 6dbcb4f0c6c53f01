"""What is one Kubernetes object, and where does it belong in a sync?

Called by rendering, which makes Manifests; read by ordering, ownership, pruning and the components.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from gitops import yaml_reader
from gitops.errors import ManifestError
from gitops.objects.definition_schemas import FoldedSchemas, with_schemas, without_schemas

SYNC_WAVE = "argocd.argoproj.io/sync-wave"
HOOK = "argocd.argoproj.io/hook"
HELM_HOOK = "helm.sh/hook"
SKIP = "Skip"
MAPPING = (dict, Mapping)
"""For isinstance: to ask an abstract class alone is slow, and this is asked of every object."""
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")


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
    """One rendered object: its identity, its body, and its place in the order of a sync.

    The ``outline`` is the body, but for the ``schemas`` of a definition where those are folded; it
    is all that most questions are about.
    """

    key: ResourceKey
    outline: dict[str, Any] = field(hash=False)
    schemas: FoldedSchemas | None = None
    phase: SyncPhase = SyncPhase.SYNC
    wave: int = 0
    source: str = ""

    @property
    def body(self) -> dict[str, Any]:
        """The whole object; the schemas of a definition are unfolded anew each time."""
        return with_schemas(self.outline, self.schemas) if self.schemas else self.outline

    @property
    def identity(self) -> object:
        """Something in JSON that is the same where the bodies are."""
        return [self.outline, self.schemas.digest] if self.schemas else self.outline

    @property
    def api_version(self) -> str:
        """``group/version``, or ``v1`` for the core group."""
        return str(self.outline["apiVersion"])

    @property
    def annotations(self) -> Mapping[str, str]:
        """The object's own annotations; empty when it has none."""
        return annotations_of(self.outline)

    def folded(self) -> Manifest:
        """The same, with the schemas of a definition folded."""
        if self.schemas:
            return self
        outline, schemas = without_schemas(self.outline)
        return replace(self, outline=outline, schemas=schemas) if schemas else self

    @classmethod
    def from_body(cls, body: dict[str, Any], *, source: str = "") -> Manifest:
        """Read the identity, phase and wave of an object.

        Raises:
            ManifestError: ``apiVersion``, ``kind`` or ``metadata.name`` is missing or no text, a
                label or annotation is no text, or the sync-wave or hook annotation is none of
                ArgoCD's.
        """
        where = source or "manifest"
        api_version, kind = _text(body, "apiVersion", where), _text(body, "kind", where)
        metadata = _metadata(body, kind, where)
        name = _name(body, metadata, kind, where)
        namespace = metadata.get("namespace") or ""
        if not isinstance(namespace, str):
            raise ManifestError(
                where, f"metadata.namespace of {kind} {name} is no text", remedy="quote it"
            )
        group = api_version.rpartition("/")[0]
        key = ResourceKey(group=group, kind=kind, namespace=namespace, name=name)
        return cls(
            key=key, outline=body, phase=phase_of(body, key), wave=wave_of(body, key), source=source
        )


def _text(body: Mapping[str, Any], field_name: str, where: str) -> str:
    value = body.get(field_name)
    if not isinstance(value, str) or not value:
        raise ManifestError(
            where, f"an object has no {field_name}", remedy=f"give it a {field_name}, as text"
        )
    return value


def _metadata(body: Mapping[str, Any], kind: str, where: str) -> Mapping[str, Any]:
    metadata = body.get("metadata")
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        raise ManifestError(where, f"metadata of a {kind} is no mapping", remedy="correct it")
    for name in ("labels", "annotations"):
        entries = metadata.get(name)
        if entries is None:
            continue
        path = f"metadata.{name} of {kind} {metadata.get('name', '')}".rstrip()
        if not isinstance(entries, dict):
            raise ManifestError(where, f"{path} is no mapping", remedy="write key: value pairs")
        for key, value in entries.items():
            if not isinstance(value, str) and value is not None:
                raise ManifestError(
                    where, f"{path}: the value of {key} is no text", remedy="quote it"
                )
    return metadata


def _name(body: Mapping[str, Any], metadata: Mapping[str, Any], kind: str, where: str) -> str:
    name = metadata.get("name")
    if isinstance(name, str) and name:
        return name
    prefix = metadata.get("generateName")
    is_hook = not annotations_of(body).keys().isdisjoint((HOOK, HELM_HOOK))
    if name is None and is_hook and isinstance(prefix, str) and prefix:
        return prefix  # a hook may be created under a new name each time it runs
    raise ManifestError(where, f"a {kind} has no metadata.name", remedy="give it a name, as text")


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
    if items is None and (kind == "List" or "items" in document):
        return []  # how an empty list is written by some programs
    if not isinstance(items, list):
        return [document]
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
    found = metadata.get("annotations") if isinstance(metadata, MAPPING) else None
    return found if isinstance(found, MAPPING) else {}


def labels_of(body: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of an object; empty when there are none or they are no mapping."""
    metadata = body.get("metadata")
    found = metadata.get("labels") if isinstance(metadata, MAPPING) else None
    return found if isinstance(found, MAPPING) else {}


def wave_of(body: Mapping[str, Any], key: ResourceKey) -> int:
    """The sync wave of an object, 0 without the annotation.

    Raises:
        ManifestError: the annotation is no whole number (ArgoCD reads it as 0 in silence).
    """
    text = annotations_of(body).get(SYNC_WAVE)
    if text is None:
        return 0
    if not _WHOLE_NUMBER.fullmatch(text.strip()):
        raise ManifestError(
            str(key), f"{SYNC_WAVE} is {text!r}", remedy='use a whole number such as "-1"'
        )
    return int(text)


def phase_of(body: Mapping[str, Any], key: ResourceKey) -> SyncPhase:
    """The first phase the hook annotation names, Sync without one.

    Raises:
        ManifestError: the annotation names something else (ArgoCD would never apply the object).
    """
    text = annotations_of(body).get(HOOK)
    if text is None:
        return SyncPhase.SYNC
    names = {name.strip() for name in text.split(",")}
    allowed = (*SyncPhase, SKIP)
    if not names.issubset(allowed):
        raise ManifestError(
            str(key), f"{HOOK} is {text!r}", remedy=f"use one or more of {', '.join(allowed)}"
        )
    return next((phase for phase in SyncPhase if phase in names), SyncPhase.SYNC)
