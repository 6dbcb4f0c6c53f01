"""Does an object have fields that its kind does not have?

Asked about what a run would create or change, of the kinds every API server has: from those the
provider leaves out in silence what it does not know, before the API server could refuse it. Custom
resources it sends as they are. The rule is the server's own for server-side apply and kubectl's:
a field that the published schema does not declare is refused ("field not declared in schema").
Sources: Kubernetes, "API Concepts" (field validation), "The Kubernetes API" (OpenAPI V3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gitops.application_target import ApplicationTarget
from gitops.configuration.suggestions import did_you_mean
from gitops.deployment.inventory import Inventory
from gitops.deployment.unchanged import unchanged
from gitops.errors import ManifestError
from gitops.objects.manifest import Manifest
from gitops.objects.scope import CLUSTER_KINDS, NAMESPACED_KINDS

_REFERENCE = "#/components/schemas/"
_KEEPS_ALL = "x-kubernetes-preserve-unknown-fields"
_BUILT_IN = frozenset(
    (group, kind)
    for kinds in (NAMESPACED_KINDS, CLUSTER_KINDS)
    for group, names in kinds.items()
    for kind in names.split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What one kind looks like in one version.

    Args:
        root: its OpenAPI v3 schema.
        parts: the schemas it refers to, by name.
    """

    root: Mapping[str, Any] = field(hash=False)
    parts: Mapping[str, Mapping[str, Any]] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownField:
    """A field that a schema does not have, and what may have been meant."""

    path: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.path}{self.hint}"


class SchemaSource(Protocol):
    """Who knows schemas."""

    def find(self, api_version: str, kind: str) -> Schema | None:
        """The schema of a kind in a version, or None where it is not known."""


def refuse_unknown_fields(
    targets: Iterable[ApplicationTarget], inventory: Inventory, schemas: SchemaSource | None
) -> tuple[ApplicationTarget, ...]:
    """The Applications; one is broken where an object that is new or changed has fields its kind
    does not have, and does not say Validate=false.

    Args:
        targets: all Applications of a run.
        inventory: the last deployment; what is as it was then is not looked at.
        schemas: what the cluster knows; without one nothing is refused.
    """
    if schemas is None:
        return tuple(targets)
    return tuple(_checked(target, inventory, schemas) for target in targets)


def unknown_fields(body: Mapping[str, Any], schema: Schema) -> list[UnknownField]:
    """The fields of an object that its schema does not have."""
    return list(_unknown(body, schema.root, schema, ""))


def _checked(
    target: ApplicationTarget, inventory: Inventory, schemas: SchemaSource
) -> ApplicationTarget:
    for manifest in target.manifests:
        if not _is_asked(manifest, target, inventory):
            continue
        schema = schemas.find(manifest.api_version, manifest.key.kind)
        found = unknown_fields(manifest.body, schema) if schema else []
        if found:
            named = ", ".join(map(str, found))
            return target.broken(
                ManifestError(
                    target.subject,
                    f"{manifest.key} has what {manifest.api_version} does not have: {named}",
                    remedy="correct it, or set Validate=false to have it left out",
                )
            )
    return target


def _is_asked(manifest: Manifest, target: ApplicationTarget, inventory: Inventory) -> bool:
    if (manifest.key.group, manifest.key.kind) not in _BUILT_IN:
        return False
    if not target.options_for(manifest.key).validate:
        return False
    last = inventory.objects.get(manifest.key)
    if last is None:
        return True
    # the first comparison is quick, and nearly always enough
    return _plain(manifest.body) != _plain(last.body) and not unchanged(manifest, last.body)


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """An object without its annotations, among which are those the provider is told with."""
    metadata = {name: value for name, value in body["metadata"].items() if name != "annotations"}
    return {**body, "metadata": metadata}


def _unknown(value: Any, schema: Mapping[str, Any], of: Schema, at: str) -> Iterator[UnknownField]:
    resolved = _resolved(schema, of)
    if isinstance(value, list):
        items = resolved.get("items") or {}
        for index, each in enumerate(value):
            yield from _unknown(each, items, of, f"{at}[{index}]")
    elif isinstance(value, Mapping):
        fields, others = resolved.get("properties") or {}, resolved.get("additionalProperties")
        closed = fields and not others and not resolved.get(_KEEPS_ALL)
        for name, each in value.items():
            below = f"{at}.{name}" if at else str(name)
            if name in fields:
                yield from _unknown(each, fields[name], of, below)
            elif isinstance(others, Mapping):
                yield from _unknown(each, others, of, below)
            elif closed:
                yield UnknownField(path=below, hint=_hint(str(name), fields))


def _resolved(schema: Mapping[str, Any], of: Schema) -> Mapping[str, Any]:
    """A schema that is no reference; with a default beside it, one is written as ``allOf``."""
    while True:
        several = schema.get("allOf")
        if several and len(several) == 1:
            schema = several[0]
        reference = schema.get("$ref")
        if not reference:
            return schema
        schema = of.parts.get(str(reference).removeprefix(_REFERENCE), {})


def _hint(name: str, fields: Iterable[str]) -> str:
    meant = did_you_mean(name, fields)
    return f" ({meant.removeprefix('; ')})" if meant else ""
