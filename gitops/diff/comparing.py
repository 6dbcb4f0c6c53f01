"""In which fields does a live object differ from the target?

The comparison itself: it walks over the target's fields and asks ``values`` whether two scalars
mean the same, ``lists`` which items belong together and ``owners`` who wrote what differs. A field
the target does not have is nobody's business, unless we own it: then Git had it once, and the next
sync takes it away.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gitops.diff.lists import WHOLE, label, merge_of, pairs
from gitops.diff.owners import Owned, at, left_over, owned, owner_of
from gitops.diff.places import ROOT, Place
from gitops.diff.values import identical, is_empty, is_filled_in, means_missing, same_scalar
from gitops.errors import ManifestError
from gitops.ignoring.partial import FIELD_MANAGER, STEERING
from gitops.ignoring.rules import IgnoreRule, matching, without_ignored
from gitops.objects.manifest import Manifest

HIDDEN = "(hidden)"
_MISSING: Any = object()
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Of the metadata, what an API server decides by itself; ``status`` is its controllers' (ArgoCD
# ignores it for all kinds: "Diff Customization", ignoreResourceStatusField).
_SERVERS_NAMES = """
creationTimestamp deletionGracePeriodSeconds deletionTimestamp generateName generation
managedFields resourceVersion selfLink uid
"""
_SERVERS = frozenset(_SERVERS_NAMES.split())
_BUILT_IN = re.compile(r"(apps|autoscaling|batch|policy|[a-z0-9.-]*\.k8s\.io)/.*|v1")
# Groups of custom resources that end like those of Kubernetes itself.
_CUSTOM = re.compile(
    r"((gateway|policy)\.networking|(group)?snapshot\.storage|autoscaling|metrics)\.k8s\.io/.*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that is not what Git says.

    Args:
        path: the field: ``spec.template.spec.containers[name=main].image``.
        target: what Git says, None where it no longer says anything.
        live: what the cluster has, None where it has nothing.
        manager: the field manager that wrote it last, empty where nobody is known to have.
    """

    path: str
    target: Any = dataclasses.field(hash=False)
    live: Any = dataclasses.field(hash=False)
    manager: str = ""


def compare(
    target: Mapping[str, Any], live: Mapping[str, Any], ignore: Sequence[IgnoreRule] = ()
) -> list[Difference]:
    """The fields of the target that are otherwise in the cluster, and those we own beside them.

    Args:
        target: a rendered object.
        live: the same object as a LIST or GET returned it, in the target's ``apiVersion``.
        ignore: any rules; those about other objects do not matter.

    Returns:
        The differences by path. Values of a Secret's data are never among them.

    Raises:
        ConfigError: a jq expression of a rule cannot be evaluated; no object raises anything.
    """
    target, shown = _without_ignored(target, live, ignore)
    walk = _Walk(
        live=_normal(shown),
        entries=owned(live),
        version=str(live.get("apiVersion", "")),
        built_in=_is_built_in(str(target.get("apiVersion", ""))),
        secret=target.get("kind") == "Secret" and target.get("apiVersion") == "v1",
    )
    return sorted(walk.differences(_normal(target)), key=lambda each: each.path)


def _without_ignored(
    target: Mapping[str, Any], live: Mapping[str, Any], ignore: Sequence[IgnoreRule]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    try:
        rules = matching(ignore, Manifest.from_body(dict(target)).key)
        if not rules:
            return target, live
        Manifest.from_body(dict(live))
    except ManifestError:  # it is no object, so no rule is about it
        return target, live
    return without_ignored(target, rules, live)[0], without_ignored(live, rules, live)[0]


def _normal(body: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what no two sides have to agree about."""
    result = {name: value for name, value in body.items() if name not in ("apiVersion", "status")}
    metadata = body.get("metadata")
    if isinstance(metadata, dict):
        result["metadata"] = kept = {n: v for n, v in metadata.items() if n not in _SERVERS}
        annotations = kept.get("annotations")
        if isinstance(annotations, dict):
            kept["annotations"] = {
                name: value
                for name, value in annotations.items()
                if name != LAST_APPLIED and not name.startswith(STEERING)
            }
    plain = body.get("stringData")
    if body.get("kind") == "Secret" and isinstance(plain, dict):
        # what the API server makes of it (Secret, "stringData")
        data = result.get("data")
        encoded = {name: _encoded(value) for name, value in plain.items()}
        result["data"] = {**(data if isinstance(data, dict) else {}), **encoded}
        del result["stringData"]
    return result


def _encoded(value: Any) -> Any:
    text = value if isinstance(value, str) else ""
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def _is_built_in(api_version: str) -> bool:
    return bool(_BUILT_IN.fullmatch(api_version)) and not _CUSTOM.fullmatch(api_version)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """One comparison: the live object, who owns what of it, and what kind it is of."""

    live: dict[str, Any]
    entries: list[Owned]
    version: str
    built_in: bool
    secret: bool

    def differences(self, target: dict[str, Any]) -> Iterator[Difference]:
        if not is_empty(target.get("aggregationRule")):
            target = {**target, "rules": None}  # a controller's (RBAC, "Aggregated ClusterRoles")
        yield from self._mapping(target, self.live, ROOT)
        for entry in self.entries:
            if entry.applied_by(FIELD_MANAGER) and entry.api_version == self.version:
                for place, value in left_over(entry.tree, target, self.live, ROOT):
                    yield self._difference(place, _MISSING, value)

    def _mapping(
        self, target: Mapping[str, Any], live: Mapping[str, Any], place: Place
    ) -> Iterator[Difference]:
        for name, value in target.items():
            found = live.get(name, _MISSING)
            if not identical(value, found):
                yield from self._value(value, found, place.inner(name))

    def _value(self, target: Any, live: Any, place: Place) -> Iterator[Difference]:
        if identical(target, live) or self._is_left_to_server(target, live, place):
            return
        if isinstance(target, dict) and isinstance(live, dict):
            yield from self._mapping(target, live, place)
        elif isinstance(target, list) and isinstance(live, list):
            yield from self._list(target, live, place)
        elif not self._same(target, live, place):
            yield self._difference(place, target, live)

    def _is_left_to_server(self, target: Any, live: Any, place: Place) -> bool:
        """Whether a value says nothing that the API server would store."""
        absent = live is _MISSING or live is None
        judge = means_missing if absent else is_filled_in
        return judge(target, field=place.field, within=place.within, built_in=self.built_in)

    def _same(self, target: Any, live: Any, place: Place) -> bool:
        if isinstance(target, dict | list) or isinstance(live, dict | list):
            return False
        in_bytes = place.within == "binaryData" or (self.secret and place.is_in("data"))
        return same_scalar(target, live, field=place.field, within=place.within, in_bytes=in_bytes)

    def _list(self, target: list[Any], live: list[Any], place: Place) -> Iterator[Difference]:
        trees = at(place.steps, self.live, self.entries)
        merge = merge_of(trees, field=place.field, within=place.within, built_in=self.built_in)
        matched = pairs(target, live, merge)
        if matched is None:
            if len(target) != len(live):
                yield self._difference(place, target, live)
                return
            merge, matched = WHOLE, [(index, index) for index in range(len(target))]
        for index, other in matched:
            called = label(target[index], index, merge)
            item = place.item(len(live) if other is None else other, called)
            yield from self._value(target[index], _MISSING if other is None else live[other], item)

    def _difference(self, place: Place, target: Any, live: Any) -> Difference:
        hidden = self.secret and place.is_in("data")
        return Difference(
            path=place.name,
            target=_shown(target, hidden=hidden),
            live=_shown(live, hidden=hidden),
            manager=owner_of(place.steps, self.live, self.entries, ours=FIELD_MANAGER),
        )


def _shown(value: Any, *, hidden: bool) -> Any:
    if value is _MISSING:
        return None
    return HIDDEN if hidden else value
